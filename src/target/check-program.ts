import type { Check } from "../policy-deploy.ts";

/**
 * Asks checks on the host itself. POSIX shell without a byte of data: everything comes as arguments (`checkArguments`). Runs as a program of a connection, which has
 * `put`, and alone with the same arguments, as the way in which a host confirms itself. Exit code 0: all green; 1: at least one is not; 2: at least one could not be
 * asked and none failed.
 *
 * Each check is a record `check` of four lines: its number from 0, `passed`, `failed` or `inconclusive`, the tries, and then to the end what was found, bounded. All of
 * them are asked side by side, each with its own tries and limits, so that the whole takes as long as the longest. What is found is untrusted.
 */
export const checkProgram = `
unset IFS CDPATH
command -v put >/dev/null 2>&1 || put() { printf '%s %s\\n' "$1" "$2"; }
check_have() { command -v "$1" >/dev/null 2>&1; }
# One line of what is in a file, printable and short.
check_said() { if [ -s "$1" ]; then tail -c 300 "$1" | LC_ALL=C tr -c '[:print:]' ' '; fi; }
# Each check_TYPE leaves a verdict in check_verdict and says on stdout what was found. $check_limit seconds, files named $check_file.*.
check_command() {
  # The exit code goes to a file: what is read at the other end of the pipe has no say. tail has a limit for those who leave a child with our pipe in its hands.
  rm -f "$check_file.code"
  { timeout -k 5 "$check_limit" "$@" 2>&1; echo "$?" >"$check_file.code"; } | timeout -k 5 $((check_limit + 6)) tail -c 2000 >"$check_file.out"
  check_code=
  [ ! -s "$check_file.code" ] || read -r check_code <"$check_file.code"
  case $check_code in
    0) check_verdict=passed; printf 'it ended with 0' ;;
    '' | 125 | 126 | 127) check_verdict=inconclusive; printf 'it could not be run (exit code %s): ' "\${check_code:-unknown}"; check_said "$check_file.out" ;;
    124 | 137) check_verdict=failed; printf 'it did not end within %s s' "$check_limit" ;;
    *) check_verdict=failed; printf 'it ended with %s: ' "$check_code"; check_said "$check_file.out" ;;
  esac
}
check_unit() {
  check_state=$(timeout -k 5 "$check_limit" systemctl show -p LoadState -p ActiveState -p SubState -p Result -- "$1" 2>"$check_file.out")
  if [ "$?" -ne 0 ] || [ -z "$check_state" ]; then
    check_verdict=inconclusive; printf 'systemd could not be asked: '; check_said "$check_file.out"
    return
  fi
  check_load= check_active= check_sub= check_result=
  while IFS='=' read -r check_key check_value; do
    case $check_key in
      LoadState) check_load=$check_value ;;
      ActiveState) check_active=$check_value ;;
      SubState) check_sub=$check_value ;;
      Result) check_result=$check_value ;;
    esac
  done <<END_OF_STATE
$check_state
END_OF_STATE
  if [ "$check_active" = active ] || [ "$check_active" = reloading ]; then check_verdict=passed; else check_verdict=failed; fi
  if [ "$check_load" = not-found ]; then printf 'there is no such unit'; return; fi
  printf 'it is %s (%s)' "$check_active" "$check_sub"
  if [ "$check_verdict" = failed ] && [ "$check_result" != success ]; then printf ', result %s' "$check_result"; fi
}
# tcp HOST PORT
check_tcp() {
  if ! check_have bash; then check_verdict=inconclusive; printf 'there is no bash on the host to ask with'; return; fi
  timeout -k 5 "$check_limit" bash -c ': <>"/dev/tcp/$1/$2"' bash "$1" "$2" >"$check_file.out" 2>&1
  case $? in
    0) check_verdict=passed; printf 'it accepts connections' ;;
    124 | 137) check_verdict=failed; printf 'it did not answer within %s s' "$check_limit" ;;
    *)
      check_verdict=failed
      # A bash without network names looks for a file of that name; a name that cannot be looked up says nothing of the service.
      if grep -q -e 'No such file or directory' -e 'failure in name resolution' -e 'not known' -e 'Invalid host' "$check_file.out"; then check_verdict=inconclusive; fi
      check_said "$check_file.out" ;;
  esac
}
# http_once URL HOST PORT TARGET: status, redirect and body; nothing where there was no answer.
check_http_once() {
  : >"$check_file.body"
  check_status= check_to=
  if check_have curl; then
    curl -q --silent --show-error --globoff --noproxy '*' --proto '=http,https' --max-redirs 0 --max-time "$check_limit" \\
      --user-agent nixos-deploy-gate --header 'Accept-Encoding: identity' --write-out '%{stderr}\\n%{http_code} %{redirect_url}\\n' --url "$1" \\
      2>"$check_file.err" | head -c 1048577 >"$check_file.body"
    check_last=$(tail -n 1 "$check_file.err")
    check_status=\${check_last%% *}
    case $check_last in *' '*) check_to=\${check_last#* } ;; esac
    case $check_status in 000 | '' | *[!0-9]*) check_status= ;; esac
    sed '$d' "$check_file.err" >"$check_file.out"
    return
  fi
  case $1 in https:*) check_verdict=inconclusive; printf 'there is no curl on the host to ask https with'; return 1 ;; esac
  if ! check_have bash; then check_verdict=inconclusive; printf 'there is neither curl nor bash on the host to ask with'; return 1; fi
  timeout -k 5 "$check_limit" bash -c '
    exec 3<>"/dev/tcp/$1/$2" || exit 7
    printf "GET %s HTTP/1.0\\r\\nHost: %s\\r\\nUser-Agent: nixos-deploy-gate\\r\\nAccept: */*\\r\\nConnection: close\\r\\n\\r\\n" "$3" "$4" >&3 || exit 7
    IFS=" " read -r version status rest <&3 || exit 7
    case $version in HTTP/*) ;; *) echo "what it answered is not HTTP" >&2; exit 7 ;; esac
    to= cr=$(printf "\\r")
    while IFS= read -r header <&3; do
      header=\${header%"$cr"}
      [ -n "$header" ] || break
      case $header in [Ll]ocation:*) to=\${header#*:} to=\${to# } ;; esac
    done
    status=\${status%"$cr"}
    printf "%s %s\\n" "$status" "$to" >"$5"
    head -c 1048577 <&3 >"$6"' bash "$2" "$3" "$4" "$5" "$check_file.head" "$check_file.body" >"$check_file.out" 2>&1
  if [ -s "$check_file.head" ]; then IFS=' ' read -r check_status check_to <"$check_file.head"; rm -f "$check_file.head"; fi
  case $check_status in *[!0-9]*) check_status= ;; esac
}
# http URL HOST PORT TARGET AUTHORITY STATUSES [TEXT]
check_http() {
  check_url=$1 check_target=$4 check_origin=\${1%%://*}://$5 check_hops=0
  while :; do
    check_http_once "$check_url" "$2" "$3" "$check_target" "$5" || return
    if [ -z "$check_status" ]; then
      check_verdict=failed
      if grep -q -i -e 'could not resolve' -e 'failure in name resolution' -e 'not known' -e 'No such file or directory' "$check_file.out"; then check_verdict=inconclusive; fi
      printf 'it did not answer: '; check_said "$check_file.out"
      return
    fi
    case ",$6," in *",$check_status,"*) break ;; esac
    check_verdict=failed
    check_path=
    case $check_to in
      "$check_origin"/*) check_path=\${check_to#"$check_origin"} ;;
      //*) ;;
      /*) check_path=$check_to ;;
    esac
    check_hops=$((check_hops + 1))
    case $check_status in 3*) ;; *) check_path= ;; esac
    if [ -z "$check_path" ] || [ "$check_hops" -gt 5 ]; then printf 'it answered %s' "$check_status"; return; fi
    check_target=\${check_path%%#*} check_url=$check_origin\${check_path%%#*}
  done
  if [ $# -lt 7 ]; then check_verdict=passed; printf 'it answered %s' "$check_status"; return; fi
  # As one line on both sides, so that a text of several lines is one text.
  check_text=$(printf '%s' "$7" | tr '\\n' '\\001')
  head -c 1048576 "$check_file.body" | tr '\\n' '\\001' | LC_ALL=C grep -a -F -q -e "$check_text"
  case $? in
    0) check_verdict=passed; printf 'it answered %s with the text that is wanted' "$check_status" ;;
    1)
      check_verdict=failed
      check_size=$(wc -c <"$check_file.body")
      if [ "$check_size" -gt 1048576 ]; then check_verdict=inconclusive; printf 'the text that is wanted is not in the first MiB of the answer'; return; fi
      printf 'it answered %s without the text that is wanted' "$check_status" ;;
    *) check_verdict=inconclusive; printf 'its answer could not be searched' ;;
  esac
}
# one NUMBER TYPE RETRIES INTERVAL LIMIT ARGUMENT…: all tries of one check.
check_one() {
  check_file=$check_directory/$1 check_type=$2 check_retries=$3 check_interval=$4 check_limit=$5
  shift 5
  check_tries=0
  while :; do
    check_tries=$((check_tries + 1))
    check_verdict=inconclusive
    case $check_type in
      command) check_command "$@" ;;
      unit) check_unit "$@" ;;
      tcp) check_tcp "$@" ;;
      http) check_http "$@" ;;
      *) printf 'this kind of check is not known here' ;;
    esac >"$check_file.text"
    if [ "$check_verdict" = passed ] || [ "$check_tries" -gt "$check_retries" ]; then break; fi
    sleep "$check_interval"
  done
  # At once or not at all.
  { printf '%s\\n%s\\n' "$check_verdict" "$check_tries"; head -c 600 "$check_file.text"; } >"$check_file.new" && mv -f "$check_file.new" "$check_file.result"
}
check_main() {
  for check_tool in timeout tail head tr sleep mktemp mv rm cat grep sed wc; do
    if ! check_have "$check_tool"; then
      echo "There is no $check_tool in $PATH." >&2
      return 2
    fi
  done
  check_directory=$(mktemp -d /run/nixos-deploy-gate-checks.XXXXXX 2>/dev/null) || check_directory=$(mktemp -d) || return 2
  check_number=0 check_jobs=
  while [ $# -ge 5 ]; do
    check_begin "$@" </dev/null 4>&- 8>&- 9>&- &
    check_jobs="$check_jobs $!"
    check_number=$((check_number + 1))
    shift $((5 + $5))
  done
  for check_job in $check_jobs; do wait "$check_job"; done
  check_worst=0 check_index=0
  while [ "$check_index" -lt "$check_number" ]; do
    check_result=$(cat "$check_directory/$check_index.result" 2>/dev/null) || check_result='inconclusive
0
it was ended before it had an answer'
    put check "$check_index
$check_result"
    case $check_result in
      passed*) ;;
      failed*) check_worst=1 ;;
      *) [ "$check_worst" = 1 ] || check_worst=2 ;;
    esac
    check_index=$((check_index + 1))
  done
  rm -rf "$check_directory"
  return "$check_worst"
}
# TYPE RETRIES INTERVAL LIMIT COUNT ARGUMENT…: the first COUNT arguments and no more. They are turned to the end, and what is then in front is dropped.
check_begin() {
  check_head=$check_number check_type=$1 check_retries=$2 check_interval=$3 check_limit=$4 check_count=$5
  shift 5
  check_rest=$(($# - check_count))
  while [ "$check_count" -gt 0 ]; do
    check_argument=$1
    shift
    set -- "$@" "$check_argument"
    check_count=$((check_count - 1))
  done
  shift "$check_rest"
  check_one "$check_head" "$check_type" "$check_retries" "$check_interval" "$check_limit" "$@"
}
check_main "$@"
`;

/** What `checkProgram` is told: for each check its kind, retries, interval, limit, how many words follow, and those. */
export function checkArguments(checks: readonly Check[]): string[] {
  return checks.flatMap((check) => {
    const words = wordsOf(check);
    return [check.type, check.retries, check.intervalSeconds, check.timeoutSeconds, words.length, ...words].map(String);
  });
}

function wordsOf(check: Check): readonly string[] {
  switch (check.type) {
    case "command":
      return check.command;
    case "unit":
      return [check.unit];
    case "tcp":
      return [check.address.replace(/^\[|\]$/g, ""), String(check.port)];
    case "http": {
      // Serialised anew: percent-encoded, without a space or a control character that could end a line of the request.
      const url = new URL(check.url);
      const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
      const parts = [
        url.href,
        url.hostname.replace(/^\[|\]$/g, ""),
        port,
        `${url.pathname}${url.search}`,
        url.host,
        check.status.join(","),
      ];
      return check.contains === undefined ? parts : [...parts, check.contains];
    }
  }
}

/**
 * The arguments with which a host confirms itself by `checkProgram`: all checks, those that the gate would ask from its own machine too, since there is no gate while its
 * own host is switched.
 */
export const selfCheckArguments = checkArguments;
