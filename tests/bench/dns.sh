#!/usr/bin/env bash
# lab-dnsd beside knot, nsd, bind and a bare UDP echo, on loopback in namespaces of its own, by dnsperf. One JSON line a figure.
# The servers take $RUNS short turns, so that a busy moment of the machine meets all of them; every ratio is the median of theirs.
# Usage: [RUNS=9] [SECS=1] [SOAK=120] dns.sh [part...]      parts: small big tcp start soak reload (all of them by default)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec unshare --user --map-root-user --net --pid --fork --mount --mount-proc --kill-child python3 "$here/dns_bench.py" "$@"
