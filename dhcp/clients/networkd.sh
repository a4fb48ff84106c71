#!/bin/sh
# systemd-networkd as the client of one interface, by both protocols:
#
#   networkd.sh INTERFACE HOSTNAME [ipv6]
#
# It needs folders below /run/systemd and a user of its own, whom a user namespace does not know: here it gets them in a
# mount namespace of this process, and that user is root. networkd runs no program when a lease comes: its state files are
# looked at. LAB_… and NOTIFY_SOCKET as in lease.sh.
if [ "$1" != --inside ]; then
  exec unshare --mount --propagation private "$0" --inside "$@"
fi
interface=$2 name=$3 ipv6=$4
. "$(dirname "$0")/lease.sh"

networkd=
for path in /lib/systemd/systemd-networkd /usr/lib/systemd/systemd-networkd; do
  [ ! -x "$path" ] || networkd=$path
done
[ -n "$networkd" ] || { echo "systemd-networkd is not installed" >&2; exit 1; }

mkdir -p /run/systemd
mount -t tmpfs -o mode=0755 tmpfs /run/systemd || exit 1
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
{
  grep -v '^systemd-network:' /etc/passwd
  echo 'systemd-network:x:0:0::/:/bin/false'
} >/run/systemd/passwd
mount --bind /run/systemd/passwd /etc/passwd
mount -o remount,ro,bind /sys 2>/dev/null || true # read-only: it waits for no udev
cat >/run/systemd/network/10-lab.network <<NETWORK
[Match]
Name=$interface
[Network]
DHCP=$([ -n "$ipv6" ] && echo yes || echo ipv4)
IPv6AcceptRA=$([ -n "$ipv6" ] && echo yes || echo no)
LinkLocalAddressing=$([ -n "$ipv6" ] && echo ipv6 || echo no)
[DHCPv4]
Hostname=$name
UseHostname=no
UseDomains=yes
[DHCPv6]
Hostname=$name
UseHostname=no
NETWORK

NOTIFY_SOCKET= "$networkd" &
daemon=$!
# The kernel takes the lease away with the address; the record of it goes at once.
trap 'kill "$daemon" 2>/dev/null; wait "$daemon"; rm -f "$LAB_LEASE_FILE"; exit 0' TERM INT
index=$(cat "/sys/class/net/$interface/ifindex" 2>/dev/null || ip -o link show dev "$interface" | cut -d: -f1)
lease_of=/run/systemd/netif/leases/$index

said() { sed -n "s/^$1=//p" "$lease_of"; }
global_addresses() { ip -6 -o address show dev "$interface" scope global -tentative | awk '{ sub("/.*", "", $4); print $4 }'; }

known= told=
while kill -0 "$daemon" 2>/dev/null; do
  v6=$([ -z "$ipv6" ] || global_addresses)
  if [ -s "$lease_of" ] && { [ -z "$ipv6" ] || [ -n "$v6" ]; }; then
    now="$(cat "$lease_of") $v6"
    if [ "$now" != "$known" ]; then
      known=$now
      address=$(said ADDRESS) prefix=$(prefix_of_mask "$(said NETMASK)") routers=$(said ROUTER) server=$(said SERVER_ADDRESS)
      name_servers=$(said DNS) domain=$(said DOMAINNAME) search=$(said DOMAIN_SEARCH_LIST) ntp=$(said NTP)
      lease=$(said LIFETIME) broadcast=$(said BROADCAST)
      [ -z "$ipv6" ] || ipv6_lease="{\"addresses\":$(json_list "$v6"),\"prefixes\":[],\"router\":$(
        json_text_or_null "$(ip -6 route show default dev "$interface" | sed -n 's/^default via \([^ ]*\).*/\1/p' | head -n 1)"
      ),\"dns\":$(json_list "$(sed -n 's/^DNS=//p' "/run/systemd/netif/links/$index" | tr ' ' '\n' | grep :)"),\"search\":[]}"
      write_resolv_conf
      write_lease_file
      [ -n "$told" ] || tell_ready
      told=yes
    fi
  elif [ -n "$known" ]; then
    known=
    rm -f "$LAB_LEASE_FILE"
  fi
  sleep 0.2 &
  wait $!
done
wait "$daemon"
