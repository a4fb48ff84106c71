#!/bin/sh
# The script of udhcpc (busybox or Debian's udhcpc):
#
#   udhcpc -f -i eth0 -s udhcpc.sh -x hostname:pc1 -O search -T 1 -A 1
#
# -f stays in the foreground; -T 1 and -A 1 ask again after a second; -O search asks for option 119. LAB_… variables are
# taken from udhcpc's own environment. It needs no privileges beyond root of the network namespace.
. "$(dirname "$0")/lease.sh"

# shellcheck disable=SC2154  # udhcpc sets: interface ip mask subnet broadcast router dns domain search serverid lease ntpsrv
case $1 in
bound | renew)
  address=$ip prefix=${mask:-$(prefix_of_mask "$subnet")} routers=$router name_servers=$dns server=$serverid ntp=$ntpsrv
  set_address
  write_resolv_conf
  write_lease_file
  [ "$1" = renew ] || tell_ready
  ;;
deconfig)
  clear_address
  ip link set "$interface" up
  ;;
esac
