#!/bin/bash
# Muster against slapd on one machine, with the same Carbonio-shaped directory in both; prints Markdown tables.
#
# usage: Benchmarks/run.sh [options] [workload...]
#   workloads (default: all but scale, callgrind, access and changes)
#     lookup lookup8 postfix senders read gal autocomplete bind bind16 paged   ratios of operations per server-CPU-second
#     members member-of                                                the same of dynamic lists, against production only
#     inherited    a search on an inherited value against one on a stored value (Muster alone)
#     addressbook  autocompletion through cn=gal against the plain filter (Muster alone)
#     sort         first pages and virtual list views of all accounts by indexed attributes: server CPU (Muster alone)
#     modify modify64 add64   throughput of changes, both servers synced to the same disk, 1 and 64 connections
#     readers-under-writes    p99 of look-ups while 64 connections write, against without (Muster alone)
#     ldaps starttls  the look-up over TLS (needs stunnel)
#     storm        look-ups while 200 Argon2 binds are in flight (Muster alone)
#     import       muster import against slapadd -q: seconds and size
#     idle         resident memory of an idle connection
#     start        from the command to the ready line
#     scale        cost of a look-up at 1,000,000 accounts against 10,000 (takes long)
#     callgrind    instructions per operation (needs valgrind)
#     access       instructions per look-up as zmpostfix and as cn=config, with production rules and with none (needs valgrind)
#   -r ROUNDS      of each comparison (default 3)      -d SECONDS  of each run (default 5)
#   -p             against slapd as in production too (overlays on); -P: only so
#   -f             load both servers afresh
# environment: WORK (default ${TMPDIR:-/tmp}/muster-benchmarks: data and databases stay there), ACCOUNTS (100000), DOMAINS (100),
#   SEED (1), MUSTER_BIN (default .build/release/muster), CATALOGUE (default schema/catalogue), MUSTER_ARGS (more arguments of serve)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
export CATALOGUE=${CATALOGUE:-$root/schema/catalogue}
work=${WORK:-${TMPDIR:-/tmp}/muster-benchmarks} accounts=${ACCOUNTS:-100000} domains=${DOMAINS:-100} seed=${SEED:-1}
muster=${MUSTER_BIN:-$root/.build/release/muster}
rounds=3 seconds=5 against=best fresh=0
usage() { sed -n '2,24s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while getopts r:d:pPfh o; do
  case $o in
    r) rounds=$OPTARG ;; d) seconds=$OPTARG ;; p) against="best production" ;; P) against=production ;; f) fresh=1 ;; *) usage ;;
  esac
done
shift $((OPTIND - 1))
comparisons="lookup lookup8 postfix senders read gal autocomplete bind bind16 paged members member-of"
[ -x "$muster" ] || { echo "run.sh: no program at $muster (swift build -c release --static-swift-stdlib, or set MUSTER_BIN)" >&2; exit 2; }
workloads=${*:-$comparisons ldaps starttls inherited addressbook sort storm import idle start}
mkdir -p "$work"
work=$(cd "$work" && pwd)
load=$work/ldapload
[ "$load" -nt "$here/load/ldapload.c" ] || cc -O2 -o "$load" "$here/load/ldapload.c"
case $(readlink -f "$muster") in "$root"/*) ;; *) export MUSTER_SCHEMA_DIR=$root/schema MUSTER_LDIF_DIR=$root/ldif ;; esac
export LDAPLOAD=$load MUSTER_ROOT_PASSWORD=secret LDAPNOINIT=1
admin=(-D uid=zimbra,cn=admins,cn=zimbra -w zimbra)
say() { echo "$*" >&2; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }
declare -A pid url
muster_process= writers=

stop_all() {
  [ -z "$writers" ] || { kill "$writers" 2>/dev/null || true; wait "$writers" 2>/dev/null || true; }

  [ -z "$muster_process" ] || { kill "$muster_process" 2>/dev/null || true; wait "$muster_process" 2>/dev/null || true; }
  muster_process=
  for s in best production synced synced-production; do [ -z "${pid[$s]:-}" ] || "$here/oracle/stop-slapd.sh" "$work/slapd-$s-$accounts" || true; done
  pid=()
}
trap stop_all EXIT

# data ACCOUNTS DOMAINS: the LDIF and its values
data() {
  local ldif=$work/accounts-$1-$seed.ldif
  [ -s "$ldif" ] || { say "generating $1 accounts"; /usr/bin/python3 "$here/oracle/mkdata.py" --catalogue "$CATALOGUE" --accounts "$1" --domains "$2" --seed "$seed" --out "$ldif.new" 2>/dev/null; mv "$ldif.new" "$ldif"; }
  [ -s "$work/values-$1/lists.txt" ] || /usr/bin/python3 "$here/load/values.py" "$ldif" "$work/values-$1" >/dev/null
  echo "$ldif"
}

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# slapd NAME: starts best or production (or synced and synced-production, which wait for the disk, the first without uniqueness
# too), loading it at the first time
slapd() {
  [ -z "${pid[$1]:-}" ] || return 0
  local folder=$work/slapd-$1-$accounts port keep=1 dynlist=1 nosync=1 unique=1
  case $1 in best) dynlist=0 ;; synced) dynlist=0 unique=0 nosync=0 ;; synced-production) nosync=0 ;; esac
  port=$(free_port)
  if [ ! -e "$folder/loaded" ]; then
    if [ -e "$work/slapd-best-$accounts/loaded" ] && [ "$1" != best ] && [ -z "${pid[best]:-}" ]; then
      mkdir -p "$folder"; cp -r "$work/slapd-best-$accounts/db" "$folder/"
    else
      keep=0
    fi
  fi
  say "$(DYNLIST=$dynlist UNIQUE=$unique NOSYNC=$nosync KEEP=$keep ULIMIT_N=$(ulimit -Hn) "$here/oracle/start-slapd.sh" "$folder" "$port" "$(data "$accounts" "$domains")")"
  touch "$folder/loaded"
  pid[$1]=$(cat "$folder/slapd.pid") url[$1]=ldap://127.0.0.1:$port
}

# load_muster NAME DOMAINS [LDIF]: a data directory made by this very program; without LDIF, NAME is the number of accounts
load_muster() {
  local folder=$work/muster-$1 stamp
  stamp=$(sha256sum <"$muster" | cut -c1-16)
  [ "$(cat "$folder/loaded" 2>/dev/null)" = "$stamp" ] && return 0
  rm -rf "$folder"; mkdir -p "$folder"
  say "muster import of $1"
  "$muster" import --data "$folder/data" "${3:-$(data "$1" "$2")}" >&2
  echo "$stamp" >"$folder/loaded"
}

# start_muster NAME [COMMAND...]: serves, perhaps under another program; sets pid[muster] and url[muster]
start_muster() {
  local folder=$work/muster-$1 started i
  shift
  started=$(now)
  # shellcheck disable=SC2086
  (ulimit -n "$(ulimit -Hn)" 2>/dev/null || true; exec "$@" "$muster" serve --data "$folder/data" --listen ldap://127.0.0.1:0 ${MUSTER_ARGS:-}) >"$folder/out" 2>"$folder/log" &
  muster_process=$!
  for i in $(seq 1 6000); do
    url[muster]=$(sed -n 's/^listening on \(ldap:.*\)$/\1/p' "$folder/out" | head -1)
    [ -z "${url[muster]}" ] || break
    kill -0 $muster_process 2>/dev/null || { tail -20 "$folder/log" >&2; exit 1; }
    sleep 0.01
  done
  start_seconds=$(since "$started")
  pid[muster]=$muster_process
}

stop_muster() {
  [ -n "$muster_process" ] || return 0
  kill "$muster_process"; wait "$muster_process" || true
  muster_process=
}

# certificate: of the servers, in $tls
certificate() {
  tls=$work/tls
  mkdir -p "$tls"
  [ -s "$tls/server.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tls/server.key" -out "$tls/server.pem" -days 3650 -subj /CN=localhost 2>/dev/null
  export MUSTER_TLS_CERTIFICATE=$tls/server.pem MUSTER_TLS_KEY=$tls/server.key
}

# start_tunnel <SERVICES: stunnel speaks TLS for the load generator
start_tunnel() {
  { printf 'foreground = yes\npid =\ndebug = err\n'; cat; } >"$work/stunnel.conf"
  stunnel "$work/stunnel.conf" 2>"$work/stunnel.log" &
  tunnel_process=$!
  sleep 1
}

stop_tunnel() {
  kill $tunnel_process; wait $tunnel_process || true
}

filter() { awk -F'\t' -v n="$1:" '$1 == "zimbraGalLdapFilterDef" && index($3, n) == 1 { print substr($3, length(n) + 1) }' "$CATALOGUE/defaults.tsv" | sed 's/%s/{N}/g'; }
six=zimbraMailDeliveryAddress,zimbraMailHost,zimbraMailTransport,zimbraId,zimbraAccountStatus,displayName
gal_attributes=displayName,cn,sn,givenName,mail,zimbraMailDeliveryAddress,zimbraMailAlias,telephoneNumber,mobile,title,company,ou,zimbraId,objectClass,zimbraCalResType,modifyTimestamp

# arguments WORKLOAD: ldapload's arguments, in $arguments; its goal and text in $goal and $text
arguments() {
  local v=$work/values-$accounts
  local lookup=(--values "$v/addresses.txt" -b "" -s sub -f '(zimbraMailDeliveryAddress={N})' -a $six --expect-entries 1)
  case $1 in
    lookup) text="look-up by zimbraMailDeliveryAddress, 16 connections, 1 outstanding" goal=4
      arguments=(-c 16 -p 1 "${admin[@]}" "${lookup[@]}" search) ;;
    lookup8) text="the same, 8 outstanding" goal=10
      arguments=(-c 16 -p 8 "${admin[@]}" "${lookup[@]}" search) ;;
    postfix) text="Postfix virtual-alias filter" goal=4
      arguments=(-c 16 "${admin[@]}" --values "$v/recipients.txt" -b "" -s sub
        -f '(&(|(zimbraMailDeliveryAddress={N})(zimbraMailAlias={N})(zimbraOldMailAddress={N})(zimbraMailCatchAllAddress={N}))(zimbraMailStatus=enabled))'
        -a zimbraMailDeliveryAddress,zimbraMailForwardingAddress,zimbraPrefMailForwardingAddress,zimbraMailCatchAllForwardingAddress search) ;;
    senders) text="Postfix sender login map" goal=4
      arguments=(-c 16 "${admin[@]}" --values "$v/recipients.txt" -b "" -s sub
        -f '(&(|(uid={N})(zimbraMailDeliveryAddress={N})(zimbraMailAlias={N})(zimbraMailCatchAllAddress={N})(zimbraAllowFromAddress={N}))(zimbraMailStatus=enabled))'
        -a uid,zimbraMailDeliveryAddress,zimbraMailAlias,zimbraAllowFromAddress search) ;;
    read) text="base read of an account, all user attributes" goal=4
      arguments=(-c 16 "${admin[@]}" --values "$v/dns.txt" -b '{1}' -s base --expect-entries 1 search) ;;
    gal) text="GAL zimbraAccounts, 3 to 5 letters, base a domain, size limit 100" goal=200
      arguments=(-c 4 "${admin[@]}" --values "$v/gal-keys.txt" -b "$(cat "$v/gal-domain.txt")" -s sub -z 100 --allow-code 4 -f "$(filter zimbraAccounts)" -a $gal_attributes search) ;;
    autocomplete) text="autocomplete, 2 letters, size limit 20" goal=100
      arguments=(-c 4 "${admin[@]}" --values "$v/auto-keys.txt" -b "$(cat "$v/gal-domain.txt")" -s sub -z 20 --allow-code 4 -f "$(filter zimbraAccountAutoComplete)" -a $gal_attributes search) ;;
    bind) text="simple bind, {SSHA512}, 1 connection" goal=3
      arguments=(-c 1 --values "$v/binds.txt" --dn '{1}' --pw '{2}' bind) ;;
    bind16) text="the same, 16 connections" goal=3
      arguments=(-c 16 --values "$v/binds.txt" --dn '{1}' --pw '{2}' bind) ;;
    members) text="member of a dynamic list of about 120" goal=8
      arguments=(-c 16 "${admin[@]}" --values "$v/lists.txt" -b '{1}' -s base -a member --expect-entries 1 search) ;;
    member-of) text="the lists of an account, (member=DN)" goal=1000
      arguments=(-c 1 "${admin[@]}" --values "$v/dns.txt" -b "" -s sub -f '(member={1})' -a 1.1 search) ;;
    paged) text="paged read of a domain of about 2,000 entries" goal=3 arguments=() ;;
  esac
}

# us RATE: microseconds an operation
us() { awk -v r="$1" 'BEGIN { v = 1e6 / r; printf v < 100 ? "%.1f" : "%.0f", v }'; }

compare() {
  local w=$1 slapd=$2 out rates ratio range
  arguments "$w"
  # Without its overlay slapd has no dynamic lists.
  case $w-$slapd in members-best | member-of-best) return 0 ;; esac
  export NAME_A=slapd NAME_B=muster
  if [ "$w" = paged ]; then
    out=$("$here/load/paged.py" -r "$rounds" "${admin[@]}" "${url[$slapd]}" "${pid[$slapd]}" "${url[muster]}" "${pid[muster]}" "$(cat "$work/values-$accounts/paged-domain.txt")")
  else
    out=$("$here/load/compare.sh" -r "$rounds" -l "$work/runs.json" "${url[$slapd]}" "${pid[$slapd]}" "${url[muster]}" "${pid[muster]}" -- -d "$seconds" --warmup 1 "${arguments[@]}") ||
      { echo "| $text | $slapd | the run failed | | | $goal × |"; return 0; }
  fi
  say "$out"
  rates=$(sed -n 's/^median ops per server-CPU-second: slapd \([0-9.]*\), muster \([0-9.]*\)$/\1 \2/p' <<<"$out")
  ratio=$(sed -n 's/^RATIO .* of ops per server-CPU-second: \([0-9.]*\) .*/\1/p' <<<"$out")
  range=$(sed -n 's/^RATIO .* of ops per server-CPU-second: .*(per round: \(.*\))$/\1/p' <<<"$out")
  echo "| $text | $slapd | $(us "${rates% *}") | $(us "${rates#* }") | **$ratio** ($range) | $goal × |"
}

# against_itself TEXT GOAL ARGUMENTS-OF-THE-PLAIN-ONE ARGUMENTS-OF-THE-OTHER ARGUMENTS...: two searches on one server, one after the other
against_itself() {
  local text=$1 goal=$2 plain=$3 other=$4 out ratio range rates
  shift 4
  out=$(NAME_A=plain NAME_B=other ARGS_A=$plain ARGS_B=$other "$here/load/compare.sh" -r "$rounds" -l "$work/runs.json" "${url[muster]}" "${pid[muster]}" \
    "${url[muster]}" "${pid[muster]}" -- -d "$seconds" --warmup 1 "$@") || { echo "| $text | the run failed | | | $goal × |"; return 0; }
  say "$out"
  rates=$(sed -n 's/^median ops per server-CPU-second: plain \([0-9.]*\), other \([0-9.]*\)$/\1 \2/p' <<<"$out")
  # The ratio is of operations: the time is its inverse.
  read -r ratio range < <(sed -n 's/^RATIO .* of ops per server-CPU-second: \([0-9.]*\) (per round: \([0-9.]*\) to \([0-9.]*\))$/\1 \2 \3/p' <<<"$out" |
    awk '{ printf "%.2f %.2f to %.2f\n", 1 / $1, 1 / $3, 1 / $2 }')
  echo "| $text | $(us "${rates% *}") | $(us "${rates#* }") | **$ratio** ($range) | $goal × |"
}

# compare_changes WORKLOAD SLAPD GOAL TEXT: the ratio of throughput
compare_changes() {
  local w=$1 slapd=$2 goal=$3 text=$4 out ratio range rates
  case $w in
    modify*) arguments=(--values "$work/values-$accounts/dns.txt" --dn '{1}' --mod-attr description --mod-value 'v {C} {R}' modify) ;;
    add64) arguments=(--start "$((RANDOM * 100000))" --entry "$work/new.ldif" --delete-after add) ;;
  esac
  case $w in modify) connections=1 ;; *) connections=64 ;; esac
  export NAME_A=slapd NAME_B=muster
  out=$("$here/load/compare.sh" -r "$rounds" -l "$work/runs.json" "${url[$slapd]}" "${pid[$slapd]}" "${url[muster]}" "${pid[muster]}" -- \
    -d "$seconds" -c "$connections" "${admin[@]}" "${arguments[@]}") || { echo "| $text | $slapd | the run failed | | | $goal × |"; return 0; }
  say "$out"
  rates=$(sed -n 's/^median ops per second of wall time: slapd \([0-9.]*\), muster \([0-9.]*\)$/\1 \2/p' <<<"$out")
  ratio=$(sed -n 's/^RATIO .* of throughput: \([0-9.]*\) .*/\1/p' <<<"$out")
  range=$(sed -n 's/^RATIO .* of throughput: .*(per round: \(.*\))$/\1/p' <<<"$out")
  echo "| $text | $slapd | ${rates% *} | ${rates#* } | **$ratio** ($range) | $goal × |"
}

# median FIELD: of lines of JSON
median() { sed -n "s/^[^}]*\"$1\":\([0-9.]*\).*/\1/p" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

wants() { [[ " $workloads " == *" $1 "* ]]; }

[ "$fresh" = 0 ] || rm -rf "$work/slapd-best-$accounts" "$work/slapd-production-$accounts" "$work/muster-$accounts"
ldif=$(data "$accounts" "$domains")

if wants import; then
  say "import"
  rm -rf "$work/muster-$accounts"; mkdir -p "$work/muster-$accounts"
  started=$(now)
  "$muster" import --data "$work/muster-$accounts/data" "$ldif" >&2
  muster_seconds=$(since "$started")
  sha256sum <"$muster" | cut -c1-16 >"$work/muster-$accounts/loaded"
  muster_mib=$(du -sm "$work/muster-$accounts/data" | cut -f1)
  rm -rf "$work/slapd-best-$accounts"
  slapd_out=$(DYNLIST=0 NOSYNC=1 "$here/oracle/start-slapd.sh" "$work/slapd-best-$accounts" "$(free_port)" "$ldif")
  "$here/oracle/stop-slapd.sh" "$work/slapd-best-$accounts"
  touch "$work/slapd-best-$accounts/loaded"
  slapd_seconds=$(sed -n 's/^slapadd.*: \([0-9.]*\) s$/\1/p' <<<"$slapd_out") slapd_mib=$(sed -n 's/^database: \([0-9]*\) MiB$/\1/p' <<<"$slapd_out")
  printf '\n| import of %s accounts | slapadd -q | muster import | ratio | at least |\n|---|---|---|---|---|\n' "$accounts"
  echo "| seconds | $slapd_seconds | $muster_seconds | **$(awk -v a="$slapd_seconds" -v b="$muster_seconds" 'BEGIN { printf "%.2f", a / b }')** × faster | 5 × |"
  echo "| size in MiB | $slapd_mib | $muster_mib | **$(awk -v a="$slapd_mib" -v b="$muster_mib" 'BEGIN { printf "%.3f", b / a }')** × the size | at most 0.5 × |"
fi

selected=
for w in $comparisons; do wants "$w" && selected+=" $w"; done
if [ -n "$selected" ]; then
  load_muster "$accounts" "$domains"
  printf '\n| workload, %s accounts | slapd | slapd µs/op | muster µs/op | ratio (per round) | at least |\n|---|---|---|---|---|---|\n' "$accounts"
  for s in $against; do
    slapd "$s"
    [ -n "$muster_process" ] || start_muster "$accounts"
    for w in $selected; do compare "$w" "$s"; done
    "$here/oracle/stop-slapd.sh" "$work/slapd-$s-$accounts"; unset "pid[$s]"
  done
  stop_muster
fi

if wants modify || wants modify64 || wants add64; then
  load_muster "$accounts" "$domains"
  domain=$(cat "$work/values-$accounts/gal-domain.txt")
  cat >"$work/new.ldif" <<END
dn: uid=new{C},ou=people,$domain
objectClass: inetOrgPerson
objectClass: zimbraAccount
objectClass: amavisAccount
uid: new{C}
cn: New {C}
sn: {R}
displayName: New {C}
zimbraId: {R}{R}
zimbraAccountStatus: active
zimbraMailStatus: enabled
zimbraMailDeliveryAddress: new{C}@new.example
mail: new{C}@new.example
END
  printf '\n| changes, %s accounts, synced | slapd | slapd/s | muster/s | ratio (per round) | at least |\n|---|---|---|---|---|---|\n' "$accounts"
  start_muster "$accounts"
  for s in synced synced-production; do
    if [ $s = synced-production ] && ! wants add64; then continue; fi
    slapd $s
    if [ $s = synced ]; then
      if wants modify; then compare_changes modify $s 1 "modify, 1 connection"; fi
      if wants modify64; then compare_changes modify64 $s 10 "modify, 64 connections"; fi
      if wants add64; then compare_changes add64 $s 8 "add, 64 connections"; fi
    else
      compare_changes add64 $s 50 "add, 64 connections, slapd with uniqueness and dynamic lists"
    fi
    "$here/oracle/stop-slapd.sh" "$work/slapd-$s-$accounts"; unset "pid[$s]"
  done
  stop_muster
fi

if wants readers-under-writes; then
  load_muster "$accounts" "$domains"
  start_muster "$accounts"
  alone= beside=
  arguments lookup
  for _ in $(seq "$rounds"); do
    alone+=$("$load" -H "${url[muster]}" -d "$seconds" --warmup 1 --json "${arguments[@]}")$'\n'
    "$load" -H "${url[muster]}" -d 600 -c 64 "${admin[@]}" --values "$work/values-$accounts/dns.txt" --dn '{1}' --mod-attr description --mod-value 'v {C} {R}' modify >/dev/null 2>&1 &
    writers=$!
    sleep 1
    beside+=$("$load" -H "${url[muster]}" -d "$seconds" --warmup 1 --json "${arguments[@]}")$'\n'
    kill $writers; wait $writers 2>/dev/null || true
    writers=
  done
  stop_muster
  a=$(median p99 <<<"$alone") b=$(median p99 <<<"$beside")
  printf '\n| look-ups, 16 connections: p99 in µs | alone | beside 64 writers | times | at most |\n|---|---|---|---|---|\n'
  echo "| %s accounts | $a | $b | **$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b / a }')** | 2 × |" | sed "s/%s/$accounts/"
fi

if wants ldaps || wants starttls; then
  # The load generator speaks in clear to a tunnel beside it; what is compared is the servers' processor time.
  certificate
  load_muster "$accounts" "$domains"
  MUSTER_ARGS="${MUSTER_ARGS:-} --listen ldaps://127.0.0.1:0" start_muster "$accounts"
  declare -A secure=([muster]=$(sed -n 's|^listening on ldaps://\([^/]*\).*|\1|p' "$work/muster-$accounts/out")
    [slapd]=127.0.0.1:$(free_port))
  export TLS=$tls LISTEN=ldaps://${secure[slapd]}/
  slapd best
  unset TLS LISTEN
  printf '\n| look-up over TLS, %s accounts | slapd | slapd µs/op | muster µs/op | ratio (per round) | at least |\n|---|---|---|---|---|---|\n' "$accounts"
  for w in ldaps starttls; do
    wants $w || continue
    declare -A tunnel=([slapd]=127.0.0.1:$(free_port)) target=([slapd]=${secure[slapd]} [muster]=${secure[muster]})
    tunnel[muster]=127.0.0.1:$(free_port)
    protocol=
    if [ $w = starttls ]; then
      protocol="protocol = ldap"
      target=([slapd]=${url[best]#ldap://} [muster]=${url[muster]#ldap://})
      target=([slapd]=${target[slapd]%/} [muster]=${target[muster]%/})
    fi
    start_tunnel < <(for s in slapd muster; do
      printf '[%s]\nclient = yes\naccept = %s\nconnect = %s\n%s\n' $s "${tunnel[$s]}" "${target[$s]}" "$protocol"
    done)
    arguments lookup
    export NAME_A=slapd NAME_B=muster
    out=$("$here/load/compare.sh" -r "$rounds" -l "$work/runs.json" "ldap://${tunnel[slapd]}" "${pid[best]}" "ldap://${tunnel[muster]}" "${pid[muster]}" -- -d "$seconds" --warmup 1 "${arguments[@]}") || out=
    stop_tunnel
    say "$out"
    rates=$(sed -n 's/^median ops per server-CPU-second: slapd \([0-9.]*\), muster \([0-9.]*\)$/\1 \2/p' <<<"$out")
    [ -n "$rates" ] || { echo "| $w | the run failed | | | | 3 × |"; continue; }
    read -r ratio range < <(sed -n 's/^RATIO .* of ops per server-CPU-second: \([0-9.]*\) (per round: \(.*\))$/\1 \2/p' <<<"$out")
    echo "| $w, 16 connections | best | $(us "${rates% *}") | $(us "${rates#* }") | **$ratio** ($range) | 3 × |"
  done
  "$here/oracle/stop-slapd.sh" "$work/slapd-best-$accounts"; unset "pid[best]"
  stop_muster
  unset MUSTER_TLS_CERTIFICATE MUSTER_TLS_KEY
fi

if wants storm; then
  load_muster "$accounts" "$domains"
  start_muster "$accounts"
  v=$work/values-$accounts
  # Wrong passwords of accounts whose password Argon2 keeps.
  head -200 "$v/dns.txt" >"$work/storm.txt"
  while IFS= read -r dn; do
    printf 'dn: %s\nchangetype: modify\nreplace: userPassword\nuserPassword: {ARGON2}$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n' "$dn"
  done <"$work/storm.txt" | ldapmodify -x -H "${url[muster]}" -D cn=config -w secret >/dev/null
  arguments lookup
  # These accounts have other passwords now: what comes later loads them anew.
  rm -f "$work/muster-$accounts/loaded"
  p99() { "$load" -H "${url[muster]}" -d "$seconds" --warmup 1 --json "${arguments[@]}" | sed -n 's/.*"p99":\([0-9.]*\).*/\1/p' | head -1; }
  printf '\n| look-ups, 16 connections, rate limited by nobody | p99 µs idle | p99 µs with 200 Argon2 binds in flight | times | at most |\n|---|---|---|---|---|\n'
  for _ in $(seq "$rounds"); do
    idle=$(p99)
    "$load" -H "${url[muster]}" -c 200 -d $((seconds + 4)) --values "$work/storm.txt" --dn '{1}' --pw wrong --allow-code 49 --allow-code 51 bind >/dev/null 2>&1 &
    storm=$!
    sleep 1
    busy=$(p99)
    wait $storm || true
    echo "| | $idle | $busy | **$(awk -v a="$idle" -v b="$busy" 'BEGIN { printf "%.2f", b / a }')** | 5 × |"
  done
  stop_muster
fi

if wants inherited; then
  # One account in twenty has its own value; employeeType holds what is effective.
  [ -s "$work/overrides-$accounts.ldif" ] || "$here/load/override.py" "$ldif" "$work/overrides-$accounts.ldif" >&2
  export MUSTER_INDEXES="employeeType eq"
  load_muster "overrides-$accounts" "" "$work/overrides-$accounts.ldif"
  start_muster "overrides-$accounts"
  unset MUSTER_INDEXES
  printf '\n| search of %s accounts, size limit 100 | stored µs/op | inherited µs/op | times (per round) | at most |\n|---|---|---|---|---|\n' "$accounts"
  for value in TRUE FALSE; do
    against_itself "feature that is $value" 2 "-f (&(objectClass=zimbraAccount)(employeeType=$value))" \
      "-f (&(objectClass=zimbraAccount)(zimbraFeatureTasksEnabled=$value))" \
      -c 4 "${admin[@]}" -b "" -s sub -z 100 --allow-code 4 --expect-entries 100 -a $six search
  done
  stop_muster
fi

if wants addressbook; then
  load_muster "$accounts" "$domains"
  start_muster "$accounts"
  domain=$(cat "$work/values-$accounts/gal-domain.txt")
  printf '\n| address book of %s accounts, 2 letters, size limit 20 | plain µs/op | cn=gal µs/op | times (per round) | at most |\n|---|---|---|---|---|\n' "$accounts"
  against_itself "autocomplete" 1.5 "-b $domain -f $(filter zimbraAccountAutoComplete)" \
    "-b cn=gal,$domain -f (|(displayName=*{N}*)(cn={N}*)(sn={N}*)(gn={N}*)(mail={N}*))" \
    -c 4 "${admin[@]}" --values "$work/values-$accounts/auto-keys.txt" -s sub -z 20 --allow-code 4 -a $gal_attributes search
  stop_muster
fi

if wants sort; then
  load_muster "$accounts" "$domains"
  start_muster "$accounts"
  printf '\n| sorted, %s accounts in all | entries | server CPU in ms | at most |\n|---|---|---|---|\n' "$accounts"
  for who in "-D cn=config -w secret" "${admin[*]}"; do
    # shellcheck disable=SC2086
    "$here/load/sorted.py" -n 50 $who "${url[muster]}" "${pid[muster]}" "" "(objectClass=zimbraAccount)" sn displayName mail
  done
  stop_muster
fi

if wants start; then
  load_muster "$accounts" "$domains"
  times=
  for _ in 1 2 3 4 5; do start_muster "$accounts"; times+="$start_seconds "; stop_muster; done
  printf '\n| start on %s accounts | seconds, median of 5 | at most |\n|---|---|---|\n' "$accounts"
  echo "| muster serve | **$(tr ' ' '\n' <<<"$times" | grep . | sort -n | sed -n 3p)** | 0.3 |"
fi

if wants idle; then
  load_muster "$accounts" "$domains"
  printf '\n| 5,000 idle connections, each after one search | octets resident per connection | at most |\n|---|---|---|\n'
  start_muster "$accounts"
  json=$("$load" -H "${url[muster]}" --pid "${pid[muster]}" -c 5000 -d 5 --touch --json idle)
  echo "| muster | **$(/usr/bin/python3 -c 'import json, sys; r = json.loads(sys.argv[1]); print(next(v for k, v in r.items() if k == "rss_bytes_per_connection"))' "$json")** | 12288 |"
  stop_muster
fi

if wants scale; then
  printf '\n| look-up by zimbraMailDeliveryAddress, 16 connections | 1 outstanding, muster µs/op, median | 8 outstanding |\n|---|---|---|\n'
  declare -A cost
  for n in 10000 1000000; do
    load_muster "$n" $((n / 1000))
    start_muster "$n"
    # Until the database is in memory.
    sleep 5
    for outstanding in 1 8; do
      all=
      for _ in $(seq "$rounds"); do
        all+=$("$load" -H "${url[muster]}" --pid "${pid[muster]}" "${admin[@]}" -c 16 -p $outstanding -d "$seconds" --warmup 2 --values "$work/values-$n/addresses.txt" -b "" -s sub \
          -f '(zimbraMailDeliveryAddress={N})' -a $six --expect-entries 1 --json search | sed -n 's/.*"ops_per_server_cpu_s":\([0-9.]*\).*/\1/p')$'\n'
      done
      cost[$n-$outstanding]=$(us "$(grep . <<<"$all" | sort -n | sed -n "$(((rounds + 1) / 2))p")")
    done
    stop_muster
    echo "| $n accounts | ${cost[$n-1]} | ${cost[$n-8]} |"
  done
  ratio() { awk -v a="${cost[10000-$1]}" -v b="${cost[1000000-$1]}" 'BEGIN { printf "%.2f", b / a }'; }
  echo "| ratio | **$(ratio 1)** (at most 1.3) | **$(ratio 8)** |"
fi

if wants callgrind || wants access; then
  load_muster "$accounts" "$domains"
  # valgrind 3.19 gives up on Swift's debugging information
  program=$muster muster=$work/muster.stripped
  objcopy --strip-debug "$program" "$muster"
  export MUSTER_SCHEMA_DIR=$root/schema MUSTER_LDIF_DIR=$root/ldif MUSTER_WARM=false
fi

# instructions NAME FEW MANY ARGUMENTS...: of one operation, in $each
instructions() {
  local name=$1 few=$2 many=$3 n way
  shift 3
  declare -A count
  for n in $few $many; do
    start_muster "$accounts" valgrind --tool=callgrind --callgrind-out-file="$work/callgrind.$name.$n"
    if [ "$name" = ldaps ]; then
      way=127.0.0.1:$(free_port)
      start_tunnel < <(printf '[muster]\nclient = yes\naccept = %s\nconnect = %s\n' "$way" "$(sed -n 's|^listening on ldaps://\([^/]*\).*|\1|p' "$work/muster-$accounts/out")")
      url[muster]=ldap://$way
    fi
    "$load" -H "${url[muster]}" -n "$n" --order seq "$@" >/dev/null
    [ "$name" != ldaps ] || stop_tunnel
    stop_muster
    count[$n]=$(sed -n 's/^totals: \([0-9]*\)$/\1/p; s/^summary: \([0-9]*\)$/\1/p' "$work/callgrind.$name.$n" | tail -1)
  done
  each=$(((count[$many] - count[$few]) / (many - few)))
}

if wants access; then
  printf '%s\n' 'access to attrs=userPassword by anonymous auth by * read' 'access to * by * read' >"$work/open.access"
  printf '\n| look-up | no rules | production rules | times | at most |\n|---|---|---|---|---|\n'
  for who in "uid=zmpostfix,cn=appaccts,cn=zimbra zmpass 1.1" "cn=config secret 1.02"; do
    read -r name password goal <<<"$who"
    for w in lookup postfix; do
      arguments "$w"
      one=(-c 1)
      for ((i = 0; i < ${#arguments[@]}; i++)); do
        # The attributes are those that the production rules show to both.
        case ${arguments[i]} in
          -c | -p | -D | -w) i=$((i + 1)) ;;
          *) one+=("${arguments[i]/zimbraAccountStatus/zimbraMailStatus}") ;;
        esac
      done
      one+=(-D "$name" -w "$password")
      export MUSTER_ACCESS_FILE=$work/open.access
      instructions "open.$w" 200 1200 "${one[@]}"; plain=$each
      unset MUSTER_ACCESS_FILE
      instructions "access.$w" 200 1200 "${one[@]}"
      echo "| $text, as ${name%%,*} | $plain | $each | **$(awk -v a="$plain" -v b="$each" 'BEGIN { printf "%.3f", b / a }')** | $goal |"
    done
  done
fi

if wants callgrind; then
  printf '\n| workload | instructions per operation |\n|---|---|\n'
  for w in $comparisons; do
    case $w in paged | lookup8 | bind16) continue ;; esac
    arguments "$w"
    few=200 many=1200
    if [ "$w" = gal ] || [ "$w" = autocomplete ]; then few=50 many=250; fi
    one=("${arguments[@]}")
    for i in "${!one[@]}"; do [ "${one[i]}" != -c ] || one[i + 1]=1; done
    instructions "$w" "$few" "$many" "${one[@]}"
    echo "| $text | $each |"
  done
  certificate
  arguments lookup
  MUSTER_ARGS="${MUSTER_ARGS:-} --listen ldaps://127.0.0.1:0" instructions ldaps 1000 4000 -c 1 "${arguments[@]:2}"
  echo "| look-up over ldaps | $each |"
fi
