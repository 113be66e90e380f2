#!/usr/bin/env bash
# A dynamic security scan of our own server on loopback: as nobody, then as the owner of a tenant
# with an estate in it. Bounded in time; what it finds is explained in docs/security.md.
# scan.sh PARALLAX WAPITI: the two programs. Needs DATABASE_URL, a scratch Postgres.
set -euo pipefail
parallax=$1 wapiti=$2
work=$(mktemp -d /tmp/parallax-scan.XXXXXX)
server=
end() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap end EXIT

psql "$DATABASE_URL" -qc 'DROP DATABASE IF EXISTS parallax_scan WITH (FORCE)' -c 'CREATE DATABASE parallax_scan'
PARALLAX_DATABASE_URL=$(sed 's#/postgres?#/parallax_scan?#' <<<"$DATABASE_URL")
export PARALLAX_DATABASE_URL PARALLAX_DATA_DIR=$work/data
"$parallax" demo --once --assets 100 --listen 127.0.0.1:0 --cloud-port 0 >"$work/demo" 2>&1 || { tail -n 5 "$work/demo" >&2; exit 1; }
PARALLAX_LISTEN=127.0.0.1:0 PARALLAX_LOG=warn "$parallax" serve --no-worker >"$work/said" 2>"$work/log" &
server=$!
for _ in $(seq 100); do grep -q /welcome/ "$work/said" && break; sleep 0.2; done
link=$(grep -o 'http://[^ ]*/welcome/[^ ]*' "$work/said")
base=${link%/welcome/*}

word=$(curl -s -c "$work/jar" "$link" | sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -n 1)
curl -s -o /dev/null -b "$work/jar" -c "$work/jar" -H 'sec-fetch-site: same-origin' --data-urlencode "csrf=$word" \
  -d 'email=scan@example.org&name=Scan' --data-urlencode 'password=correct horse battery staple' "$link"
session=$(awk '$6 == "parallax" { print $7 }' "$work/jar")
[ -n "$session" ] || { echo "the owner could not log in" >&2; exit 1; }

# All that need no server of the scanner's own on the internet and look for no product of others.
modules=backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,https_redirect,ldap,methods,permanentxss,redirect,sql,timesql,upload,xss

# scan NAME [ARGUMENTS]: what could end the session or the estate is left out.
scan() {
  local name=$1; shift
  "$wapiti" --url "$base/" --scope folder --flush-session --store-session "$work/$name" --no-bugreport \
    --module "$modules" --store-config "$work" \
    --exclude "$base/logout*" --exclude "$base/account/sessions*" --exclude "$base/account/password*" \
    --exclude "$base/tenant/delete*" --exclude "$base/people/*" --exclude "$base/account/second-factor*" \
    --depth 5 --max-links-per-page 40 --max-files-per-dir 12 --max-scan-time "${SCAN_SECONDS:-120}" --max-attack-time "${ATTACK_SECONDS:-20}" \
    --header 'sec-fetch-site: same-origin' --format json --output "$work/$name.json" "$@" >"$work/$name.out" 2>&1 || { tail -n 20 "$work/$name.out" >&2; exit 1; }
  python3 - "$work/$name.json" "$name" <<'PY'
import json, sys
report, name = json.load(open(sys.argv[1])), sys.argv[2]
pages = report["infos"].get("crawled_pages_nbr", "?")
print(f"{name}: {pages} addresses crawled")
for part in ("vulnerabilities", "anomalies", "additionals"):
    for kind, found in sorted(report[part].items()):
        for one in found:
            print(f"  {part[:-3]}y {kind}: {one['method']} {one['path']} {one.get('parameter') or ''}: {one['info']}")
PY
}
scan anonymous
scan owner --cookie-value "parallax=$session"
curl -s -o /dev/null -w '%{http_code}\n' -b "parallax=$session" "$base/findings" | sed 's/^/the session still stands at the end: /'
grep -c '"level"\|ERROR' "$work/log" | sed 's/^/errors in the log: /' || true
grep ERROR "$work/log" | head -n 20 || true
