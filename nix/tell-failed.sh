#!/bin/sh
# Tells a listener that a unit failed: its name, this host's, the listener's address. What is told of the unit goes through a file, and so does the secret: everybody
# on a machine can read the arguments of a process.
set -u
umask 077
unit=$1 host=$2 url=$3
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
{ printf 'header = "Authorization: Bearer '; tr -d '\r\n"\\' <"$CREDENTIALS_DIRECTORY/secret"; printf '"\n'; } >"$directory/curl"
{
  systemctl show --no-pager -p Result,ExecMainCode,ExecMainStatus,NRestarts,StateChangeTimestamp -- "$unit"
  echo
  journalctl -q --no-pager -o short-iso "--unit=$unit" -n 60
} 2>&1 | tail -c 6000 >"$directory/details"
curl --silent --show-error --fail --output /dev/null --max-time 20 --retry 5 --retry-all-errors --retry-max-time 200 --config "$directory/curl" \
  --data-urlencode "name=unit-failed" \
  --data-urlencode "host=$host" \
  --data-urlencode "unit=$unit" \
  --data-urlencode "details@$directory/details" \
  --url "$url"
