#!/bin/sh
# Tells a listener that a unit failed: its name, this host's, the listener's address. What is told of the unit goes through a file, and so does the secret: everybody
# on a machine can read the arguments of a process. What the unit said when it failed is kept from one try to the next, and tries go on until the listener has it.
set -u
umask 077
unit=$1 host=$2 url=$3
directory=$RUNTIME_DIRECTORY
if [ ! -e "$directory/details" ]; then
  # The unit's last line and the news of its end come by two ways.
  sleep 1
  {
    systemctl show --no-pager -p Result,ExecMainCode,ExecMainStatus,NRestarts,StateChangeTimestamp -- "$unit"
    echo
    # A colour in a line would make journalctl hide all of it. The listener shows no control characters to anybody.
    timeout 60 journalctl -q --no-pager --all -o short-iso "--unit=$unit" -n 60
  } 2>&1 | tail -c 6000 >"$directory/new"
  mv "$directory/new" "$directory/details" || exit 1
fi
{ printf 'header = "Authorization: Bearer '; tr -d '\r\n"\\' <"$CREDENTIALS_DIRECTORY/secret"; printf '"\n'; } >"$directory/curl"
answer=$(curl --silent --show-error --output /dev/null --write-out '%{http_code}' --max-time 20 --config "$directory/curl" \
  --data-urlencode "name=unit-failed" \
  --data-urlencode "host=$host" \
  --data-urlencode "unit=$unit" \
  --data-urlencode "details@$directory/details" \
  --url "$url")
case $answer in
  2??)
    rm -f "$directory/details" "$directory/curl"
    echo "The listener at $url was told that $unit failed."
    # While this sleeps this unit runs, and starting it once more does nothing: one that fails every second is told of once a minute.
    exec sleep 60
    ;;
  000) said="does not answer" ;;
  # Nothing of what is sent will be another the next time.
  400 | 413 | 415)
    echo "The listener at $url does not take that $unit failed (HTTP $answer); nobody was told." >&2
    exit 64
    ;;
  401) said="does not know the secret of this host (HTTP 401)" ;;
  *) said="could not be told (HTTP $answer)" ;;
esac
echo "The listener at $url $said; that $unit failed is told again later." >&2
sleep 20
exit 75
