#!/bin/bash
# start-slapd.sh WORKDIR PORT [ldif...]
# Fresh Carbonio-shaped slapd on 127.0.0.1:PORT.  Environment:
#   NOSYNC=1    production durability (dbnosync + writemap + nometasync); default: fully synced
#   PLAIN=1     no ACLs (everyone may read, rootdn writes)
#   ACL=FILE    these access rules instead of Carbonio's (slapd.acl and the global administrator rule)
#   TLS=FOLDER  certificate and key for StartTLS and ldaps: FOLDER/server.pem, FOLDER/server.key
#   LISTEN      more listener URLs, separated by spaces (e.g. ldapi://%2Ftmp%2Fx)
#   CATALOGUE   the catalogue's folder (default schema/catalogue of this repository)
#   OVERLAYS    more overlays, separated by spaces (e.g. "sssvlv deref")
#   SYNCPROV=0  leave the syncprov overlay out (default: on)
#   UNIQUE=0 / DYNLIST=0  leave those overlays out (default: on)
#   ROOTPW      cn=config password (default: secret)
#   MAXSIZE_MB  mdb map size (default 8192)
#   LOGLEVEL    slapd loglevel (default none)
#   KEEP=1      keep the database already in WORKDIR/db, load nothing
#   ULIMIT_N, TOOL_THREADS (2), THREADS (8)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { sed -n 2,18p "$0"; exit 2; }
work=$1 port=$2; shift 2
mkdir -p "$work"; work=$(cd "$work" && pwd)
if [ -f "$work/slapd.pid" ] && kill -0 "$(cat "$work/slapd.pid")" 2>/dev/null; then
  echo "slapd already running in $work (pid $(cat "$work/slapd.pid"))" >&2; exit 1
fi
[ "${KEEP:-0}" = 1 ] || rm -rf "$work/db"
mkdir -p "$work/db" "$work/schema"
python3 "$here/mkschema.py" ${CATALOGUE:+--catalogue "$CATALOGUE"} "$work/schema" >/dev/null
yes_() { [ "${1:-1}" != 0 ]; }
std=/etc/ldap/schema
{
  for s in core cosine inetorgperson; do echo "include $std/$s.schema"; done
  echo "include $work/schema/amavisd.schema"
  echo "include $std/dyngroup.schema"
  echo "include $work/schema/carbonio.schema"
  echo "include $work/schema/opendkim.schema"
  echo "modulepath /usr/lib/ldap"
  for m in back_mdb syncprov dynlist unique pw-sha2 argon2 ${OVERLAYS:-}; do
    [ -e "/usr/lib/ldap/$m.so" ] && echo "moduleload $m"
  done
  cat <<X
pidfile $work/slapd.pid
argsfile $work/slapd.args
threads ${THREADS:-8}
tool-threads ${TOOL_THREADS:-2}
loglevel ${LOGLEVEL:-none}
${TLS:+TLSCertificateFile $TLS/server.pem
TLSCertificateKeyFile $TLS/server.key}
attributeoptions lang-
localSSF 128
index_substr_if_maxlen 4
index_substr_if_minlen 2
index_substr_any_len 4
index_substr_any_step 2
index_intlen 4
sockbuf_max_incoming 262143
sockbuf_max_incoming_auth 16777215
conn_max_pending 100
conn_max_pending_auth 1000
X
  if [ "${PLAIN:-0}" != 1 ] && [ -z "${ACL:-}" ]; then cat <<X
access to * by dn.children="cn=admins,cn=zimbra" write by * +0 break
access to dn.base="" by * read
access to dn.base="cn=subschema" by * read
X
  fi
  cat <<X
password-hash {ARGON2}

database config
rootpw ${ROOTPW:-secret}

database monitor
rootdn "cn=config"
access to dn.children="cn=monitor" by dn.children="cn=admins,cn=zimbra" read

database mdb
suffix ""
rootdn "cn=config"
directory $work/db
maxsize $(( ${MAXSIZE_MB:-8192} * 1048576 ))
mode 0600
searchstack 16
rtxnsize 0
sizelimit unlimited
timelimit unlimited
maxderefdepth 15
X
  if [ "${NOSYNC:-0}" = 1 ]; then printf 'checkpoint 0 0\ndbnosync\nenvflags writemap\nenvflags nometasync\n'; fi
  cat "$here/slapd.indexes"
  [ "${PLAIN:-0}" = 1 ] || cat "${ACL:-$here/slapd.acl}"
  for o in ${OVERLAYS:-}; do echo "overlay $o"; done
  if yes_ "${DYNLIST:-1}"; then printf 'overlay dynlist\ndynlist-attrset groupOfURLs memberURL member\n'; fi
  if yes_ "${UNIQUE:-1}"; then printf 'overlay unique\nunique_uri ldap:///?mail?sub\nunique_uri ldap:///?zimbraId?sub\nunique_uri ldap:///?DKIMSelector?sub\n'; fi
  if yes_ "${SYNCPROV:-1}"; then printf 'overlay syncprov\nsyncprov-sessionlog 10000\nsyncprov-nopresent FALSE\nsyncprov-reloadhint TRUE\n'; fi
} > "$work/slapd.conf"
if [ "${KEEP:-0}" != 1 ]; then
  for f in "$@"; do
    t0=$(date +%s.%N)
    slapadd -q -f "$work/slapd.conf" -b "" -l "$f" 2> "$work/slapadd.log" || { tail -5 "$work/slapadd.log" >&2; exit 1; }
    t1=$(date +%s.%N)
    echo "slapadd -q $(basename "$f"): $(echo "$t1 $t0" | awk '{printf "%.1f s", $1-$2}')"
  done
  echo "database: $(du -k "$work/db/data.mdb" 2>/dev/null | awk '{printf "%.0f MiB", $1/1024}')"
fi
[ -n "${ULIMIT_N:-}" ] && ulimit -n "$ULIMIT_N"
slapd -f "$work/slapd.conf" -h "ldap://127.0.0.1:$port/ ${LISTEN:-}" > "$work/slapd.log" 2>&1 || { tail -5 "$work/slapd.log" >&2; exit 1; }
for i in $(seq 1 100); do
  if [ -s "$work/slapd.pid" ] && ldapsearch -x -LLL -H "ldap://127.0.0.1:$port/" -s base -b "" namingContexts >/dev/null 2>&1; then
    echo "slapd pid $(cat "$work/slapd.pid") on ldap://127.0.0.1:$port/"; exit 0
  fi
  sleep 0.1
done
echo "slapd did not answer" >&2; exit 1
