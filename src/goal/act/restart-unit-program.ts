import { aloneProgram } from "./alone-program.ts";

/**
 * Starts one unit again that has failed, or restarts one that systemd starts over and over: POSIX shell without a byte of data. `$1` boot id, `$2` `failed` or
 * `flapping`, as it was seen, `$3` the limit in seconds, `$4` the last line of the ledger as it was seen (empty: there is none), `$5` the line to add, `$6` the unit.
 *
 * Puts `end`, `reason`, and where it was done `said`, `said.exit` and `show`. A unit that has failed is started and not restarted: a restart would also restart what
 * requires it and runs. The ledger is compared and written under the same lock, so that of two runs one restarts.
 */
export const restartUnitProgram = `${aloneProgram}
how=$2 limit=$3 seen=$4 entry=$5 unit=$6
property() { timeout 20 systemctl show -p "$1" --value -- "$unit" 2>/dev/null; }
[ "$(property Id)" = "$unit" ] || end refused alias
state=$(property ActiveState):$(property SubState)
case $how:$state in
  failed:failed:*) verb=start ;;
  flapping:activating:auto-restart* | flapping:active:*) verb=restart ;;
  *) end refused changed ;;
esac
if [ "$verb" = restart ]; then
  set -f
  for other in $(property RequiredBy) $(property RequisiteOf) $(property BoundBy) $(property ConsistsOf); do
    case $other in *.target | *.slice) continue ;; esac
    case $(timeout 20 systemctl show -p ActiveState --value -- "$other" 2>/dev/null) in inactive | failed) ;; *) end refused dependents ;; esac
  done
  set +f
fi
last=
if [ -e "$ledger" ]; then last=$(tail -n 20 "$ledger" | grep -v '^[[:space:]]*$' | tail -n 1); fi
[ "$last" = "$seen" ] || end refused ledger-moved
append_ledger "$entry" || end refused ledger
timeout 20 systemctl reset-failed -- "$unit" 2>/dev/null
go() { timeout -k 5 "$limit" systemctl --no-ask-password "$verb" -- "$unit" 2>&1 8>&- 9>&-; }
put_output said 4096 go
put show "$(timeout 20 systemctl show -p ActiveState -p SubState -p Result -p Type -p NRestarts -- "$unit" 2>/dev/null)"
end done "$verb"
`;
