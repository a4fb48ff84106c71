# lease.sh -- what the hook scripts of udhcpc, dhclient and dhcpcd share: a lease in shell variables becomes an address, a
# route, resolv.conf and the JSON file that labctl reads. Sourced, not run. lab-dhclient does all this itself.
#
# The hook sets: address prefix broadcast routers name_servers domain search server lease ntp (lists separated by spaces).
# ipv6_lease: JSON about the other protocol, where the client speaks it.
# From labctl, all optional: LAB_RESOLV_CONF LAB_SEARCH (searched before the leased names) LAB_LEASE_FILE LAB_READY (the
# program that tells the supervisor) NOTIFY_SOCKET.

set_address() {
  ip address replace "$address/$prefix" ${broadcast:+broadcast "$broadcast"} dev "$interface" \
    valid_lft "${lease:-forever}" preferred_lft "${lease:-forever}"
  for router in $routers; do
    ip route replace default via "$router" dev "$interface" proto dhcp
    break
  done
}

clear_address() {
  ip -4 address flush dev "$interface"
  [ -z "$LAB_LEASE_FILE" ] || rm -f "$LAB_LEASE_FILE"
}

# In place: the file may be a bind mount, which cannot be replaced.
write_resolv_conf() {
  [ -n "$LAB_RESOLV_CONF" ] && [ -n "$name_servers" ] || return 0
  {
    echo "# from the DHCP lease of $interface"
    names=${LAB_SEARCH:+$LAB_SEARCH }${search:-$domain}
    [ -z "$names" ] || echo "search ${names% }"
    for name_server in $name_servers; do echo "nameserver $name_server"; done
  } >"$LAB_RESOLV_CONF"
}

json_text() { printf '"%s"' "$(printf %s "$1" | tr -d '"\\\000-\037')"; }
json_text_or_null() { if [ -n "$1" ]; then json_text "$1"; else printf null; fi; }
json_list() {
  list=
  for item in $1; do list="$list${list:+,}$(json_text "$item")"; done
  printf '[%s]' "$list"
}

write_lease_file() {
  [ -n "$LAB_LEASE_FILE" ] || return 0
  now=$(date +%s)
  time=${lease:-3600}
  {
    printf '{"interface":%s,"address":%s,"prefix":%d,' "$(json_text "$interface")" "$(json_text "$address")" "$prefix"
    printf '"server":%s,"router":%s,' "$(json_text "$server")" "$(json_text_or_null "${routers%% *}")"
    printf '"dns":%s,"ntp":%s,' "$(json_list "$name_servers")" "$(json_list "$ntp")"
    printf '"domain":%s,"search":%s,' "$(json_text "$domain")" "$(json_list "$search")"
    printf '"hostname":"","routes":[],"broadcast":%s,' "$(json_text_or_null "$broadcast")"
    [ -z "${ipv6_lease:-}" ] || printf '"ipv6":%s,' "$ipv6_lease"
    printf '"obtained":%d,"lease":%d,"renew":%d,"rebind":%d,"expiry":%d}\n' "$now" "$time" $((now + time / 2)) \
      $((now + time * 7 / 8)) $((now + time))
  } >"$LAB_LEASE_FILE.new"
  mv "$LAB_LEASE_FILE.new" "$LAB_LEASE_FILE"
}

tell_ready() { [ -z "$NOTIFY_SOCKET" ] || "${LAB_READY:-lab-dhclient}" --ready; }

prefix_of_mask() {
  bits=0
  rest=$1.
  while [ -n "$rest" ]; do
    case ${rest%%.*} in
    255) bits=$((bits + 8)) ;; 254) bits=$((bits + 7)) ;; 252) bits=$((bits + 6)) ;; 248) bits=$((bits + 5)) ;;
    240) bits=$((bits + 4)) ;; 224) bits=$((bits + 3)) ;; 192) bits=$((bits + 2)) ;; 128) bits=$((bits + 1)) ;;
    esac
    rest=${rest#*.}
  done
  echo "$bits"
}
