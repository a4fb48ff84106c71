#!/bin/sh
# From a fresh Debian 12 or Ubuntu 24.04 to a running lab. Needs only a shell, and sudo where you are not root.
#
#   ./bootstrap.sh up      install what is missing, build, start topologies/helper-bac.yaml, verify it
#   ./bootstrap.sh test    the same set-up, then the whole test suite: unit, fuzz, sanitizers, integration
#   ./bootstrap.sh build   stop after building
#   ./bootstrap.sh bench   install the peers that the benchmarks compare with, and build
#
#   --yes, -y              do not ask before installing packages
#
# Run it as often as you like: what is there already is left alone.
set -eu
cd "$(dirname "$0")"
PRESET=release
LOGS=build/bootstrap
BIN=build/$PRESET/bin

# What for, and which Debian packages. A line "a|b" takes the first that this system's archive knows.
BUILD_PACKAGES='g++ cmake ninja-build pkg-config mold ccache
  libboost1.81-dev|libboost1.83-dev|libboost-dev libssl-dev libldns-dev libldap-dev libyaml-cpp-dev libsqlite3-dev libsqlitecpp-dev
  libcurl4-openssl-dev libnl-route-3-dev libcap-dev libcli11-dev libfmt-dev libspdlog-dev libunbound-dev libargon2-dev
  libnghttp2-dev libkrb5-dev
  libgtest-dev libgmock-dev'
RUN_PACKAGES='slapd ldap-utils bind9-dnsutils iproute2 iputils-ping procps swaks libnet-ssleay-perl libnet-dns-perl curl mutt ca-certificates openssl'
TEST_PACKAGES='python3 bind9 bind9-utils knot knot-dnsutils ldnsutils udhcpc isc-dhcp-client dhcpcd-base dnsmasq-base systemd ndisc6 tshark
  util-linux tcpdump jq neomutt shellcheck samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind
  krb5-kdc krb5-admin-server krb5-user libsasl2-modules-gssapi-mit'
BENCH_PACKAGES='postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-ldap busybox-static nsd dnsperf kea-dhcp4-server kea-admin'

say() { printf '%s\n' "$*"; }
die() {
  printf '\n%s\n' "$*" >&2
  exit 1
}
usage() {
  sed -n '2,11s/^# \{0,1\}//p' "$0"
  exit "${1:-0}"
}

action=
ask=yes
for argument in "$@"; do
  case $argument in
  up | test | build | bench) action=$argument ;;
  --yes | -y) ask=no ;;
  --help | -h) usage ;;
  *)
    say "unknown argument: $argument" >&2
    usage 2 >&2
    ;;
  esac
done
[ -n "$action" ] || usage 2 >&2

terminal=no
[ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && terminal=yes
started=$(date +%s)
elapsed() {
  seconds=$(($(date +%s) - $1))
  if [ $seconds -ge 60 ]; then printf '%d min %d s' $((seconds / 60)) $((seconds % 60)); else printf '%d s' $seconds; fi
}
# bar LABEL DONE OF SINCE: one line that is drawn over itself; a line a quarter where output is no terminal
quarter=
bar() {
  [ "$3" -gt 0 ] || return 0
  if [ $terminal = yes ]; then
    filled=$(($2 * 22 / $3)) drawn=
    while [ ${#drawn} -lt $filled ]; do drawn="$drawn#"; done
    printf '\r\033[2K  %-10s %-22s  %d/%d  %s' "$1" "$drawn" "$2" "$3" "$(elapsed "$4")"
  elif [ "$1$(($2 * 4 / $3))" != "$quarter" ]; then
    quarter="$1$(($2 * 4 / $3))"
    say "  $1  $2/$3  $(elapsed "$4")"
  fi
}
bar_end() { [ $terminal = no ] || printf '\n'; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
known() { apt-cache show "$1" >/dev/null 2>&1; }

# missing PACKAGES: those that are not installed, alternatives resolved
missing() {
  for choice in $1; do
    pick='' found=no
    for package in $(printf '%s' "$choice" | tr '|' ' '); do
      if installed "$package"; then found=yes && break; fi
    done
    [ $found = no ] || continue
    for package in $(printf '%s' "$choice" | tr '|' ' '); do
      if [ -z "$pick" ] && known "$package"; then pick=$package; fi
    done
    printf '%s ' "${pick:-${choice%%|*}}"
  done
}

install_packages() {
  wanted=$1
  command -v apt-get >/dev/null 2>&1 || die "This script installs Debian packages, and this system has no apt-get.
Install these by its own means, then run: cmake --preset $PRESET && ninja -C build/$PRESET
  $wanted"
  # The lists may be absent on a fresh machine: then no package is known yet.
  if [ -n "$(missing "$wanted")" ] && ! known libldns-dev; then
    say "Reading the package lists (apt-get update)…"
    as_root apt-get update -qq >"$LOGS/apt-update.log" 2>&1 || die "apt-get update failed; see $LOGS/apt-update.log"
  fi
  need=$(missing "$wanted")
  [ -n "$need" ] || return 0
  count=$(printf '%s' "$need" | wc -w)
  say "labctl needs $(printf '%s' "$wanted" | wc -w) Debian packages; $count are missing:"
  printf '%s' "$need" | fold -s -w 100 | sed 's/^/  /'
  say ""
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1 || die "They must be installed by root, and there is no sudo here. As root:
  apt-get install -y --no-install-recommends $need"
  say "Compiler and libraries build the programs; slapd is the directory's server; the others are the clients students use and tests drive."
  say "None of their system services is started."
  if [ $ask = yes ] && [ -t 0 ]; then
    printf 'Install them with apt-get? [Y/n] '
    read -r answer
    case $answer in n* | N*) die "Nothing was installed." ;; esac
  fi
  since=$(date +%s)
  # Packages with daemons start them unless policy-rc.d says no (invoke-rc.d(8)); ours is removed afterwards.
  policy=/usr/sbin/policy-rc.d
  ours=no
  if [ ! -e $policy ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $need >"$LOGS/apt.log" 2>&1 &
  pid=$!
  while kill -0 $pid 2>/dev/null; do
    bar packages "$(grep -c '^Setting up' "$LOGS/apt.log" || true)" "$(sed -n 's/.* \([0-9]*\) newly installed.*/\1/p' "$LOGS/apt.log" | head -n 1 | grep . || printf '%s' "$count")" "$since"
    sleep 0.5
  done
  status=0
  wait $pid || status=$?
  if [ $ours = yes ]; then
    as_root rm -f $policy
    trap - EXIT
  fi
  bar_end
  [ $status = 0 ] || die "apt-get install failed; its last lines ($LOGS/apt.log):
$(tail -n 5 "$LOGS/apt.log")"
  # A server that we brought must not come up with the machine.
  if command -v systemctl >/dev/null 2>&1; then
    for service in slapd postfix dovecot knot nsd named kea-dhcp4-server smbd nmbd winbind samba-ad-dc krb5-kdc krb5-admin-server; do
      case " $need " in *" $service"*) as_root systemctl disable "$service" >/dev/null 2>&1 || true ;; esac
    done
  fi
}

# build PRESET LABEL [TARGET...]
build() {
  preset=$1 label=$2
  shift 2
  since=$(date +%s)
  cmake --preset "$preset" >"$LOGS/cmake-$preset.log" 2>&1 || die "CMake failed; its last lines ($LOGS/cmake-$preset.log):
$(tail -n 8 "$LOGS/cmake-$preset.log")"
  : >"$LOGS/build-$preset.log"
  ninja -C "build/$preset" "$@" >"$LOGS/build-$preset.log" 2>&1 &
  pid=$!
  while kill -0 $pid 2>/dev/null; do
    place=$(sed -n 's/^\[\([0-9]*\)\/\([0-9]*\)\].*/\1 \2/p' "$LOGS/build-$preset.log" | tail -n 1)
    # shellcheck disable=SC2086
    [ -z "$place" ] || bar "$label" $place "$since"
    sleep 0.5
  done
  wait $pid || {
    bar_end
    die "The build failed; the first error ($LOGS/build-$preset.log):
$(grep -m 1 -A 8 -E 'error:|FAILED:' "$LOGS/build-$preset.log" | cut -c 1-300 || tail -n 8 "$LOGS/build-$preset.log")"
  }
  place=$(sed -n 's/^\[\([0-9]*\)\/\([0-9]*\)\].*/\1 \2/p' "$LOGS/build-$preset.log" | tail -n 1)
  # shellcheck disable=SC2086
  [ -z "$place" ] || { bar "$label" $place "$since" && bar_end; }
}

# run_tests NAME PRESET LABEL-REGEX: all of them; what failed is told again at the very end (tell_failures)
run_tests() {
  say ""
  say "Tests ($2: $3)"
  ctest --test-dir "build/$2" -L "$3" --output-on-failure --no-tests=error -j "$(nproc)" --output-log "$PWD/$LOGS/test-$1.log" && return
  failed="$failed $1"
}
# tell_failures NAME...: which tests failed, and the end of what each said
tell_failures() {
  for name in "$@"; do
    say ""
    say "---- Failed in $name ($LOGS/test-$name.log):"
    awk '
      function told(  i) { for (i = lines > 60 ? lines - 60 : 1; i <= lines; ++i) print line[i]; lines = 0 }
      /^ *[0-9]+\/[0-9]+ Test +#/ { told(); keep = /\*\*\*/ && !/\*\*\*Skipped/; if (keep) { print; next } }
      /^ +Start +[0-9]+:/ || /^[0-9]+% tests passed/ { told(); keep = 0 }
      keep { line[++lines] = $0 }' "$LOGS/test-$name.log" | cut -c 1-400
  done
}

mkdir -p "$LOGS"
packages="$BUILD_PACKAGES $RUN_PACKAGES"
[ "$action" != test ] || packages="$packages $TEST_PACKAGES"
[ "$action" != bench ] || packages="$packages $TEST_PACKAGES $BENCH_PACKAGES"
install_packages "$(printf '%s' "$packages" | tr '\n' ' ')"
case $action in
up | build) build $PRESET build programs ;;
*) build $PRESET build ;;
esac

case $action in
build | bench)
  say "Built in $(elapsed "$started"): programs are in $BIN/. Next: $BIN/labctl up topologies/helper-bac.yaml"
  ;;
up)
  "$BIN/labctl" doctor >"$LOGS/doctor.txt" 2>&1 || {
    cat "$LOGS/doctor.txt"
    die "The programs are built, but this machine cannot run a lab yet (see above)."
  }
  say ""
  if "$BIN/labctl" status helper-bac >/dev/null 2>&1; then
    # Started before: brought up to date, looked at again.
    "$BIN/labctl" up topologies/helper-bac.yaml
    "$BIN/labctl" check helper-bac --failures || die "The lab is up, but not every promise holds (see above). Stop it with: $BIN/labctl down"
  else
    "$BIN/labctl" up --check topologies/helper-bac.yaml || die "The lab is not as it should be (see above). Stop what runs with: $BIN/labctl down"
  fi
  ;;
test)
  failed=
  run_tests unit $PRESET 'unit|fuzz'
  run_tests integration $PRESET integration
  build asan asan unit_tests
  run_tests asan asan 'unit|fuzz'
  build tsan tsan thread_tests
  run_tests tsan tsan thread
  # shellcheck disable=SC2086
  [ -z "$failed" ] || { tell_failures $failed && die "FAILED:$failed ($(elapsed "$started"))"; }
  say ""
  say "All tests passed in $(elapsed "$started")."
  ;;
esac
