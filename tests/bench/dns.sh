#!/usr/bin/env bash
# lab-dnsd beside knot, nsd, bind and a bare UDP echo, on loopback in namespaces of its own, by dnsperf. One JSON line a figure.
# Every figure is the median of $RUNS runs; the servers take turns, so that a busy moment of the machine meets all of them.
# Usage: [RUNS=3] [SECS=3] [SOAK=120] dns.sh [part...]      parts: small big tcp start soak reload (all of them by default)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec unshare --user --map-root-user --net --pid --fork --mount --mount-proc --kill-child python3 "$here/dns_bench.py" "$@"
