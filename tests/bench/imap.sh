#!/usr/bin/env bash
# lab-maild's IMAP and POP3 beside Dovecot (sdbox and mdbox, its fast formats), without TLS on loopback, by a client that only counts what
# it gets. One JSON line a figure, ours against the better format; the servers take turns, each figure is the median of $RUNS runs.
# Root (Dovecot needs several users); everything happens in namespaces of its own. Needs dovecot-imapd and dovecot-pop3d.
# Usage: [RUNS=3] [SIZES="10000 100000"] [IDLE=500] imap.sh [part...]      parts: read append idle (all by default)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "$(id -u)" = 0 ] || { echo "imap.sh: run it as root" >&2; exit 2; }
exec unshare --net --pid --fork --mount --mount-proc --ipc --uts --kill-child /usr/bin/python3 "$here/imap_bench.py" "$@"
