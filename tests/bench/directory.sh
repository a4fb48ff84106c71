#!/usr/bin/env bash
# lab-directory beside the same done by hand: slapadd and slapd on the leanest configuration, {SSHA} passwords, no TLS, no overlays.
# One JSON line a figure; each the median of $RUNS runs, both sides in turn.
#   first_bind_ms    from nothing to the first bind answered, 5 users (ours: hashing, TLS, overlays and fsync included)
#   thousand_ms      from YAML to the first bind answered, 1,000 users, Argon2 hashing included
#   logins_per_s     logins through the client (look-up and bind) beside bare binds by libldap, same server, same hashes
#   cached_per_s     the same logins when the client remembers them
#   slapd_pss_kb     memory of the idle server, 5 users
# Usage: [RUNS=5] [SECS=3] directory.sh [part...]      parts: first thousand logins cached memory
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec unshare --user --map-root-user --net --pid --fork --mount --mount-proc --kill-child /usr/bin/python3 "$here/directory_bench.py" "$@"
