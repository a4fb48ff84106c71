#!/bin/sh
# The script of ISC dhclient:
#
#   dhclient -4 -d -sf dhclient.sh -cf dhclient.conf -lf STATE -pf /dev/null -e LAB_RESOLV_CONF=… -e LAB_LEASE_FILE=… \
#     -e LAB_READY=… -e NOTIFY_SOCKET=… eth0
#
# -d stays in the foreground; dhclient empties the environment, so each variable is handed on with -e. `send host-name
# "pc1";` belongs into the conf file. STATE must exist and is kept over restarts (INIT-REBOOT).
. "$(dirname "$0")/lease.sh"

# shellcheck disable=SC2154  # dhclient sets: reason interface and new_… for every option
case $reason in
PREINIT) ip link set "$interface" up ;;
BOUND | RENEW | REBIND | REBOOT | TIMEOUT)
  [ -z "$old_ip_address" ] || [ "$old_ip_address" = "$new_ip_address" ] || clear_address
  address=$new_ip_address prefix=$(prefix_of_mask "$new_subnet_mask") broadcast=$new_broadcast_address
  routers=$new_routers name_servers=$new_domain_name_servers domain=$new_domain_name
  search=$(echo "$new_domain_search" | sed 's/\. / /g; s/\.$//')
  server=$new_dhcp_server_identifier lease=$new_dhcp_lease_time ntp=$new_ntp_servers
  set_address
  write_resolv_conf
  write_lease_file
  case $reason in RENEW | REBIND) ;; *) tell_ready ;; esac
  ;;
EXPIRE | FAIL | RELEASE | STOP) clear_address ;;
esac
exit 0
