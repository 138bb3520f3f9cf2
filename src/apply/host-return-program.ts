import { pinnedEntryFunctions } from "../target/pinned-entry.ts";

/**
 * The third part of the supervisor: going back, the boot default, and what the host can know of its own reachability. POSIX shell, functions only.
 */
export const returnFunctions = `${pinnedEntryFunctions}
# go_back REASON EXIT: to the recorded toplevel, and only while what is active is ours or what we came from.
go_back() {
  why=$1 because=$2
  line "$why $because" >"$state/returning.new" && mv -f "$state/returning.new" "$state/returning"
  phase returning
  note "going back: $why"
  drop_lock
  end_operation
  cancel_jobs
  busy=0 tries=0
  while :; do
    # Whoever holds the lock is in the middle of a switch of theirs.
    await_lock "$activation_seconds" || finish superseded lock-held "$because"
    current
    case $current in "$activated" | "$from_current" | '') ;; *) finish superseded switched-meanwhile "$because" ;; esac
    drop_lock
    if begin_operation "$from_current" test no-checks; then
      await_operation "$activation_seconds" not-returnable
    else
      # systemd does not start units any more; what is left is to do it here.
      code=lost
      if NIXOS_NO_CHECK=1 timeout -k 10 "$activation_seconds" "$from_current/bin/switch-to-configuration" test </dev/null >>"$log" 2>&1 8>&-; then code=0; else code=$?; fi
    fi
    current
    if [ "$code" = 11 ] && said "Could not acquire lock" && [ "$busy" -lt 5 ]; then
      busy=$((busy + 1))
      sleep 1
      continue
    fi
    case $code in limit) end_operation; cancel_jobs ;; esac
    if [ "$current" = "$from_current" ]; then
      case $code in 0 | 4) break ;; esac
    fi
    tries=$((tries + 1))
    [ "$tries" -lt 2 ] || break
    note "once more: exit $code, active is $current"
  done
  start_stopped
  [ "$code" = 0 ] || why=$why-and-the-return-ended-with-$code
  give_back_default || finish rollback-failed "$why-and-not-restored" "$because"
  if [ "$current" = "$from_current" ]; then finish rolled-back "$why" "$because"; fi
  finish rollback-failed "$why" "$because"
}

# The profile's generations by name, to know later which one is ours.
generations() { for link in "$profiles"/system-*-link; do [ ! -L "$link" ] || line "\${link##*/}"; done; }
profile_link() { link=$(readlink "$profiles/system" 2>/dev/null) || link=; link=\${link##*/}; }
set_profile() { timeout 300 nix-env -p "$profiles/system" "$@" >>"$log" 2>&1 </dev/null 8>&- 9>&-; }

# boot_operation TOPLEVEL CHECKS: sets code. Somebody else's lock is waited for.
boot_operation() {
  busy=0
  while :; do
    await_lock "$loader_seconds" || { code=11; return; }
    drop_lock
    begin_operation "$1" boot "$2" || { code=lost; return; }
    await_operation "$loader_seconds" not-returnable
    [ "$code" != limit ] || end_operation
    if [ "$code" = 11 ] && [ "$busy" -lt 5 ]; then
      busy=$((busy + 1))
      sleep 1
      continue
    fi
    return
  done
}
# install_default CHECKS: profile and boot loader. Sets failed to a reason word, or to nothing, and exit_code.
install_default() {
  failed= exit_code=-
  profile
  if [ ! -e "$state/profile-before" ]; then
    profile_link
    generations >"$state/generations" && line "$link" >"$state/profile-before"
  fi
  if ! set_profile --set "$to"; then failed=profile-failed; return; fi
  boot_operation "$to" "$1"
  exit_code=$code
  profile
  if [ "$code" != 0 ]; then
    case $code in
      11) failed=lock-held ;;
      limit) failed=loader-limit ;;
      *) failed=loader-failed ;;
    esac
  elif [ "$profile" != "$to" ]; then
    failed=profile-changed
  else
    # A reboot that failed has left the system before it as the loader's default, which would go before this one.
    unpin_entry >>"$log" 2>&1 </dev/null 8>&- 9>&-
  fi
}
# The recorded generation and the loader that goes with it. A generation of ours is deleted first: what does not fit into /boot would not fit the second time either.
# Sets restored to yes or no.
restore_default() {
  restored=no
  profile
  case $profile in
    "$from_profile") ;;
    "$to")
      profile_link
      ours=$link
      told profile-before
      number=\${told#system-}
      number=\${number%-link}
      resolved "$profiles/$told"
      if [ -n "$told" ] && [ "$resolved" = "$from_profile" ]; then set_profile --switch-generation "$number"; else set_profile --set "$from_profile"; fi
      if ! grep -qxF -- "$ours" "$state/generations"; then
        number=\${ours#system-}
        set_profile --delete-generations "\${number%-link}"
      fi
      ;;
    *) return ;;
  esac
  boot_operation "$from_profile" no-checks
  profile
  if [ "$code" = 0 ] && [ "$profile" = "$from_profile" ]; then restored=yes; fi
}
# Where it was taken before the activation. False where it could not be.
give_back_default() {
  [ -e "$state/default-first" ] || return 0
  restore_default
  [ "$restored" = yes ] || return 1
  rm -f "$state/default-first"
}

# ---- what can be known from the inside of being unreachable
# ssh_answers ADDRESS: a whole key exchange, which shows more than an open port. Where no tool can tell, it is not an answer.
ssh_answers() {
  have ssh-keyscan || return 1
  [ -n "$(timeout 15 ssh-keyscan -T 5 -p "$ssh_port" -- "$1" 2>/dev/null </dev/null 8>&- 9>&-)" ]
}
own_address() { ip -o addr show scope global 2>/dev/null | while read -r number name family address rest; do line "\${address%/*}"; break; done; }
gateway() { ip route show default 2>/dev/null | while read -r default via address rest; do [ "$via" != via ] || line "$address"; break; done; }
gateway_answers() { have ping && timeout 5 ping -c 1 -W 2 -- "$1" >/dev/null 2>&1 </dev/null 8>&- 9>&-; }
# Before anything changes: only what was so before and is not so any more is evidence.
remember_reachability() {
  own_address >"$state/address"
  told address
  [ -z "$told" ] || ! ssh_answers "$told" || : >"$state/ssh-answered"
  gateway >"$state/gateway"
  told gateway
  [ -z "$told" ] || ! gateway_answers "$told" || : >"$state/gateway-answered"
}
# Sets lost_by to a word where the host can see that nobody reaches it, else to nothing. A packet filter in front of us cannot be seen from here.
look_for_reachability() {
  lost_by=
  told address
  if [ -n "$told" ]; then
    here=$(own_address)
    if [ -z "$here" ]; then lost_by=no-address; return; fi
    if [ -e "$state/ssh-answered" ] && ! ssh_answers "$here" && ! ssh_answers 127.0.0.1; then lost_by=no-ssh; return; fi
  fi
  told gateway
  if [ -n "$told" ]; then
    there=$(gateway)
    if [ -z "$there" ]; then lost_by=no-route; return; fi
    if [ -e "$state/gateway-answered" ] && ! gateway_answers "$there"; then lost_by=no-gateway; return; fi
  fi
}
is_unreachable() {
  for look in 1 2 3; do
    look_for_reachability
    [ -n "$lost_by" ] || return 1
    sleep 3
  done
}
`;
