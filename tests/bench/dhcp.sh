#!/bin/sh
# DHCP figures: lab-dhcpd and Kea in one run, loaded by Kea's perfdhcp over a veth pair. One JSON line a figure on standard
# output; progress on standard error. Needs kea-dhcp4-server and kea-admin; no root where user namespaces are allowed.
#   QUICK=1 dhcp.sh     seconds instead of minutes, for trying out
exec python3 "$(dirname "$0")/dhcp_bench.py" "$@"
