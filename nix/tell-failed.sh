#!/bin/sh
# Tells a listener that a unit failed: its name, this host's, the listener's address. What is told of the unit goes through a file, and so does the secret: everybody
# on a machine can read the arguments of a process. What the unit said when it failed is read once, and told again and again until the listener has it. While this
# runs, starting it once more does nothing, so that a storm of failures is one process.
set -u
umask 077
unit=$1 host=$2 url=$3
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
# The unit's last line and the news of its end come by two ways.
sleep 1
{
  # systemd 251 says by itself how it ended; asking it needs a bus, which may be what failed.
  if [ -n "${MONITOR_SERVICE_RESULT:-}" ]; then
    printf 'Result=%s\nExecMainCode=%s\nExecMainStatus=%s\n' "$MONITOR_SERVICE_RESULT" "${MONITOR_EXIT_CODE:-}" "${MONITOR_EXIT_STATUS:-}"
  else
    timeout 60 systemctl show --no-pager -p Result,ExecMainCode,ExecMainStatus,NRestarts,StateChangeTimestamp -- "$unit"
  fi
  echo
  # A colour in a line would make journalctl hide all of it. The listener shows no control characters to anybody.
  timeout 60 journalctl -q --no-pager --all -o short-iso "--unit=$unit" -n 60
} 2>&1 | tail -c 6000 >"$directory/details"
{ printf 'header = "Authorization: Bearer '; tr -d '\r\n"\\' <"$CREDENTIALS_DIRECTORY/secret"; printf '"\n'; } >"$directory/curl"

rest=5 waited=0
while :; do
  answer=$(curl --silent --show-error --output /dev/null --write-out '%{http_code}' --max-time 20 --config "$directory/curl" \
    --data-urlencode "name=unit-failed" \
    --data-urlencode "host=$host" \
    --data-urlencode "unit=$unit" \
    --data-urlencode "details@$directory/details" \
    --url "$url")
  case $answer in
    2??)
      echo "The listener at $url was told that $unit failed."
      rm -rf "$directory"
      # One that fails every second is told of once a minute.
      exec sleep 60
      ;;
    # Nothing of what is sent will be another the next time.
    400 | 413 | 415)
      echo "The listener at $url does not take that $unit failed (HTTP $answer); nobody was told." >&2
      exit 64
      ;;
    401) said="does not know the secret of this host (HTTP 401)" ;;
    000) said="does not answer" ;;
    *) said="cannot take it now (HTTP $answer)" ;;
  esac
  # After an hour this unit is seen to fail. systemd starts it again, by then perhaps with another secret.
  if [ "$waited" -ge 3600 ]; then
    echo "The listener at $url $said; that $unit failed could not be told for an hour." >&2
    exit 75
  fi
  echo "The listener at $url $said; that $unit failed is told again in $rest s." >&2
  sleep "$rest"
  waited=$((waited + rest)) rest=$((rest < 150 ? rest * 2 : 300))
done
