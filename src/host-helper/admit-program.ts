/**
 * What the root helper of a host lets through: POSIX shell without a byte of data. `gate_admit VERB ARGUMENT …` sets `gate_admitted`, or ends with
 * code 77 and a sentence on stderr. Whoever holds the deploy key chooses verb and arguments, and must not become root by them. So:
 *
 * - A program is never sent, only named; `program_VERB` prints the host's own. The supervisor and the timer's script, which the gate sends as arguments, are thrown away
 *   and the host's own put in their place.
 * - Every argument has a form. A shell's arithmetic runs what stands in a variable (`a[$(id)]`), so that a number that is none is a way in like any other.
 * - What is run as root besides lies in a toplevel, and a toplevel counts only with a signature by a key of `/etc/nixos-deploy-gate/trusted-keys`. `nix store verify`
 *   takes every content-addressed path for signed, and anybody who reaches the daemon can add one: those are refused before it is asked. It also trusts the host's own
 *   secret-key-files, which are taken away.
 * - What a host goes back to is what it runs and boots right now, compared here: the start runs a shell out of it.
 */
export const admitProgram = `
trusted_keys=/etc/nixos-deploy-gate/trusted-keys
newline='
'
refuse() { printf 'nixos-deploy-gate-helper: %s\\n' "$1" >&2; exit 77; }
# number WORD [MOST]: 1 to 9 digits, which a shell reads as such.
is_number() { case $1 in '' | *[!0-9]* | ??????????*) return 1 ;; 0) return 0 ;; 0*) return 1 ;; esac; }
number() { is_number "$1" || refuse "a number is not one"; }
# Bytes: up to 15 digits.
many() { case $1 in *[!0-9]* | [!1-9]* | '' | ????????????????*) refuse "a number is not one" ;; esac; }
one_of() {
  one_word=$1
  shift
  for one_known do [ "$one_known" != "$one_word" ] || return 0; done
  refuse "a word is not one that is known here"
}
an_id() { case $1 in '' | -* | *[!a-z0-9-]*) refuse "the id is not one" ;; esac; [ "\${#1}" -le 80 ] || refuse "the id is not one"; }
hexadecimal() { case $1 in '' | *[!0-9a-f]*) refuse "a nonce is not one" ;; esac; [ "\${#1}" -eq 32 ] || refuse "a nonce is not one"; }
boot_word() { case $1 in '' | *[!0-9a-f-]*) refuse "a boot id is not one" ;; esac; [ "\${#1}" -eq 36 ] || refuse "a boot id is not one"; }
entry() {
  case $1 in *"$newline"*) refuse "an entry of the ledger has several lines" ;; '{'*'}') ;; *) refuse "an entry of the ledger is not one" ;; esac
  [ "\${#1}" -le 65536 ] || refuse "an entry of the ledger is too long"
}
unit() {
  case $1 in '' | -* | *[!A-Za-z0-9:_.\\\\@-]* | *.) refuse "a unit's name is not one" ;; *.*) ;; *) refuse "a unit's name is not one" ;; esac
  [ "\${#1}" -le 255 ] || refuse "a unit's name is not one"
}
# One that is started, restarted or stopped: a machine is switched off by no name of a unit, and no shell is opened on its console.
moved_unit() {
  unit "$1"
  case $1 in *.service | *.socket | *.mount | *.automount | *.swap | *.timer | *.path) ;; *) refuse "a unit of that kind is not started or stopped here" ;; esac
  case $1 in
    systemd-poweroff.* | systemd-halt.* | systemd-reboot.* | systemd-soft-reboot.* | systemd-kexec.* | systemd-exit.* | systemd-suspend* | systemd-hibernate* | systemd-hybrid-sleep.* | \
      emergency.* | rescue.* | debug-shell.* | initrd-*) refuse "that unit takes the machine away or opens a shell on it" ;;
  esac
}
copy_root() {
  case $1 in copy-*) ;; *) refuse "the name of a root is not one" ;; esac
  case \${1#copy-} in '' | *[!0-9a-f]*) refuse "the name of a root is not one" ;; esac
}
# A path of the store with the name of a system, itself and not below it.
system_path() {
  case $1 in /nix/store/*) ;; *) refuse "a system is not a path of the store" ;; esac
  system_name=\${1#/nix/store/}
  case $system_name in
    *[!A-Za-z0-9+._?=-]*) refuse "a system is not a path of the store" ;;
    [0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z]-nixos-system-?*) ;;
    *) refuse "a path of the store has not the name of a system" ;;
  esac
}
nix_says() { timeout 60 nix --extra-experimental-features nix-command "$@" </dev/null 2>/dev/null; }
signed() {
  system_path "$1"
  [ -d "$1" ] && [ ! -L "$1" ] && [ -f "$1/nixos-version" ] && [ -x "$1/bin/switch-to-configuration" ] || refuse "there is no such system on this host"
  signed_keys=
  while read -r signed_key || [ -n "$signed_key" ]; do signed_keys="$signed_keys $signed_key"; done <"$trusted_keys" || refuse "there are no trusted keys"
  [ -n "$signed_keys" ] || refuse "there are no trusted keys"
  signed_said=$(nix_says path-info --sigs "$1") || refuse "the store does not know this system"
  case " $(printf '%s' "$signed_said" | tr '\\t\\n' '  ') " in
    *" ca:"*) refuse "this system is addressed by its content, so that no signature says who made it" ;;
    *" $1 "*) ;;
    *) refuse "the store does not know this system" ;;
  esac
  nix_says store verify --no-contents --sigs-needed 1 --option trusted-public-keys "$signed_keys" --option secret-key-files "" --option substituters "" "$1" >/dev/null ||
    refuse "this system is not signed by a trusted key"
}
# What is active is the system or a specialisation of it by that name.
activated() {
  case $2 in
    "$1") ;;
    "$1"/specialisation/*)
      case \${2#"$1"/specialisation/} in '' | .* | *[!A-Za-z0-9_.-]*) refuse "a specialisation's name is not one" ;; esac ;;
    *) refuse "what is to be activated is not of the system" ;;
  esac
}
start_file() {
  case $1 in
    id) an_id "$2" ;;
    nonce) hexadecimal "$2" ;;
    attempt) entry "$2" ;;
    operation) one_of "$2" switch boot ;;
    reversible) one_of "$2" yes no ;;
    confirm-by) one_of "$2" gate ;;
    activation-seconds | confirm-seconds | loader-seconds | ssh-port) number "$2" ;;
    from-current) [ "$2" = "$(readlink -f /run/current-system)" ] || refuse "this is not what the host runs" ;;
    from-profile) [ "$2" = "$(readlink -f /nix/var/nix/profiles/system)" ] || refuse "this is not what the host boots" ;;
    to) start_to=$2 ;;
    copy-root) copy_root "$2" ;;
    activate) start_activate=$2 ;;
    stop-first)
      case $2 in *"$newline$newline"* | "$newline"* | *"$newline") refuse "a unit's name is not one" ;; esac
      while IFS= read -r start_unit; do moved_unit "$start_unit"; done <<END_OF_UNITS
$2
END_OF_UNITS
      ;;
    *) refuse "the supervisor is told something that is not known here" ;;
  esac
}
admit_start() {
  [ "$#" -ge 3 ] || refuse "arguments are missing"
  an_id "$1"
  hexadecimal "$2"
  shift 3
  start_to= start_activate= start_seen=' '
  while [ "$#" -gt 1 ]; do
    case $start_seen in *" $1 "*) refuse "the supervisor is told something twice" ;; esac
    start_seen="$start_seen$1 "
    start_file "$1" "$2"
    shift 2
  done
  [ "$#" -eq 0 ] || refuse "arguments are missing"
  for start_name in id nonce attempt operation from-current from-profile to activate reversible activation-seconds confirm-seconds loader-seconds confirm-by ssh-port; do
    case $start_seen in *" $start_name "*) ;; *) refuse "the supervisor is not told everything" ;; esac
  done
  activated "$start_to" "$start_activate"
  signed "$start_to"
}
admit_reboot() {
  an_id "$1"
  case $1 in reboot-*) ;; *) refuse "the id is not one" ;; esac
  boot_word "$2"
  signed "$3"
  [ -z "$4" ] || clock_second "$4"
  [ -z "$5" ] || clock_second "$5"
  one_of "$6" verify trust
  one_of "$7" once default
}
# Seconds since 1970 have ten digits.
clock_second() { case $1 in [1-9]*[!0-9]* | [!1-9]* | '' | ????????????*) refuse "a time is not one" ;; esac; case $1 in *[!0-9]*) refuse "a time is not one" ;; esac; }
admit_check() {
  while [ "$#" -gt 0 ]; do
    [ "$#" -ge 5 ] || refuse "arguments are missing"
    check_asked=$1 check_words=$5
    number "$2"; number "$3"; number "$4"; number "$5"
    shift 5
    [ "$#" -ge "$check_words" ] || refuse "arguments are missing"
    case $check_asked:$check_words in
      unit:1) unit "$1" ;;
      tcp:2) host_word "$1"; number "$2" ;;
      http:6 | http:7)
        case $1 in http://* | https://*) ;; *) refuse "an address is not one" ;; esac
        for check_word in "$1" "$4"; do case $check_word in *[!!-~]*) refuse "an address is not one" ;; esac; done
        case $4 in /*) ;; *) refuse "an address is not one" ;; esac
        host_word "$2"; number "$3"; host_word "$5"
        case $6 in '' | *[!0-9,]*) refuse "a number is not one" ;; esac ;;
      *) refuse "this host does not run commands of the policy: checks here are unit, tcp and http" ;;
    esac
    shift "$check_words"
  done
}
host_word() { case $1 in '' | -* | *[!A-Za-z0-9._:%]* ) case $1 in '['*']' | '['*']':*) case $1 in *[!]A-Za-z0-9._:%[]*) refuse "a host's name is not one" ;; esac ;; *) refuse "a host's name is not one" ;; esac ;; esac; }
count() { [ "$1" -eq "$2" ] || refuse "arguments are missing or too many"; }
gate_admit() {
  admit_verb=$1 admit_front=
  shift
  case $admit_verb in
    observe) count "$#" 2; one_of "$1" brief health full ;;
    record) count "$#" 1; entry "$1" ;;
    root)
      case $#:\${1-} in
        3:keep) system_path "$3" ;;
        2:release) ;;
        *) refuse "arguments are missing or too many" ;;
      esac
      copy_root "$2" ;;
    start)
      admit_start "$@"
      admit_front='gate_id=$1 gate_secret=$2; shift 3; set -- "$gate_id" "$gate_secret" "$(text_supervisor)" "$@"' ;;
    follow) count "$#" 4; an_id "$1"; one_of "$2" waiting ended now; number "$3"; number "$4" ;;
    say) count "$#" 4; an_id "$1"; hexadecimal "$2"; one_of "$3" confirm return; number "$4" ;;
    dry-activate) count "$#" 3; activated_dry "$1"; number "$2"; one_of "$3" checks no-checks ;;
    restart)
      [ "$#" -ge 1 ] || refuse "arguments are missing"
      number "$1"
      admit_units=no
      for admit_word do if [ "$admit_units" = yes ]; then moved_unit "$admit_word"; fi; admit_units=yes; done ;;
    check) admit_check "$@" ;;
    evidence)
      [ "$#" -ge 1 ] || refuse "arguments are missing"
      [ -z "$1" ] || clock_second "$1"
      admit_units=no
      for admit_word do if [ "$admit_units" = yes ]; then unit "$admit_word"; fi; admit_units=yes; done ;;
    ping) count "$#" 0 ;;
    reboot-begin | reboot-give-up) count "$#" 2; boot_word "$1"; entry "$2" ;;
    reboot) count "$#" 7; admit_reboot "$@" ;;
    reboot-arm)
      count "$#" 11
      admit_reboot "$1" "$2" "$3" "$4" "$5" "$6" "$7"
      one_of "$8" 0 1
      clock_second "$9"
      number "\${10}"
      admit_front='gate_script=$(text_timer); set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "\${10}" "$gate_script"' ;;
    reboot-settle) count "$#" 0 ;;
    reboot-cancel) count "$#" 1; [ -z "$1" ] || an_id "$1" ;;
    act-restart)
      count "$#" 6; boot_word "$1"; one_of "$2" failed flapping; number "$3"
      [ -z "$4" ] || entry "$4"
      entry "$5"; moved_unit "$6" ;;
    act-garbage) count "$#" 4; boot_word "$1"; many "$2"; number "$3"; entry "$4" ;;
    *) refuse "there is no such verb" ;;
  esac
  gate_admitted="$admit_front
$(program_of "$admit_verb")"
}
activated_dry() {
  dry_system=\${1%%/specialisation/*}
  activated "$dry_system" "$1"
  signed "$dry_system"
}
`;
