#include "labctl/plan/lease_script.hpp"

#include <fmt/format.h>

namespace lab::plan {

namespace {

/// Between single quotes for a shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// udhcpc names the event in $1 and its variables ip, mask, router…; dhclient and dhcpcd set reason and
// new_ip_address….
constexpr const char* kBody = R"SH(
if [ $# -gt 0 ]; then
  client=udhcpc event=$1
  address=${ip:-} netmask=${subnet:-} routers=${router:-} servers=${dns:-} name=${domain:-} searched=${search:-}
  seconds=${lease:-0} from=${serverid:-}
else
  event=${reason:-}
  client=dhclient
  [ -n "${new_subnet_cidr:-}" ] && client=dhcpcd
  address=${new_ip_address:-} netmask=${new_subnet_mask:-} routers=${new_routers:-}
  servers=${new_domain_name_servers:-} name=${new_domain_name:-} searched=${new_domain_search:-}
  seconds=${new_dhcp_lease_time:-0} from=${new_dhcp_server_identifier:-}
fi

prefix_of() {  # 255.255.255.0 -> 24
  bits=0
  IFS=.
  for octet in $1; do
    while [ "$octet" -gt 0 ]; do
      bits=$((bits + octet % 2))
      octet=$((octet / 2))
    done
  done
  unset IFS
  echo $bits
}

words() {  # a b. -> "a","b"
  out=
  for word in $1; do
    word=${word%.}
    out="$out${out:+,}\"$word\""
  done
  echo "$out"
}

gone() {
  rm -f "$lease_file"
  [ "$client" = dhcpcd ] || ip -4 addr flush dev "$interface" 2>/dev/null
}

case $event in
  PREINIT | deconfig)
    ip link set dev "$interface" up
    gone
    ;;
  BOUND | RENEW | REBIND | REBOOT | bound | renew)
    prefix=$(prefix_of "$netmask")
    router=${routers%% *}
    if [ "$client" != dhcpcd ]; then
      ip addr replace "$address/$prefix" broadcast + dev "$interface" || exit 1
      [ -n "$router" ] && ip route replace default via "$router" dev "$interface"
    fi
    if [ -n "$resolv_conf" ]; then
      {
        echo "# from the DHCP lease of $interface, by $client"
        domains=
        for domain in $suffixes ${searched:-$name}; do domains="$domains ${domain%.}"; done
        [ -n "$domains" ] && echo "search$domains"
        for server in $servers; do echo "nameserver $server"; done
      } > "$resolv_conf"
    fi
    now=$(date +%s)
    cat > "$lease_file.new" <<JSON
{"interface":"$interface","address":"$address","prefix":$prefix,"server":"$from","router":${router:+\"}${router:-null}${router:+\"},"dns":[$(words "$servers")],"ntp":[],"domain":"${name%% *}","search":[$(words "${searched:-$name}")],"hostname":"$(hostname)","routes":[],"broadcast":null,"obtained":$now,"lease":$seconds,"renew":$((now + seconds / 2)),"rebind":$((now + seconds * 7 / 8)),"expiry":$((now + seconds))}
JSON
    mv -f "$lease_file.new" "$lease_file"
    ;;
  EXPIRE | FAIL | RELEASE | STOP | leasefail | nak)
    gone
    ;;
esac
exit 0
)SH";

}  // namespace

std::string lease_script(const std::string& lease_file, bool resolv_conf,
                         const std::vector<std::string>& suffixes) {
  return "#!/bin/sh\n# What udhcpc, dhclient and dhcpcd run when a lease comes or goes. Written by "
         "labctl.\nset -u\nlease_file=" +
         shell_quoted(lease_file) + "\nresolv_conf=" + (resolv_conf ? "/etc/resolv.conf" : "''") +
         "\nsuffixes=" + shell_quoted(fmt::format("{}", fmt::join(suffixes, " "))) + kBody;
}

}  // namespace lab::plan
