#!/bin/sh
# The hook of dhcpcd, which sets address and route itself:
#
#   dhcpcd -4 -B -f dhcpcd.conf -c dhcpcd.sh --noarp -e LAB_RESOLV_CONF=… -e LAB_LEASE_FILE=… -e LAB_READY=… -e NOTIFY_SOCKET=… eth0
#
# -B stays in the foreground; --noarp skips five seconds of probing for a conflict; the environment is handed on with -e.
# `hostname pc1` and `option domain_search` belong into the conf file. In a user namespace where only root is mapped its
# separation of privileges cannot work: give the node an /etc/passwd without the user `dhcpcd`.
. "$(dirname "$0")/lease.sh"

# shellcheck disable=SC2154  # dhcpcd sets: reason interface and new_… for every option
case $reason in
BOUND | RENEW | REBIND | REBOOT | INFORM | TIMEOUT)
  address=$new_ip_address prefix=$new_subnet_cidr broadcast=$new_broadcast_address routers=$new_routers
  name_servers=$new_domain_name_servers domain=$new_domain_name search=$new_domain_search
  server=$new_dhcp_server_identifier lease=$new_dhcp_lease_time ntp=$new_ntp_servers
  write_resolv_conf
  write_lease_file
  case $reason in RENEW | REBIND) ;; *) tell_ready ;; esac
  ;;
EXPIRE | NAK | RELEASE | STOP | FAIL) [ -z "$LAB_LEASE_FILE" ] || rm -f "$LAB_LEASE_FILE" ;;
esac
exit 0
