/**
 * The part of every program that writes into the ledger: POSIX shell, functions only.
 *
 * A line is added by writing the whole ledger anew beside the old one and putting it in its place, both made durable first: a power cut at any instant leaves the
 * ledger of before or of after, never half a line. Writers take turns by a lock of the ledger's own, so that a rejection does not wait for an activation. Four
 * thousand lines are kept, of which the gate reads the newest 500.
 */
export const ledgerFunctions = `
ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }
`;
