#!/usr/bin/env bash
# From one command to the first verified mail: helper-bac by labctl (with TLS, a CA, every service) beside the same network built by a
# shell script of dnsmasq, slapd, Postfix and Dovecot (without TLS), tuned as far as those daemons go: everything at once, Postfix's master
# without its start script. One JSON line a figure; each the median of $RUNS runs, the two labs in turn.
# Root (Postfix and Dovecot need several users); everything happens in namespaces of its own.
# Usage: [RUNS=5] lab.sh [part...]      parts: first clients
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "$(id -u)" = 0 ] || { echo "lab.sh: run it as root" >&2; exit 2; }
exec unshare --net --pid --fork --mount --mount-proc --ipc --uts --kill-child /usr/bin/python3 "$here/lab_bench.py" "$@"
