#!/usr/bin/env bash
# lab-maild beside Postfix (virtual(8) into Maildirs, its fastest durable way) and beside smtp-sink, which stores nothing, by Postfix's own
# smtp-source on loopback. Both keep their fsyncs. One JSON line a figure, each the median of $RUNS runs, the servers in turn, so that a
# busy moment of the machine meets both. A rate counts until the last message lies in its mailbox; a lost one is told on standard error.
# Root (Postfix needs several users); everything happens in namespaces of its own.
# Usage: [RUNS=3] [SECS=3] [COUNT=2000] mail.sh [part...]      parts: deliver sink tls idle start (all of them by default)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "$(id -u)" = 0 ] || { echo "mail.sh: run it as root" >&2; exit 2; }
exec unshare --net --pid --fork --mount --mount-proc --ipc --uts --kill-child /usr/bin/python3 "$here/mail_bench.py" "$@"
