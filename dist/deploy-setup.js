import{i as e,n as t,r as n,t as r}from"./approval-token.js";import{i,n as a,t as o}from"./failure.js";import{A as s,E as c,L as l,O as u,R as d,T as f,W as p,_ as m,c as h,d as g,f as _,h as v,l as y,m as b,n as x,p as S,u as C,y as w}from"./sysctl.js";import{C as T,S as E,b as ee,f as te,g as D,h as ne,m as re,n as ie,o as ae,p as oe,r as se,u as ce,x as le}from"./finding.js";import{a as ue,f as de,p as O,s as fe}from"./remedy.js";import{i as pe,n as me,r as he,t as ge}from"./known-cause.js";import{c as _e,n as ve,p as ye,s as be}from"./discover.js";import{t as xe}from"./rules.js";import{a as Se,i as Ce,n as we,r as Te,t as Ee}from"./policy.js";import{n as De}from"./machine.js";import{t as Oe}from"./run-command.js";import{closeSync as ke,fstatSync as Ae,mkdirSync as je,mkdtempSync as Me,openSync as Ne,readSync as Pe,rmSync as Fe,writeFileSync as Ie}from"node:fs";import{join as k}from"node:path";import{tmpdir as Le}from"node:os";import{createHash as Re,randomBytes as ze}from"node:crypto";import{setTimeout as Be}from"node:timers/promises";import*as Ve from"node:http";import*as He from"node:https";import{connect as Ue}from"node:net";const We=/^(?:proc|sysfs|devtmpfs|devpts|tmpfs|ramfs|cgroup2?|mqueue|debugfs|tracefs|securityfs|pstore|efivarfs|bpf|configfs|fusectl|hugetlbfs|autofs|binfmt_misc|nsfs|overlay|rpc_pipefs)$/;function Ge(e,t){let{mounts:n,space:r}=t,i=n.filter(e=>!We.test(e.type)).find(e=>e.target===`/`),a=e=>n.filter(t=>e.test(t.type)).map(e=>e.target);return{deployUser:e.user,deployAddress:e.hostname,...e.sudo?{deployBecomesRootBy:`sudo`}:{},...i===void 0?{}:{rootFs:i.type,rootDevice:i.source},...r.boot===void 0?{}:{bootSizeBytes:r.boot.sizeBytes,bootFreeBytes:r.boot.freeBytes},...r.store===void 0?{}:{storeFreeBytes:r.store.freeBytes},...n.length===0?{}:{mountedNfs:a(/^nfs4?$/),mountedCifs:a(/^(?:cifs|smb3)$/)},hostUsesSwap:t.swaps.length>0}}function Ke(t,n){let r=n.running.get(t.host);if(!(r===void 0||t.state!==`changed`&&t.state!==`added`))return e({repository:n.repository,host:t.host,revision:n.revision,from:r,to:t.to},t.judgement)}function qe(e,t){return e.map(e=>{let n=e.decision.action===`hold`&&e.decision.rejectedBy===void 0?Ke(e,t):void 0;return n===void 0?e:{...e,approval:r({...n,issuedAt:Math.floor(t.now.getTime()/1e3)})}})}function Je(e,t){let n=Object.hasOwn(e.hosts,t)?e.hosts[t]:void 0,r=n?.group!==void 0&&Object.hasOwn(e.groups,n.group)?e.groups[n.group]:void 0;return[...e.apply.checks,...r?.checks??[],...n?.checks??[]]}const Ye={maxUnavailable:1,quorum:!1,order:100,checks:[]};function Xe(e){let t=/* @__PURE__ */ new Map;for(let[n,{group:r}]of Object.entries(e.hosts))r!==void 0&&t.set(r,[...t.get(r)??[],n]);return new Map([...t].map(([t,n])=>{let r=Object.hasOwn(e.groups,t)?e.groups[t]??Ye:Ye;return[t,{name:t,members:n,quorum:r.quorum,order:r.order,maxUnavailable:Ze(r.maxUnavailable,n.length)}]}))}function Ze(e,t){return typeof e==`number`?e:Math.max(1,Math.floor(Number.parseInt(e,10)*t/100))}function Qe(e){if(e===void 0)return{healthy:!1,sentence:`Nothing is known of it.`};if(e.kind===`silent`)return{healthy:!1,sentence:`It could not be asked (${e.trouble}).`};let{observation:t,checks:n}=e;if(t.systemState!==`running`&&t.systemState!==`degraded`&&t.systemState!==`starting`)return{healthy:!1,sentence:`Its system is ${t.systemState===``?`in an unknown state`:t.systemState}.`};if(t.scheduledShutdown!==void 0)return{healthy:!1,sentence:`A shutdown is scheduled on it.`};if(t.activations.length>0)return{healthy:!1,sentence:`An activation runs on it (${t.activations.slice(0,3).join(`, `)}).`};let r=n.find(e=>e.outcome!==`passed`);return r===void 0?n.length===0?{healthy:!0,sentence:`It answers; it has no checks.`}:{healthy:!0,sentence:`It answers and ${n.length===1?`its check passes`:`all ${n.length} checks pass`}.`}:{healthy:!1,sentence:`Its check "${r.name}" is ${r.outcome}: ${r.sentence}`}}function $e(e,t){return new Map(e.members.map(e=>[e,Qe(t.get(e))]))}function et(e,t,n){let r=e.members.filter(e=>e!==n&&t.has(e)),i=r.length+1,a=e.members.length-i,o=r.length===0?`nobody else is away`:`${tt(r)} ${r.length===1?`is`:`are`} away`;if(e.quorum&&a*2<=e.members.length){let t=r.length===0?`a quorum of ${e.members.length} can spare nobody`:o;return{allowed:!1,sentence:`Without ${n} only ${a} of ${e.members.length} of the group ${e.name} would be left, which is no majority: ${t}.`}}return i>e.maxUnavailable?{allowed:!1,sentence:`The group ${e.name} may miss ${e.maxUnavailable} of ${e.members.length} at once, and ${o}.`}:{allowed:!0,sentence:`The group ${e.name} can spare ${n}: ${o}.`}}function tt(e){return e.length<=3?e.join(`, `):`${e.slice(0,3).join(`, `)} and ${e.length-3} more`}const nt=2**53-1;function rt({hosts:e,policy:t,runnerBootId:n,bootIds:r}){let i=Xe(t),a=[...new Set(e)].map(e=>{let a=Object.hasOwn(t.hosts,e)?t.hosts[e]:void 0,o=a?.group===void 0?void 0:i.get(a.group),s=n!==void 0&&n!==``&&r.get(e)===n||(a?.carries.length??0)>0,c=a?.canary===!0&&!s;return{host:e,stage:s?nt:c?-1:o?.order??100,canary:c,carries:s,group:o}}),o=e=>e.carries?r.get(e.host)===n||it(t,e.host)?2:1:0;return a.toSorted((e,t)=>e.stage-t.stage||o(e)-o(t))}const it=(e,t)=>Object.hasOwn(e.hosts,t)&&(e.hosts[t]?.carries.includes(`runner`)??!1);function at(e,t,n=[]){return{limits:t,places:e,standing:new Map(e.map(({host:e})=>[e,{kind:`pending`}])),away:new Set(n),failures:0,stopped:void 0}}function ot(e){if(e.stopped!==void 0)return{waves:dt(e,()=>e.stopped??``),start:[]};let t=e.places.filter(({host:t})=>e.standing.get(t)?.kind===`running`),n=e.places.filter(({host:t})=>e.standing.get(t)?.kind===`pending`),r=[...t,...n].reduce((e,t)=>Math.min(e,t.stage),1/0),i=/* @__PURE__ */ new Set([...e.away,...t.map(({host:e})=>e)]),a=[],o=/* @__PURE__ */ new Map;for(let s of n){if(s.stage!==r||t.length+a.length>=e.limits.parallel||s.carries&&t.length+a.length>0)break;let n=s.group===void 0?void 0:et(s.group,i,s.host);n?.allowed===!1?o.set(s.host,n.sentence):(a.push(s.host),i.add(s.host))}if(a.length>0){let t=new Map(e.standing);for(let e of a)t.set(e,{kind:`running`});return{waves:{...e,standing:t},start:a}}if(t.length>0||o.size===0)return{waves:e,start:[]};let s=n.find(e=>e.canary&&o.has(e.host)),c=s===void 0?void 0:`The canary ${s.host} could not go: ${o.get(s.host)??``}`;return ot(dt({...e,stopped:c},e=>o.get(e.host)))}function st(e,t,n){let r=e.places.find(e=>e.host===t);if(r===void 0||e.standing.get(t)?.kind!==`running`)throw Error(`${t} has not been started by these waves`);let i=new Map(e.standing).set(t,{kind:`ended`,end:n}),a=ht(n),o=e.failures+ +!!a,s=e.stopped??pt(r,n,o,e.limits.stopAfterFailures);return{...e,standing:i,failures:o,stopped:s,away:ft(e.away,t,n.healthy)}}function ct(e,t,n){return e.away.has(t)===!n?e:{...e,away:ft(e.away,t,n)}}const lt=(e,t)=>({...e,stopped:e.stopped??t}),ut=e=>e.places.flatMap(({host:t})=>{let n=e.standing.get(t);return n?.kind===`not-reached`?[{host:t,reason:n.reason}]:[]});function dt(e,t){let n=new Map(e.standing);for(let r of e.places){let e=n.get(r.host)?.kind===`pending`?t(r):void 0;e!==void 0&&n.set(r.host,{kind:`not-reached`,reason:e})}return{...e,standing:n}}function ft(e,t,n){let r=new Set(e);return n?r.delete(t):r.add(t),r}function pt(e,t,n,r){if(e.canary&&!_t(t))return`The canary ${e.host} was not brought in (${t.outcome}), and nobody follows a canary that is not well.`;if(n>=r&&ht(t))return n===1?`${e.host} failed (${t.outcome}), and the policy stops at the first failure.`:`${n} hosts failed, the last of them ${e.host} (${t.outcome}), and the policy stops there.`}const mt=/* @__PURE__ */ new Set([`failed`,`rolled-back`,`live-but-old-boots`,`left-unconfirmed`,`unreachable`]),ht=({outcome:e,touched:t})=>t&&mt.has(e),gt=/* @__PURE__ */ new Set([`unchanged`,`deployed`,`staged`,`deployed-reboot-pending`,`deployed-with-misses`,`would-deploy`,`would-stage`]),_t=e=>gt.has(e.outcome)&&e.healthy,vt=`
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
`;function yt(e){return e.flatMap(e=>{let t=bt(e);return[e.type,e.retries,e.intervalSeconds,e.timeoutSeconds,t.length,...t].map(String)})}function bt(e){switch(e.type){case`command`:return e.command;case`unit`:return[e.unit];case`tcp`:return[e.address.replace(/^\[|\]$/g,``),String(e.port)];case`http`:{let t=new URL(e.url),n=t.port===``?t.protocol===`https:`?`443`:`80`:t.port,r=[t.href,t.hostname.replace(/^\[|\]$/g,``),n,`${t.pathname}${t.search}`,t.host,e.status.join(`,`)];return e.contains===void 0?r:[...r,e.contains]}}}const xt=yt;function A(e){if(e.name!==void 0)return e.name;switch(e.type){case`http`:return`http ${At(e.url)}`;case`tcp`:return`tcp ${e.address} port ${e.port}`;case`command`:return`command ${e.command[0]??``}`;case`unit`:return`unit ${e.unit}`}}function St(e){let t=/* @__PURE__ */ new Map;return e.map(e=>{let n=A(e),r=(t.get(n)??0)+1;return t.set(n,r),r===1?n:`${n} (${r})`})}const Ct=e=>e.type===`http`||e.type===`tcp`?e.from:`host`,wt=e=>(e.retries+1)*e.timeoutSeconds+e.retries*e.intervalSeconds;function Tt(e,t,n){let r=n.at(-1);if(r?.kind!==`healthy`&&n.length<=e.retries)return{again:!0,afterSeconds:n.length===0?0:e.intervalSeconds};let i=(r,i)=>({again:!1,result:{key:t,name:A(e),outcome:r,sentence:i,tries:n.length}});return r===void 0?i(`error`,`It was never asked.`):r.kind===`healthy`?i(`passed`,r.sentence):r.kind===`redirected`?i(`failed`,`It leads from one redirect to the next.`):i(r.kind===`ill`?`failed`:`inconclusive`,r.sentence)}function Et(e,t,n){let r=At(t);if(n.kind===`none`)return Ot(r,n.why,n.detail,e.timeoutSeconds);if(!e.status.includes(n.status)){let i=`${e.status.join(` or `)} is wanted`;if(n.status<300||n.status>399||n.location===void 0)return{kind:`ill`,sentence:`${r} answered ${n.status}; ${i}.`};let a=kt(t,n.location);return a===void 0?{kind:`ill`,sentence:`${r} answered ${n.status} and points elsewhere, to ${At(n.location)}; ${i}, and no redirect to another origin is followed.`}:{kind:`redirected`,url:a}}return e.contains===void 0?{kind:`healthy`,sentence:`${r} answered ${n.status}.`}:Buffer.from(n.body).includes(e.contains)?{kind:`healthy`,sentence:`${r} answered ${n.status} with the text that is wanted.`}:n.encoded?{kind:`impossible`,sentence:`${r} answered compressed, so that its text cannot be looked for.`}:n.cut?{kind:`impossible`,sentence:`The text that is wanted is not in the first MiB of what ${r} answered.`}:{kind:`ill`,sentence:`${r} answered ${n.status} without the text that is wanted.`}}function Dt(e,t){let n=`${e.address} port ${e.port}`;return t.kind===`connected`?{kind:`healthy`,sentence:`${n} accepts connections.`}:Ot(n,t.why,t.detail,e.timeoutSeconds)}function Ot(e,t,n,r){let i=n===``?``:` (${n})`;switch(t){case`refused`:return{kind:`ill`,sentence:`${e} refuses connections${i}.`};case`timed-out`:return{kind:`ill`,sentence:`${e} did not answer within ${r} s${i}.`};case`certificate`:return{kind:`ill`,sentence:`The certificate of ${e} is not to be trusted${i}.`};case`broken`:return{kind:`ill`,sentence:`${e} broke off the connection or answered what is no answer${i}.`};case`name`:return{kind:`impossible`,sentence:`The name of ${e} cannot be looked up here${i}.`};case`no-route`:return{kind:`impossible`,sentence:`There is no way from here to ${e}${i}.`};case`local`:return{kind:`impossible`,sentence:`${e} could not be asked from here${i}.`};case`cancelled`:return{kind:`impossible`,sentence:`The run was cancelled before ${e} had answered.`}}}function kt(e,t){if(!URL.canParse(t,e))return;let n=new URL(t,e);return n.origin===new URL(e).origin?n.href:void 0}function At(e){if(!URL.canParse(e))return e.slice(0,200);let t=new URL(e);return`${t.origin}${t.pathname}`.slice(0,300)}async function jt(e,t){let n=St(e),r=e.map((e,t)=>({check:e,key:n[t]??A(e)})),i=r.filter(({check:e})=>Ct(e)===`host`),[a,o]=await Promise.all([Promise.all(r.filter(({check:e})=>Ct(e)===`gate`).map(e=>Mt(e,t))),It(i,t)]),s=new Map([...a,...o].map(e=>[e.key,e]));return r.map(({check:e,key:t})=>s.get(t)??{key:t,name:A(e),outcome:`error`,sentence:`It was never asked.`,tries:0})}async function Mt({check:e,key:t},n){let r=[];for(;;){let i=Tt(e,t,r);if(!i.again)return i.result;if(i.afterSeconds>0&&await n.wait(i.afterSeconds),r.push(n.signal?.aborted===!0?{kind:`impossible`,sentence:`The run was cancelled before it was asked.`}:await Pt(e,n)),n.signal?.aborted===!0)return Nt(e,t,r)}}function Nt(e,t,n){return{key:t,name:A(e),outcome:`inconclusive`,sentence:`The run was cancelled before it was answered.`,tries:n.length}}async function Pt(e,{probe:t,signal:n}){let r=n===void 0?{}:{signal:n};if(e.type===`tcp`)return Dt(e,await t.tcp({address:e.address.replace(/^\[|\]$/g,``),port:e.port,timeoutSeconds:e.timeoutSeconds,...r}));if(e.type!==`http`)return{kind:`impossible`,sentence:`It is not asked from here.`};let i=e.url,a=e.contains===void 0?0:1048576;for(let n=0;n<=5;n++){let n=Et(e,i,await t.http({url:i,timeoutSeconds:e.timeoutSeconds,maxBytes:a,...r}));if(n.kind!==`redirected`)return n;i=n.url}return{kind:`redirected`,url:i}}const Ft=E().max(4e3).transform(e=>e.split(`
`)).pipe(T([E().regex(/^[0-9]{1,3}$/),ce([`passed`,`failed`,`inconclusive`]),E().regex(/^[0-9]{1,4}$/)]).rest(E()));async function It(e,{targets:t,address:n,signal:r}){if(e.length===0)return[];let i=t=>e.map(({check:e,key:n})=>({key:n,name:A(e),outcome:`inconclusive`,sentence:t,tries:0}));if(r?.aborted===!0)return i(`The run was cancelled before it was asked.`);let a=e.map(({check:e})=>e),o=Math.max(...a.map(e=>wt(e)+(e.retries+1)*14)),s=await t.run({address:n,program:vt,arguments:yt(a),connection:`shared`,timeoutSeconds:o+30,maxBytes:262144}),c=/* @__PURE__ */ new Map,l=/* @__PURE__ */ new Set;for(let e of s.records){let t=e.name===`check`?Ft.safeParse(e.value):void 0;if(t?.success!==!0)continue;let n=Number(t.data[0]);c.has(n)&&l.add(n),c.set(n,t.data)}return e.map(({check:e,key:t},n)=>{let r=c.get(n),i=A(e);if(r===void 0||l.has(n))return{key:t,name:i,outcome:`inconclusive`,sentence:s.ok?`The host did not say what became of it.`:`The host could not be asked (${s.trouble}).`,tries:0};let[,a,o,...u]=r,d=u.join(` `).trim().slice(0,600);return{key:t,name:i,outcome:a,sentence:`On the host, ${i}: ${d===``?a:d.replace(/[\s.]+$/,``)}.`,tries:Number(o)}})}const Lt={failedUnits:[],needNewKernel:[],holders:[]},Rt=()=>[],zt=[{strategy:`boot`,reason:({last:e,mode:t,reversible:n})=>{if(e.standing===`old`&&e.trouble===`inhibitor`)return`A component that cannot be exchanged while the system runs would change, so the new system becomes the boot default and a reboot brings it in.`;if(e.standing===`old`&&e.trouble===`init-interface`)return`The new system speaks to another init than the one that runs, so it becomes the boot default and a reboot brings it in.`;let{failedUnits:r,needNewKernel:i}=e.evidence;if(e.trouble===`units-failed`&&r.length>0&&r.every(e=>i.includes(e))&&t!==`boot-only`&&(e.standing===`old`||e.standing===`new`&&n))return`${Vt(r)} ${r.length===1?`wants`:`want`} a module that only the new kernel has, so a reboot has to bring the new system in.`},units:Rt},{strategy:`stop-then-switch`,reason:({last:e,onlyBoot:t,reversible:n})=>!t&&e.trouble!==void 0&&e.evidence.holders.length>0&&(e.standing===`old`||e.standing===`new`&&n)?`A file system could not be unmounted because ${Vt(e.evidence.holders)} ${e.evidence.holders.length===1?`uses`:`use`} it, so that is stopped first.`:void 0,units:({last:e})=>e.evidence.holders},{strategy:`restart-units`,reason:({last:e,onlyBoot:t})=>!t&&e.trouble===`units-failed`&&e.standing===`new`&&e.evidence.failedUnits.length>0?`The new system runs and ${Vt(e.evidence.failedUnits)} failed on it; a start may fail for reasons that pass.`:void 0,units:({last:e})=>e.evidence.failedUnits},{strategy:`rollback`,reason:({last:e,mode:t,reversible:n})=>n&&t!==`boot-only`&&e.trouble!==void 0&&e.trouble!==`loader-failed`&&e.standing===`new`?`The new system is active and not well: ${j[e.trouble]}`:void 0,units:Rt}],j={inhibitor:`a switch inhibitor refused the switch.`,"init-interface":`it needs another init.`,"pre-switch-check":`a check of the system itself refused the switch.`,"lock-held":`another activation holds the lock.`,moved:`the host was switched by somebody else meanwhile.`,"not-begun":`the activation could not begin.`,"units-failed":`units failed that had not failed before.`,"script-failed":`its activation script failed, so that it is half activated.`,"timed-out":`the activation did not end within its time limit.`,"not-confirmed":`it was not confirmed: a check fails, or no new connection came about.`,killed:`the activation or its supervisor was killed.`,"loader-failed":`profile or boot loader could not be set.`,"return-failed":`going back failed.`,unreachable:`the host does not answer.`,unknown:`what became of the activation is not known.`};function Bt(e){let{attempts:t,mode:n}=e,r=t.at(-1);if(r===void 0)return n===`boot-only`?{kind:`try`,strategy:`boot`,units:[],returnFirst:!1,reasons:[`Only a boot brings this change in.`]}:{kind:`try`,strategy:`switch`,units:[],returnFirst:!1,reasons:[`The change can be brought in while the system runs.`]};if(r.strategy===`escalate`)return M(`It is with a person already.`);if(r.standing===`other`)return{kind:`end`,how:`later`,reasons:[`Somebody else has switched the host meanwhile, and what they did is left alone.`]};if(r.strategy===`rollback`)return r.trouble===void 0&&r.standing===`old`?{kind:`end`,how:`back`,reasons:[`The host runs its old system again.`]}:M(`The host could not be brought back: ${j[r.trouble??`unknown`]}`);if(r.trouble===void 0)return{kind:`end`,how:`done`,reasons:[`It was brought in.`]};if(r.trouble===`unreachable`||r.standing===`unknown`)return M(`Nothing can be done from here: ${j[r.trouble]}`,`Its supervisor goes back by itself where nobody confirms, and the next run reads what became of it.`);if(r.trouble===`moved`||r.trouble===`lock-held`)return r.standing===`old`?{kind:`end`,how:`later`,reasons:[`Nothing was changed: ${j[r.trouble]}`]}:M(`It is in the middle: ${j[r.trouble]}`);let i=n===`boot-only`||t.some(e=>e.strategy===`boot`||e.trouble===`inhibitor`||e.trouble===`init-interface`),a={...e,last:r,onlyBoot:i};for(let n of zt){if(t.some(e=>e.strategy===n.strategy))continue;let i=n.reason(a);if(i===void 0)continue;let o=n.strategy===`boot`||n.strategy===`stop-then-switch`;return{kind:`try`,strategy:n.strategy,units:n.units(a),returnFirst:o&&r.standing===`new`&&e.reversible,reasons:[i]}}return r.standing===`new`&&r.trouble===`loader-failed`?M(`The new system is active and was confirmed, and the boot loader could not be set: the next boot brings the old one back.`,`Going back would need the same boot loader, so it is left as it is until a person has looked at it.`):r.standing===`new`&&!e.reversible?M(`The new system is active and not well: ${j[r.trouble]}`,`It may have migrated data, so it is not taken back while the host answers.`):r.standing===`old`&&r.trouble!==`return-failed`?{kind:`end`,how:`back`,reasons:[`The host runs its old system: ${j[r.trouble]}`]}:M(`No other way is left: ${j[r.trouble]}`)}const M=(...e)=>({kind:`escalate`,strategy:`escalate`,reasons:e});function Vt(e){return e.length<=4?e.join(`, `):`${e.slice(0,4).join(`, `)} and ${e.length-4} more`}const N=e=>typeof e==`string`?[]:e;function Ht(e,t){return N(t).flatMap(t=>t.event===`rejected`&&t.issuedAt!==void 0&&n({...e,issuedAt:t.issuedAt})===t.digest?[{by:t.by,at:t.at}]:[]).reduce((e,t)=>e===void 0||t.at>=e.at?t:e,void 0)}const Ut=E().regex(/^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211}(?:\/specialisation\/[A-Za-z0-9+\-._]{1,64})?$/),Wt=E().regex(/^[0-9a-f]{32}$/),Gt=le({id:E().regex(/^[a-z0-9][a-z0-9-]{7,63}$/),host:ae,repository:E().max(200).optional(),revision:E().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/).optional(),committedAt:ne().optional(),digest:Wt.optional(),approvedBy:E().max(100).optional(),operation:ce([`switch`,`boot`,`rollback`,`reboot`]),from:le({current:Ut.optional(),profile:Ut.optional()}),to:Ut}),Kt=ce([`deployed`,`staged`,`refused`,`rolled-back`,`rollback-failed`,`live-but-old-boots`,`left-unconfirmed`,`superseded`]),qt=ne(),Jt=re(`event`,[le({v:D(1),event:D(`started`),at:qt,bootId:E().max(64),attempt:Gt,failedUnits:te(E().max(256)).max(64).optional()}),le({v:D(1),event:D(`ended`),at:qt,id:Gt.shape.id,outcome:Kt,reason:E().max(100),exit:ne().optional()}),le({v:D(1),event:D(`rejected`),at:qt,digest:Wt,issuedAt:ne().optional(),by:E().max(100)}),le({v:D(1),event:D(`rebooted`),at:qt,id:Gt.shape.id,seconds:ne().nonnegative(),ok:oe()})]);function Yt(e){let t=[];for(let[n,r]of e.entries()){if(r.trim()===``)continue;let e=Xt(r);if(e===void 0)return{ok:!1,line:n+1};t.push(e)}return{ok:!0,entries:t}}function Xt(e){try{return Jt.safeParse(JSON.parse(e)).data}catch{return}}function Zt(e){return e.flatMap(e=>e.event===`rebooted`&&e.ok?[e.seconds]:[])}function Qt(e){if(e.ledgerState===`absent`)return`none`;let t=e.ledger===void 0?void 0:Yt(e.ledger);return t?.ok===!0?t.entries:`unreadable`}const $t=e=>e.replace(/-[0-9]+$/,``);function en(e,t,n,r){let{booted:i,profile:a,current:o,generation:s}=t;if(i===void 0)return{missing:`What it booted cannot be told.`};if(a===void 0)return{missing:`What it boots next cannot be told.`};let c=`reboot-${Re(`sha256`).update(JSON.stringify([e,i,a,s??null])).digest(`hex`).slice(0,32)}`,l=Gt.safeParse({id:`${c}-${r.filter(e=>$t(e.attempt.id)===c).length+1}`,host:e,operation:`reboot`,from:{profile:a,...o===void 0?{}:{current:o}},to:a});return l.success?{attempt:l.data,release:n}:{missing:`What it boots next is not the path of a system.`}}function tn(e){let t=[],n=/* @__PURE__ */ new Map,r=(e,r)=>{let i=n.get(e),a=i===void 0?void 0:t[i];i!==void 0&&a!==void 0&&a.end===void 0&&(t[i]={...a,end:r})};for(let i of e)i.event===`started`&&i.attempt.operation===`reboot`?(n.set(i.attempt.id,t.length),t.push({attempt:i.attempt,startedAt:/* @__PURE__ */ new Date(i.at*1e3),bootId:i.bootId,failedBefore:i.failedUnits,end:void 0})):i.event===`rebooted`?r(i.id,{kind:`rebooted`,ok:i.ok,seconds:i.seconds}):i.event===`ended`&&r(i.id,{kind:`given-up`,reason:i.reason});return t}function nn(e,t){let n=/* @__PURE__ */ new Map,r;for(let i of e){if(i.event===`started`&&n.set(i.attempt.id,i.attempt),i.event!==`ended`||i.outcome!==`staged`&&i.outcome!==`deployed`)continue;let e=n.get(i.id);e!==void 0&&e.operation!==`reboot`&&(r=e.to===t?r??/* @__PURE__ */ new Date(i.at*1e3):void 0)}return r}const rn=/* @__PURE__ */ new Set([`group-busy`,`window`,`target-changed`,`cancelled`]),an=(e,t)=>e.filter(({attempt:e,end:n})=>$t(e.id)===t&&n?.kind===`given-up`&&!rn.has(n.reason)).length;function on(e,{profile:t,booted:n},r){let i=e.at(-1);return i?.end?.kind!==`rebooted`||i.end.ok?!1:i.attempt.to===t&&!(n===t&&r)}function sn(e){return JSON.stringify(e).replace(/[^\x20-\x7e]/g,e=>`\\u${e.charCodeAt(0).toString(16).padStart(4,`0`)}`)}function P(e,t){return e.findLast(e=>e.name===t)?.value}const cn=`
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
`,ln=`
pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# The mount points that NixOS uses; a test brings its own.
boot_places=\${GATE_BOOT_PLACES:-/boot /efi /boot/efi}
# Whether what is read boots $1: a word a line, so that one path is never found in a longer one.
has_init() { tr -s ' \\t' '\\n\\n' | grep -qxF -- "init=$1/init"; }
entry_boots() { sed -n 's/^options[[:space:]]*//p' "$1" 2>/dev/null | has_init "$2"; }
systemd_boot_home() {
  for place in $boot_places; do
    if [ -d "$place/loader/entries" ] && [ -f "$place/loader/loader.conf" ]; then printf '%s' "$place"; return 0; fi
  done
  return 1
}
# The file of the entry that boots a toplevel.
systemd_boot_entry() {
  for entry in "$1"/loader/entries/*.conf; do
    if [ -f "$entry" ] && entry_boots "$entry" "$2"; then printf '%s' "$entry"; return 0; fi
  done
  return 1
}
# What the loader's file says, without what its variables say: "ok LOADER" where it would boot $1, "wrong LOADER", or "unknown".
boot_entry() {
  if place=$(systemd_boot_home); then
    default=$(sed -n 's/^default[[:space:]][[:space:]]*//p' "$place/loader/loader.conf" | head -n 1)
    for entry in "$place"/loader/entries/*.conf; do
      [ -f "$entry" ] && entry_boots "$entry" "$1" || continue
      name=\${entry##*/}
      # The default may be a pattern, and may be written without the counter.
      plain=$(printf '%s' "$name" | sed 's/+[0-9][0-9-]*\\.conf$/.conf/')
      case $name in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
      case $plain in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
    done
    # Unified kernel images carry their command line in themselves.
    for image in "$place"/EFI/Linux/nixos-generation-*.efi; do
      [ -f "$image" ] || continue
      name=\${image##*/}
      case $name in $default | $default.efi) ;; *) continue ;; esac
      if tr '\\0 \\t' '\\n\\n\\n' <"$image" | grep -aqxF -- "init=$1/init"; then printf 'ok systemd-boot-image'; return 0; fi
    done
    printf 'wrong systemd-boot'
    return 0
  fi
  for place in $boot_places; do
    if [ -f "$place/grub/grub.cfg" ]; then
      if sed -n '/^[[:space:]]*menuentry /,/^[[:space:]]*}/{p;/^[[:space:]]*}/q;}' "$place/grub/grub.cfg" | has_init "$1"; then
        printf 'ok grub'
      else printf 'wrong grub'; fi
      return 0
    fi
    if [ -f "$place/extlinux/extlinux.conf" ]; then
      default=$(sed -n 's/^DEFAULT[[:space:]][[:space:]]*//p' "$place/extlinux/extlinux.conf" | head -n 1)
      if awk -v want="$default" '$1 == "LABEL" { on = ($2 == want) } on && $1 == "APPEND"' "$place/extlinux/extlinux.conf" |
        has_init "$1"; then
        printf 'ok extlinux'
      else printf 'wrong extlinux'; fi
      return 0
    fi
  done
  printf unknown
}
# Lets $1 boot once while $2 stays the default: "once", "counting" where the loader counts by itself, "default" where it can do neither.
try_once() {
  place=$(systemd_boot_home) && command -v bootctl >/dev/null 2>&1 || { printf default; return 0; }
  new=$(systemd_boot_entry "$place" "$1") || { printf default; return 0; }
  case \${new##*/} in *+[0-9]*.conf) printf counting; return 0 ;; esac
  old=$(systemd_boot_entry "$place" "$2") || { printf default; return 0; }
  # The mark first: a default that nobody remembers setting would outlast every later deploy.
  mkdir -p "\${pin_mark%/*}" && printf '%s\\n' "\${old##*/}" >"$pin_mark" && sync "$pin_mark" || { printf default; return 0; }
  if timeout 20 bootctl set-oneshot "\${new##*/}" >&2 && timeout 20 bootctl set-default "\${old##*/}" >&2; then printf once; return 0; fi
  unpin_entry
  printf default
}
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}
`,F=`${cn}
boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\\"$1\\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}
`,un=`${F}
[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
mkdir -p "$ledger_home" || { say no ledger; exit 0; }
exec 8>>"$ledger_home/reboot.lock"
if have flock; then flock -w 30 8 || { say no ledger; exit 0; }; fi
if any_open; then say no under-way; exit 0; fi
if append_ledger "$2"; then say yes begun; else say no ledger; fi
`,dn=`${ln}
profile_of_host() { readlink -f "\${GATE_PROFILE:-/nix/var/nix/profiles/system}"; }
# Prints why not, nothing where nothing speaks against it.
why_not() {
  [ "$(boot_id)" = "$2" ] || { printf boot-changed; return; }
  clock=$(date +%s)
  { [ -z "$4" ] || [ "$clock" -ge "$4" ]; } && { [ -z "$5" ] || [ "$clock" -le "$5" ]; } || { printf window; return; }
  [ "$(profile_of_host)" = "$3" ] || { printf target-changed; return; }
  is_open "$1" || { printf not-open; return; }
  if [ -e /run/nixos/switch-to-configuration.lock ] && have flock; then
    flock -n /run/nixos/switch-to-configuration.lock true || { printf switching; return; }
  fi
  case $(boot_entry "$3") in
    ok*) ;;
    wrong*) printf boot-entry-wrong ;;
    *) [ "$6" = trust ] || printf boot-entry-unknown ;;
  esac
}
`,fn=`${F}${dn}
why=$(why_not "$@")
[ -z "$why" ] || { say no "$why"; exit 0; }
put entry "$(boot_entry "$3")"
if [ "$7" = once ]; then put tries "$(try_once "$3" "$(readlink -f /run/booted-system)")"; else unpin_entry; fi
unit=nixos-deploy-gate-$1
if timeout 30 systemd-run --quiet --no-ask-password --collect --unit="$unit" \\
  --on-active=1s --timer-property=AccuracySec=100ms systemctl reboot; then
  say yes ordered
elif systemctl is-active --quiet "$unit.timer" || systemctl is-active --quiet "$unit.service"; then
  say yes ordered
else
  unpin_entry
  say no systemd
fi
`,pn=`${F}${ln}
unpin_entry
if [ -e "$pin_mark" ]; then say no pinned; else say yes settled; fi
`,mn=`${F}${ln}
[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
unpin_entry
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$2"; then say yes given-up; exit 0; fi
if append_ledger "$2"; then say yes given-up; else say no ledger; fi
`,hn=`${cn}
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
put() { printf '%s: %s\\n' "$1" "$2"; }
${F}${dn}
home=$9
why=$(why_not "$1" "$2" "$3" "$4" "$5" "$6")
if [ -z "$why" ] && [ "$8" = 1 ]; then
  for session in /run/systemd/sessions/*; do
    if [ -f "$session" ] && grep -qx 'CLASS=user' "$session"; then why=logged-in; fi
  done
fi
run_inhibitor() (
  set --
  for word in "$one"/*; do
    value=$(cat "$word"; echo .)
    set -- "$@" "\${value%.}"
  done
  timeout "$(cat "$home/seconds")" "$@" </dev/null
)
if [ -z "$why" ]; then
  for one in "$home"/inhibit/*; do
    [ -d "$one" ] || continue
    run_inhibitor || { why=inhibited; break; }
  done
fi
# An inhibitor takes the time that it takes.
[ -n "$why" ] || why=$(why_not "$1" "$2" "$3" "$4" "$5" "$6")
if [ -n "$why" ]; then say no "$why"; exit 0; fi
if [ "$7" = once ]; then put tries "$(try_once "$3" "$(readlink -f /run/booted-system)")"; else unpin_entry; fi
say yes ordered
exec systemctl reboot
`,gn=`${F}
unit=nixos-deploy-gate-$1
id=$1 boot=$2 to=$3 least=$4 most=$5 trust=$6 once=$7 alone=$8 fires=$9
shift 9
seconds=$1 script=$2
shift 2
[ "$(boot_id)" = "$boot" ] || { say no boot-changed; exit 0; }
is_open "$id" || { say no not-open; exit 0; }
if systemctl is-active --quiet "$unit.timer"; then say yes armed; exit 0; fi
umask 077
home=/run/nixos-deploy-gate/$id
rm -rf "$home"
mkdir -p "$home/inhibit" || { say no systemd; exit 0; }
printf '%s' "$script" >"$home/script"
printf '%s' "$seconds" >"$home/seconds"
n=100
while [ "$#" -gt 0 ]; do
  words=$1 w=1000
  shift
  mkdir "$home/inhibit/$n"
  while [ "$words" -gt 0 ] && [ "$#" -gt 0 ]; do
    printf '%s' "$1" >"$home/inhibit/$n/$w"
    shift
    words=$((words - 1)) w=$((w + 1))
  done
  n=$((n + 1))
done
if timeout 30 systemd-run --quiet --no-ask-password --collect --unit="$unit" --on-calendar="@$fires" --timer-property=AccuracySec=1s \\
  /bin/sh "$home/script" "$id" "$boot" "$to" "$least" "$most" "$trust" "$once" "$alone" "$home"; then say yes armed; else say no systemd; fi
`,_n=hn,vn=e=>e===void 0?``:String(Math.floor(e.getTime()/1e3)),yn=e=>/* @__PURE__ */ new Date(e.getTime()-6e4);var bn=class{#e;#t;constructor(e,t){this.#e=e,this.#t=t}begin({bootId:e,entry:t}){return this.#r(un,[e,sn(Jt.parse(t))])}giveUp({bootId:e,entry:t}){return this.#r(mn,[e,sn(Jt.parse(t))])}reboot(e,{bootId:t,latest:n}){return this.#r(fn,xn(e,t,void 0,n))}arm(e,{bootId:t,fireAt:n,latest:r}){let{notWhileLoggedIn:i,commandSeconds:a,inhibit:o}=e.policy;return this.#r(gn,[...xn(e,t,yn(n),r),i?`1`:`0`,vn(n),String(a),_n,...o.flatMap(e=>[String(e.length),...e])])}settle(){return this.#r(pn,[])}cancelTimers(e=``){return this.#r(`
systemctl list-units --all --plain --no-legend --type=timer 'nixos-deploy-gate-reboot-*' 2>/dev/null | head -n 100 |
  while read -r unit rest; do
  case $unit in
    "nixos-deploy-gate-$1.timer") ;;
    nixos-deploy-gate-reboot-*.timer)
      systemctl stop "$unit" && put cancelled "$unit"
      rm -rf "/run/nixos-deploy-gate/$(basename "\${unit#nixos-deploy-gate-}" .timer)" ;;
  esac
done
put result yes
`,[e])}async reconnect(){for(let e=0;e<3;e++)if((await this.#n(`:`,[],25)).ok)return}#n(e,t,n){return this.#e.run({address:this.#t,program:e,arguments:t,connection:`shared`,timeoutSeconds:n})}async#r(e,t){let n=await this.#n(e,t,120),r=P(n.records,`result`),i=P(n.records,`reason`);return r===`yes`||r===`no`?{kind:r,reason:(i??``).slice(0,60)}:n.ok?{kind:`lost`,reason:n.stderr.trim().slice(-300)}:{kind:n.trouble===`lost`||n.trouble===`timed-out`||n.trouble===`not-understood`?`lost`:`unreached`,reason:n.trouble}}};function xn(e,t,n,r){let{attempt:i,policy:a}=e;return[i.id,t,i.to,vn(n),vn(r),a.bootEntry,a.tryOnce?`once`:`default`]}async function Sn(e,t,n){let r=tn(N(Qt(n))).at(-1);if(r===void 0||r.end!==void 0||r.bootId!==n.bootId||r.attempt.to===n.profile||r.startedAt<=n.at)return;let i=new bn(e,t);await i.cancelTimers();let a={v:1,event:`ended`,at:Math.floor(n.at.getTime()/1e3),id:r.attempt.id,outcome:`refused`,reason:`target-changed`};await i.giveUp({effect:`give-up`,bootId:r.bootId,entry:a})}const Cn=/^nixos-deploy-gate-/;function wn(e,t){let n=[],r=new Set(e.failedUnits),i=new Map(e.units.map(e=>[e.unit,e])),a=new Map(t.units.map(e=>[e.unit,e]));for(let e of new Set(t.failedUnits))r.has(e)||Cn.test(e)||n.push({family:`unit`,subject:e,expected:`not failed`,found:`failed${Tn(a.get(e))}`,needs:`restart`,sentence:`${e} has failed since the deploy.`});for(let e of t.units){if(e.activeState===`failed`||Cn.test(e.unit))continue;let t=i.get(e.unit),a=e.subState.startsWith(`auto-restart`),o=t===void 0||t.restarts>e.restarts?e.restarts:e.restarts-t.restarts;t?.subState.startsWith(`auto-restart`)===!0||r.has(e.unit)||!a&&o<2||n.push({family:`unit`,subject:e.unit,expected:`stays up`,found:`${e.activeState} (${e.subState}), restarted ${o===1?`once`:`${o} times`}${Tn(e)}`,needs:`restart`,sentence:`${e.unit} does not stay up: systemd keeps restarting it.`})}return n}function Tn(e){return e===void 0||e.result===``||e.result===`success`?``:e.result===`exit-code`?` with exit status ${e.execMainStatus}`:` (${e.result})`}function En(e,t){let{booted:n,profile:r,current:i}=e,a=[],o=e.systems.booted??kn(t,n),s=Dn(e,t),c=s===r?e.systems.profile??kn(t,r):kn(t,s),l=r!==void 0&&i!==void 0&&i!==r&&e.specialisation===void 0,u=On(t,s),d={running:e.kernel.release,wanted:u===void 0||t===void 0?void 0:w(t,u.kernel,u.kernelModules)};if(o===void 0||c===void 0)return a.push(o===void 0?`What the host booted cannot be told.`:`What the host would boot cannot be told.`),{needed:l,staged:l,reasons:[],release:d,unknown:a};let f=n!==void 0&&n===s?[]:[...jn(o,c,a),...Fn(o,c,a)];return l&&f.push(...In(e.systems.current,c)),{needed:l||f.some(e=>e.required),staged:l,reasons:f,release:d,unknown:a}}function Dn(e,t){let{specialisation:n,profile:r}=e;return n===void 0?r:On(t,r)?.specialisations.get(n)??r}function On(e,t){return e===void 0||t===void 0||v(e,t)!==void 0?void 0:b(e,t)}function kn(e,t){if(e===void 0||t===void 0||v(e,t)!==void 0)return;let n=n=>e.read(`${t}/${n}`,65536)?.text;return{kernel:e.resolve(`${t}/kernel`),initrd:e.resolve(`${t}/initrd`),kernelModules:e.resolve(`${t}/kernel-modules`),firmware:e.resolve(`${t}/firmware`),systemd:e.resolve(`${t}/systemd`),kernelParams:n(`kernel-params`)?.trim(),initInterfaceVersion:n(`init-interface-version`)?.trim(),switchInhibitors:n(`switch-inhibitors`),rebootTriggers:n(`reboot-triggers`)}}const An=[{part:`kernel`,of:e=>e.kernel,required:!0,says:`Another kernel than the one that runs would boot.`},{part:`kernel-modules`,of:e=>e.kernelModules,required:!0,says:`The running system loads its kernel modules from the old tree until it is rebooted.`},{part:`kernel-params`,of:e=>e.kernelParams,required:!0,says:`Kernel parameters take effect at boot only.`},{part:`initrd`,of:e=>e.initrd,required:!1,says:`The initrd differs; it is used at boot only.`},{part:`firmware`,of:e=>e.firmware,required:!1,says:`Firmware that is loaded already stays the old one.`},{part:`init-interface`,of:e=>e.initInterfaceVersion,required:!0,says:`The new system cannot take over from the running init (init-interface-version).`}];function jn(e,t,n){return An.flatMap(({part:r,of:i,required:a,says:o})=>{let[s,c]=[i(e),i(t)];return s===c?[]:s===void 0||c===void 0?((r===`kernel`||r===`initrd`||r===`kernel-modules`)&&n.push(`The ${r} of ${s===void 0?`the booted system`:`the next boot`} cannot be told.`),[]):[{part:r,booted:s,wanted:c,required:a,sentence:o}]})}const Mn=ee(E(),E());function Nn(e){if(e!==void 0)try{return new Map(Object.entries(Mn.parse(JSON.parse(e))))}catch{return}}const Pn=/* @__PURE__ */ new Set([`kernel`,`kernel-params`]);function Fn(e,t,n){let[r,i]=[Nn(e.rebootTriggers),Nn(t.rebootTriggers)];return r===void 0||i===void 0?((r!==i||e.rebootTriggers!==void 0||t.rebootTriggers!==void 0)&&n.push(`The reboot triggers can be read on one side at most, so that paths alone decided.`),[]):Ln(r,i).filter(({key:e})=>!Pn.has(e)).map(({key:e,old:t,now:n})=>({part:e,booted:t,wanted:n,required:!0,sentence:`The system says itself that a change of ${e} needs a reboot (reboot-triggers).`}))}function In(e,t){let[n,r]=[Nn(e?.switchInhibitors),Nn(t.switchInhibitors)];return n===void 0||r===void 0?[]:Ln(n,r).map(({key:e,old:t,now:n})=>({part:e,booted:t,wanted:n,required:!0,sentence:`The new system refuses to be switched to while ${e} differs (switch-inhibitors).`}))}function Ln(e,t){return[...e].flatMap(([e,n])=>{let r=t.get(e);return r===void 0||r===n?[]:[{key:e,old:n,now:r}]})}function Rn(e,t,n,r,i){return[...zn(e,r,i),...r.booted===e.current?Bn(n,r,i):[],...Hn(t,n,r,i)]}function zn(e,t,n){if(t.profile!==e.profile)return[];let r=En(t,n),i=r.release.wanted===void 0?``:` ${r.release.running} runs, ${r.release.wanted} would.`;return r.reasons.filter(e=>e.required).map(e=>({family:`kernel`,subject:e.part,expected:e.wanted.slice(0,4e3),found:e.booted.slice(0,4e3),needs:`reboot`,sentence:e.part===`kernel`?`${e.sentence}${i}`:e.sentence}))}function Bn(e,t,n){let r=[],{release:i,commandLine:a}=t.kernel,o=w(n,e.kernel,e.kernelModules);o!==void 0&&i!==``&&i!==o&&r.push({family:`kernel`,subject:`release`,expected:o,found:i,needs:`reboot`,sentence:`The planned system has booted, but with the kernel ${i} and not ${o}.`});let s=Vn(a),c=a.match(/(?:^|\s)init=(\S+)/)?.[1]===void 0||t.booted===void 0?[]:e.kernelParams.filter(e=>!s.has(e));return c.length>0&&r.push({family:`kernel`,subject:`kernel-params`,expected:c.join(` `).slice(0,4e3),found:`not on the command line`,needs:`reboot`,sentence:`The boot loader did not give the kernel ${c.length===1?`the parameter`:`the parameters`} ${c.slice(0,5).join(` `)}.`}),r}const Vn=e=>new Set(e.match(/(?:[^\s"]|"[^"]*"?)+/g)??[]);function Hn(e,t,n,r){if(e===void 0||n.kernel.modules.length===0)return[];let i=Un(r,e),a=new Set(n.kernel.modules),o=[...Un(r,t)].filter(e=>!i.has(e)&&!a.has(e));if(o.length===0)return[];let s=Wn(r,t,n.kernel.release);return o.filter(e=>!s.has(e)).slice(0,500).map(e=>({family:`kernel`,subject:e,expected:`loaded`,found:`not loaded`,needs:n.booted===t.toplevel?`restart`:`reboot`,sentence:`The kernel module ${e} should be loaded from now on and is not.`}))}function Un(e,t){let n=/* @__PURE__ */ new Set;for(let[r,i]of u(e,t.etc,`modules-load.d`))if(r.endsWith(`.conf`))for(let t of(s(e,i)??``).split(`
`)){let e=t.trim();e!==``&&!/^[#;]/.test(e)&&n.add(e.replaceAll(`-`,`_`))}return n}function Wn(e,t,n){let r=t.kernelModules,i=r===void 0?void 0:s(e,`${r.path}/lib/modules/${n}/modules.builtin`);return new Set((i??``).split(`
`).map(e=>e.replace(/^.*\//,``).replace(/\.ko.*$/,``).replaceAll(`-`,`_`)))}const Gn={LABEL:`by-label`,UUID:`by-uuid`,PARTLABEL:`by-partlabel`,PARTUUID:`by-partuuid`,ID:`by-id`},Kn=/* @__PURE__ */ new Set([`btrfs`,`bcachefs`]),qn=/* @__PURE__ */ new Set([`nfs`,`nfs4`,`cifs`,`smb3`,`ceph`,`9p`]);function Jn(e){if(e.startsWith(`/dev/`))return e;let t=/^([A-Z]+)=(?:"([^"]*)"|(.*))$/.exec(e),n=Gn[t?.[1]??``];if(t===null||n===void 0)return;let r=t[2]??t[3]??``;return`/dev/disk/${n}/${n===`by-label`||n===`by-partlabel`?Yn(r):r}`}const Yn=e=>e.replace(/[^A-Za-z0-9#+\-.:=@_\u0080-\u{10ffff}]/gu,e=>`\\x${e.charCodeAt(0).toString(16).padStart(2,`0`)}`),I=(e,t)=>e.get(t)??t,Xn=e=>e.startsWith(`/dev/disk/`);function Zn(e,t,n){if(e.options.includes(`bind`)||e.options.includes(`rbind`))return $n(e,t,n);if(qn.has(e.fsType)||e.fsType===`zfs`){let[n,r]=[Qn(e.device),Qn(t.source)];return n===r?{kind:`same`}:{kind:`other`,expected:e.device,found:t.source}}let r=Jn(e.device);if(r===void 0)return{kind:`same`};let i=I(n.devices,t.source);return I(n.devices,r)===i?{kind:`same`}:Xn(r)&&!n.devices.has(r)?n.devices.size===0?{kind:`unknown`,why:`the host has no links below /dev/disk`}:{kind:`absent`,expected:r}:Kn.has(t.type)?{kind:`unknown`,why:`a ${t.type} of several devices goes by any of them`}:!i.startsWith(`/dev/`)||i===`/dev/root`||i===`/dev/fuse`?{kind:`unknown`,why:`the mount table calls it ${t.source}`}:{kind:`other`,expected:e.device,found:t.source}}const Qn=e=>e.length>1?e.replace(/\/+$/,``):e;function $n(e,t,n){let r=Qn(e.device),i;for(let e of n.mounts)(e.target===`/`||r===e.target||r.startsWith(`${e.target}/`))&&e!==t&&(i===void 0||e.target.length>=i.target.length)&&(i=e);if(i===void 0)return{kind:`unknown`,why:`what holds ${r} cannot be told`};let a=i.target===`/`?r:r.slice(i.target.length),o=`${i.root===`/`?``:i.root}${a}`||`/`;return o===t.root&&i.source===t.source?{kind:`same`}:{kind:`unknown`,why:`${e.device} should show as ${o} of ${i.source}, and ${t.root} of ${t.source} is there`}}const er=/^(?:defaults|auto|noauto|user|users|nouser|owner|group|nofail|_netdev|comment=.*|x-.*|X-.*|loop|loop=.*|offset=.*|bind|rbind|r?(?:private|shared|slave|unbindable)|remount|silent|loud|suid|dev|exec|async|atime|iversion|noiversion|helper=.*|uhelper=.*|credentials=.*|cred=.*|password=.*|pass=.*|username=.*|user=.*|domain=.*|lookup=.*|addr=.*|zfsutil|bg|fg|retry=.*|encryption=.*|fsck|pri=.*)$/,tr=/* @__PURE__ */ new Set([`ro`,`nosuid`,`nodev`,`noexec`,`noatime`,`nodiratime`,`relatime`,`strictatime`,`sync`,`dirsync`,`nosymfollow`]),nr=/* @__PURE__ */ new Set([`iso9660`,`squashfs`,`erofs`,`udf`,`cramfs`]),rr=/^(?:subvol|subvolid|data|uid|gid|umask|fmask|dmask|vers|nfsvers|minorversion|proto|port|sec|rsize|wsize|clientaddr|iocharset|nls|codepage|journal_\w+|logdev|logbsize|nobarrier|huge|lowerdir|upperdir|workdir|degraded|device|mapall|trans|msize|cache|soft|hard)(?:=|$)/;function ir(e,t,n){let r=/* @__PURE__ */ new Set([...t.options,...t.superOptions]),i=[],a=(e,t,n)=>{i.push({option:e,expected:t,found:n,kind:`wrong`,remount:!rr.test(e)})},o=new Set(e.options),s=new Set(n?.options);for(let e of o)if(tr.has(e))r.has(e)||a(e,e,`without ${e}`);else if(e.startsWith(`subvol=`)){let t=or(r,`subvol`);t!==void 0&&`/${e.slice(7).replace(/^\/+/,``)}`!==t&&a(e,e,`subvol=${t}`)}else if(n!==void 0&&!s.has(e)&&!er.test(e)&&e!==`rw`){let t=sr(e,r);t!==void 0&&i.push({...t,remount:!rr.test(e)})}!o.has(`ro`)&&!nr.has(t.type)&&(t.options.includes(`ro`)||t.superOptions.includes(`ro`))&&a(`rw`,`writable`,`read-only`);for(let t of s)o.has(t)||er.test(t)||t===`ro`||t===`rw`||[...o].some(e=>ar(e)===ar(t))||/^no(?:suid|dev|exec)$/.test(t)&&e.options.some(e=>/^(?:user|users|owner|group)$/.test(e))||t!==`relatime`&&r.has(t)&&a(t,`without ${t}`,t);return i}const ar=e=>e.split(`=`,1)[0]??e;function or(e,t){for(let n of e)if(n.startsWith(`${t}=`))return n.slice(t.length+1)}function sr(e,t){if(t.has(e))return;let n=ar(e),r=or(t,n);return r===void 0?{option:e,expected:e,found:`not shown by the kernel`,kind:`unknown`}:e===n||lr(n,e.slice(n.length+1),r)?void 0:{option:e,expected:e,found:`${n}=${r}`,kind:`wrong`}}const cr={"":1,k:1024,m:2**20,g:2**30,t:2**40};function lr(e,t,n){if(t===n||n.startsWith(`${t}:`)||t.endsWith(`%`))return!0;let r=/^(?:mode|umask|fmask|dmask)$/.test(e),i=e=>{let t=/^(\d+)([kmgt]?)$/i.exec(e);if(t!==null)return Number.parseInt(t[1]??``,r?8:10)*(cr[(t[2]??``).toLowerCase()]??1)},[a,o]=[i(t),i(n)];return a!==void 0&&a===o}const ur=/* @__PURE__ */ new Set([`/`,`/nix`,`/nix/store`,`/usr`,`/var`,`/etc`]),dr=/* @__PURE__ */ new Set([`bind`,`rbind`]);function fr(e,t,n,r){if(r.mounts.length===0)return[];let i=pr(e?.mounts??[]),a=pr(t.mounts),o=[];for(let[t,s]of a)o.push(..._r(s,i.get(t),e!==void 0,n,r));for(let[e,n]of i){let i=a.has(e)?void 0:hr(r,e);if(i===void 0||ur.has(e)||t.units.has(gr(e)))continue;let s=`${i.source} (${i.type})`,c=`${e} is no longer in fstab and is still mounted; something may hold it.`;i.source!==n.device&&/^(?:tmpfs|proc|sysfs)$/.test(i.type)||o.push({family:`mount`,subject:e,expected:`not mounted`,found:s,needs:`person`,sentence:c})}return o}function pr(e){let t=/* @__PURE__ */ new Map;for(let n of e)n.mountPoint.startsWith(`/`)&&t.set(mr(n.mountPoint),n);return t}const mr=e=>e.length>1?e.replace(/\/+$/,``)||`/`:e;function hr(e,t){return e.mounts.findLast(e=>e.target===t&&e.type!==`autofs`)}function gr(e){let t=e.replace(/^\/+|\/+$/g,``);return t===``?`-.mount`:`${[...Buffer.from(t)].map((e,t)=>{let n=String.fromCharCode(e);return n===`/`?`-`:/[A-Za-z0-9:_.]/.test(n)&&(t!==0||n!==`.`)?n:`\\x${e.toString(16).padStart(2,`0`)}`}).join(``)}.mount`}function _r(e,t,n,r,i){let a=mr(e.mountPoint),o=hr(i,a),s=hr(r,a),c=t=>e.options.includes(t),l=`${e.device} (${e.fsType})`,u=(e,t,n,r=l)=>({family:`mount`,subject:a,expected:r,found:e,needs:t,sentence:n});if(o===void 0){if(c(`noauto`))return[];if(c(`x-systemd.automount`))return i.mounts.some(e=>e.target===a)?[]:[u(`no automount`,`restart`,`${a} should be mounted on demand and nothing waits there.`)];if(c(`nofail`)&&s===void 0&&(t!==void 0||!n))return[];let e=s===void 0&&t!==void 0?` It was so before the deploy.`:``;return[u(`not mounted`,`person`,`${a} is in fstab and is not mounted: systemctl status '${gr(a)}'.${e}`)]}let d=[],f=ur.has(a)?`reboot`:`restart`,p=n&&(t===void 0||t.device!==e.device||t.options.join()!==e.options.join());yr(e,o)||d.push(u(o.type,f,`${a} is mounted as ${o.type} and not as ${e.fsType}.`,e.fsType));let m=Zn(e,o,i);m.kind===`other`&&d.push(u(m.found,f,`${a} is another device than fstab names.`,m.expected)),m.kind===`absent`&&d.push(u(o.source,`person`,`${a} names a device that is not on this machine; the next boot would not find it.`,m.expected)),m.kind===`unknown`&&p&&d.push(u(`not known`,`nothing`,`Whether ${a} is the device that fstab names cannot be told: ${m.why}.`));for(let n of ir(e,o,t)){let e=n.kind===`unknown`?`nothing`:n.remount?`remount`:f,r=s!==void 0&&t!==void 0&&t.options.includes(n.option)&&vr(s,o)?` It was so before the deploy.`:``,i=n.kind===`unknown`?`Whether ${a} has the option ${n.option} cannot be told.`:`${a} is mounted ${n.found.startsWith(`without`)||n.found===`read-only`?n.found:`with ${n.found}`}, and fstab says ${n.expected}${n.remount?``:`; a remount cannot change that`}.${r}`;d.push(u(n.found,e,i,n.expected))}return d}const vr=(e,t)=>e.options.join()===t.options.join()&&e.superOptions.join()===t.superOptions.join();function yr(e,t){let{fsType:n}=e;return n===`auto`||n===`none`||n===t.type||e.options.some(e=>dr.has(e))||n.split(`,`).includes(t.type)?!0:t.type.startsWith(`fuse`)?!/^(?:ext[234]|xfs|btrfs|vfat|zfs|tmpfs|f2fs|bcachefs)$/.test(n):n===`nfs`&&t.type===`nfs4`||n===`cifs`&&t.type===`smb3`||n===`smb3`&&t.type===`cifs`}function br(e,t,n,r,i){if(r.listening.length===0)return[];let a=Sr(r.listening),o=Cr(e,t,n),s=[];for(let[e,r]of Sr(n.listening)){let n=a.get(e);if(n===r||n===`network`)continue;let[c=``,l=``]=e.split(`/`),u=Number(l),d=wr(t.firewall.open,c,u);if(!d&&(u>=32768||o.length>0||Tr(i,c,u)))continue;let f=n===void 0?`Something listened on ${e} before the deploy and nothing does now.${d?` The firewall still lets it through.`:``}`:`${e} was open to the network before the deploy and only listens on this machine now.`;s.push({family:`port`,subject:e,expected:r===`network`?`listens to the network`:`listens on the machine itself`,found:n===void 0?`nobody listens`:`listens on the machine itself`,needs:`person`,sentence:f})}return s}const xr=e=>e.startsWith(`127.`)||e===`::1`;function Sr(e){let t=/* @__PURE__ */ new Map;for(let{protocol:n,address:r,port:i}of e){let e=`${n}/${i}`;xr(r)?t.has(e)||t.set(e,`machine`):t.set(e,`network`)}return t}function Cr(e,t,n){return n.units.filter(e=>/\.(?:service|socket)$/.test(e.unit)&&e.activeState===`active`&&e.subState!==`exited`).map(e=>e.unit).filter(n=>e?.units.has(n)===!0&&(t.units.get(n)?.masked??!0))}function wr(e,t,n){return[...e].some(e=>{let r=/^(tcp|udp|any)\/(\d{1,5})(?:-(\d{1,5}))?(?=[@ ]|$)/.exec(e);if(r===null||r[1]!==`any`&&r[1]!==t)return!1;let i=Number(r[2]);return n>=i&&n<=(r[3]===void 0?i:Number(r[3]))})}function Tr(e,t,n){if(e===void 0)return!1;if(wr(new Set(e.settings.portsClosed),t,n))return!0;let r=RegExp(`^-.*(?<![0-9])${n}(?![0-9])`,`m`);return[...e.units,...e.files].some(e=>r.test(e.diff))}const Er=/ \(deleted\)$/,Dr=/* @__PURE__ */ new Set([`skip`,`nothing`]);function Or(e,t,n,r,i,a=/* @__PURE__ */ new Map){let o=kr(t,r),s=new Map(n.units.map(e=>[e.unit,e]));for(let c of r.units){let r=Ar(t,c.unit),l=r===void 0?void 0:t.units.get(r);if(r===void 0||l===void 0||c.mainPid===0||c.activeState!==`active`)continue;let u=e?.units.get(r),d=u!==void 0&&u!==l&&C(u,l).needs===`restart`,f=d?jr(u,l,c,n,i):Mr(c,s.get(c.unit));if(f===void 0)continue;let p=!d||e===void 0?void 0:a.get(r)??g(r,e.units,t.units).effect;o.push(Nr(c.unit,l,f,p))}return o}function kr(e,t){let n=t.units.filter(t=>t.needDaemonReload&&Ar(e,t.unit)!==void 0).map(e=>e.unit),[r]=n;if(r===void 0)return[];let i=n.slice(0,5).join(`, `);return[{family:`process`,subject:r,expected:`systemd has read the new unit files`,found:n.length===1?`one unit that it has not read`:`${n.length} units that it has not read`,needs:`daemon-reload`,sentence:`systemd has not read the new files of ${i}${n.length>5?` and ${n.length-5} more`:``}.`}]}function Ar(e,t){if(e.units.has(t))return t;let n=m(t);return n!==void 0&&e.units.has(n)?n:void 0}function jr(e,t,n,r,i){let a=e=>new Set(l(e,i,2e3).map(e=>e.root)),o=a(t.text),s=new Set([...a(e.text)].filter(e=>!o.has(e))),c=[n.executable?.replace(Er,``),...n.runs].flatMap(e=>e===void 0?[]:p(e,i)??[]).find(e=>s.has(e));if(c!==void 0)return c;if(n.activeSince!==void 0&&n.activeSince.getTime()<r.at.getTime()-1e3)return`a process from ${n.activeSince.toISOString()}, before the deploy`}function Mr(e,t){let{executable:n}=e;if(n!==void 0&&Er.test(n)&&t?.executable!==n)return n}function Nr(e,t,n,r){let i=c(t,`Service`,`ExecStart`).at(-1)?.split(/\s/)[0]?.slice(0,300)??`the new unit`;return r!==void 0&&Dr.has(r)?{family:`process`,subject:e,expected:i,found:n,needs:`reboot`,sentence:`${e} changed and is left running by design; the next boot starts the new one.`}:{family:`process`,subject:e,expected:i,found:n,needs:`restart`,sentence:Er.test(n)?`${e} runs a program that is no longer in the store.`:`${e} still runs the old version.`}}const Pr={challengeresponseauthentication:`kbdinteractiveauthentication`,skeyauthentication:`kbdinteractiveauthentication`,keepalive:`tcpkeepalive`,dsaauthentication:`pubkeyauthentication`,pubkeyacceptedkeytypes:`pubkeyacceptedalgorithms`,hostbasedacceptedkeytypes:`hostbasedacceptedalgorithms`},Fr=/* @__PURE__ */ new Set([`allowusers`,`allowgroups`,`denyusers`,`denygroups`,`acceptenv`,`setenv`]),Ir=/^[+^-]/,Lr=/* @__PURE__ */ new Set([`logingracetime`,`clientaliveinterval`,`unusedconnectiontimeout`]);function Rr(e,t,n,r,i){let a=y(e,n);if(t===void 0||a===void 0)return[];let o=y(e,t);if(o===a)return[];if(i.sshd.length===0)return r.sshd.length===0?[]:[{family:`sshd`,subject:`sshd_config`,expected:`accepted by sshd -T`,found:`no answer`,needs:`person`,sentence:`sshd no longer tells its settings: it does not accept its configuration, or it is gone. The next login may fail.`}];let s=Br(i.sshd),[c,l]=[zr(o??``),zr(a)],u=[];for(let[e,t]of l){if(c.get(e)?.join(`
`)===t.join(`
`)||t.some(e=>Ir.test(e)))continue;let n=s.get(e);n!==void 0&&t.filter(e=>!n.has(e)).length!==0&&u.push({family:`sshd`,subject:e,expected:t.join(`, `).slice(0,4e3),found:[...n].join(`, `).slice(0,4e3),needs:`restart`,sentence:`sshd does not have the new value of ${e}.`})}return u}function zr(e){let t=/* @__PURE__ */ new Map;for(let[n,r]of h(e).get(``)?.directives??[]){let e=n.startsWith(`subsystem `)?`subsystem`:Pr[n]??n;if(e===`include`)continue;let i=Fr.has(e)?r.values.flatMap(e=>e.split(` `)):r.values;t.set(e,[...t.get(e)??[],...i.map(t=>Vr(e,t))])}return t}function Br(e){let t=/* @__PURE__ */ new Map;for(let n of e){let e=n.indexOf(` `),r=e===-1?n:n.slice(0,e),i=t.get(r)??/* @__PURE__ */ new Set;i.add(Vr(r,e===-1?``:n.slice(e+1))),t.set(r,i)}return t}function Vr(e,t){let n=t.trim().replaceAll(`"`,``).replace(/\s+/g,` `).toLowerCase();return n===`prohibit-password`?`without-password`:n===`true`?`yes`:n===`false`?`no`:e===`listenaddress`?n.replace(/^\[([^\]]*)\](?::\d+)?$/,`$1`).replace(/^([^:]*):\d+$/,`$1`):e===`loglevel`||e===`syslogfacility`?n:Lr.has(e)?String(Ur(n)):n}const Hr={"":1,s:1,m:60,h:3600,d:86400,w:604800};function Ur(e){if(!/^(?:\d{1,9}[smhdw]?)+$/.test(e))return e;let t=0;for(let n of e.matchAll(/(\d+)([smhdw]?)/g))t+=Number(n[1])*(Hr[n[2]??``]??1);return t}const Wr=/* @__PURE__ */ new Set([`active`,`reloading`,`refreshing`]),Gr=/* @__PURE__ */ new Set([`activating`,`deactivating`]),Kr=/^(?:Condition|Assert)/;function qr(e,t,n,r){if(r.units.length===0)return[];let i=new Map(n.units.map(e=>[e.unit,e])),a=new Map(r.units.map(e=>[e.unit,e])),o=e===void 0?void 0:_(e.units),s=[];for(let[e,n]of _(t.units)){let r=t.units.get(e);if(r===void 0||r.aliasOf!==void 0||r.masked||n.note!==void 0||n.ended===!0)continue;let c=a.get(e);if(c!==void 0&&(Wr.has(c.activeState)||Gr.has(c.activeState)||c.activeState===`failed`))continue;let l=a.get(n.by);if(n.by.endsWith(`.target`)&&l!==void 0&&!Wr.has(l.activeState))continue;let u=i.get(e),d=u!==void 0&&Wr.has(u.activeState),f=o!==void 0&&!o.has(e)&&Jr(c)&&Yr(r);if(!d&&!f)continue;let p=c===void 0?`not loaded`:`${c.activeState} (${c.subState})`,m=d?`${e} was active before the deploy and ${n.by} still wants it, but it is down.`:`${e} is new and ${n.by} wants it, but it was never started.`;s.push({family:`unit`,subject:e,expected:`active`,found:p,needs:`restart`,sentence:m})}return s}const Jr=e=>e===void 0||e.activeSince===void 0;function Yr(e){return![`RefuseManualStart`,`X-OnlyManualStart`].some(t=>f(e,`Unit`,t,!1))&&![...e.sections.get(`Unit`)?.keys()??[]].some(e=>Kr.test(e))}function Xr(e,t,n){let r=new Set(n.swaps.map(e=>I(n.devices,e))),i=[],a=(e,t,n,r,a)=>{i.push({family:`mount`,subject:e,expected:t,found:n,needs:r,sentence:a})},o=/* @__PURE__ */ new Set;for(let{device:i,options:s}of t.swaps){let t=Jn(i)??i;if(o.add(I(n.devices,t)),r.has(I(n.devices,t))||s.includes(`noauto`))continue;let c=e?.swaps.some(e=>e.device===i)??!0;s.includes(`nofail`)&&c||(Xn(t)&&!n.devices.has(t)?n.devices.size>0?a(i,`in use`,`no such device`,`person`,`The swap ${i} is not on this machine.`):c||a(i,`in use`,`not known`,`nothing`,`Whether the swap ${i} is in use cannot be told.`):a(i,`in use`,`not in use`,`restart`,`The swap ${i} is in fstab and not in use.`))}for(let{device:t}of e?.swaps??[]){let e=I(n.devices,Jn(t)??t);r.has(e)&&!o.has(e)&&a(t,`not in use`,`in use`,`person`,`The swap ${t} is no longer in fstab and still in use: swapoff ${e}.`)}return i}const Zr=/^kernel\.(?:kexec_load_disabled|modules_disabled|unprivileged_bpf_disabled|yama\.ptrace_scope|perf_event_paranoid|randomize_va_space)$/;function Qr(e,t,n){let r=t===void 0?/* @__PURE__ */ new Map:x(e,t.etc);return new Map([...x(e,n.etc)].filter(([e,t])=>r.get(e)!==t&&!/[*?[]/.test(e)))}function $r(e,t,n,r){return t===void 0?[]:[...Qr(e,t,n)].flatMap(([e,t])=>{let n=r.sysctl.get(e),i=`sysctl`;if(n===void 0)return[{family:i,subject:e,expected:t,found:`not known`,needs:`nothing`,sentence:`The kernel setting ${e} cannot be read.`}];if(ei(t,n))return[];let a=Zr.test(e)?`reboot`:`restart`;return[{family:i,subject:e,expected:t,found:n,needs:a,sentence:`The kernel setting ${e} is ${n} and should be ${t}: ${a===`reboot`?`it only goes back at boot`:`systemctl restart systemd-sysctl.service`}.`}]})}function ei(e,t){if(e===t)return!0;let n=/^(?:-?\d{1,15}|0x[0-9a-f]{1,13})$/i;return n.test(e)&&n.test(t)&&Number(e)===Number(t)}function ti(e,t,n){let r=[],i=(e,t,n,i)=>{r.push({family:`toplevel`,subject:e,expected:t,found:n??`nothing that could be read`,needs:`person`,sentence:i})};if(n.current!==e.current){let r=n.current===void 0?`What is active on the host cannot be told.`:n.current===t.current?`The switch said that it succeeded, but nothing happened: the system from before is still active.`:`Another system is active than the one that was deployed: somebody or something switched the host meanwhile.`;i(`current-system`,e.current,n.current,r)}if(n.profile!==e.profile){let r=n.profile===t.profile?`The boot default was not changed: the next boot brings the old system back.`:`The boot default is neither the system that was deployed nor the one from before.`;i(`profile`,e.profile,n.profile,r)}if(e.booted!==void 0&&n.booted!==e.booted){let r=n.bootId===t.bootId?`The host was to reboot and has not: it is still the same boot.`:n.booted===t.booted?`The host rebooted into the system that had been booted before, not into the new one.`:`The host rebooted into another system than the planned one.`;i(`booted-system`,e.booted,n.booted,r)}return r}function ni({planned:e,before:t,after:n,store:r,diff:i,cache:a=S()}){let o=[...ti(e,t,n),...wn(t,n)],s=v(r,e.current);if(s!==void 0){let t=`What ${e.current} promises cannot be compared: ${s.message}`;return o.push({family:`toplevel`,subject:`store`,expected:e.current,found:`not readable`,needs:`person`,sentence:t}),oi(o)}if(n.current!==e.current)return oi(o);let c=b(r,e.current,a),l=ii(r,t,a),u=new Map((i?.units??[]).map(e=>[e.name,e.effect]));return o.push(...qr(l,c,t,n),...Or(l,c,t,n,r.prefix,u),...fr(l,c,t,n),...Xr(l,c,n),...Rn(e,l,c,n,r),...$r(r,l,c,n),...Rr(r,l,c,t,n),...br(l,c,t,n,i)),oi(o)}function ri(e,t,n,r=S()){if(v(n,e.current)!==void 0)return[];let i=ii(n,t,r);return i===void 0?[]:[...Qr(n,i,b(n,e.current,r)).keys()]}function ii(e,t,n){let{current:r}=t;return r===void 0||v(e,r)!==void 0?void 0:b(e,r,n)}const ai=[`toplevel`,`sshd`,`unit`,`mount`,`port`,`process`,`kernel`,`sysctl`,`check`];function oi(e){let t=e=>{let t=ai.indexOf(e.family);return(e.needs===`nothing`?100:0)+(t===-1?ai.length:t)};return e.toSorted((e,n)=>t(e)-t(n))}const si=/^[0-9]{1,5}$/,ci=/^\/nix\/store\/[A-Za-z0-9+\-._?=/]{1,300}$/,li=/^[a-z0-9-]{1,100}$/;function ui(e){let[t=``,n=``,r=``,i=``]=e.trim().split(` `);switch(t){case`starting`:case`activating`:case`installing`:case`returning`:return{phase:t};case`waiting`:return{phase:`waiting`,exit:di(n),current:ci.test(r)?r:void 0};case`ended`:{let e=Kt.safeParse(n);return e.success?{phase:`ended`,outcome:e.data,reason:li.test(r)?r:`unknown`,exit:di(i)}:void 0}default:return}}const di=e=>si.test(e)?Number(e):void 0;async function fi(e,t,n,r){let{until:i,timeoutSeconds:a,onLog:o,clock:s,pause:c}=r,l=s.now().getTime()+a*1e3,u=``,d=0,f=``,p=e=>{if(e.name===`log`){let t=O(e.value);u=`${u}${t}`.slice(-262144),o?.(t)}e.name===`log-at`&&(d=Number.parseInt(e.value,10)||d)},m;for(;;){let r=Math.ceil((l-s.now().getTime())/1e3),a=Math.max(0,Math.min(r,240)),o=await e.run({address:t,program:`
state=/run/nixos-deploy-gate/$1
id=$1 until=$2 at=$3 seconds=$4
case $id in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $at$seconds in *[!0-9]*) exit 2 ;; esac
uptime() { read -r up rest </proc/uptime; up=\${up%%.*}; }
uptime
deadline=$((up + seconds))
pieces=0
is_idle() { case $(systemctl show -p ActiveState --value "$1" 2>/dev/null) in inactive | failed) return 0 ;; *) return 1 ;; esac; }
put_log() {
  while [ -e "$state/log" ] && [ "$pieces" -lt 40 ]; do
    base=0
    if [ -e "$state/log.base" ]; then read -r base <"$state/log.base" || :; fi
    [ "$at" -ge "$base" ] || at=$base
    size=$(($(wc -c <"$state/log") + base))
    [ "$at" -lt "$size" ] || return 0
    length=$((size - at))
    [ "$length" -le 65536 ] || length=65536
    put_output log "$length" tail -c +$((at - base + 1)) "$state/log"
    at=$((at + length)) pieces=$((pieces + 1))
    put log-at "$at"
  done
}
is_there() {
  [ ! -e "$state/phase" ] || return 0
  if [ -e "$state/program" ] && ! is_idle nixos-deploy-gate-activation.service; then return 0; fi
  return 1
}
missing=0 looks=0
while :; do
  if is_there; then
    missing=0 told=starting
    if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
    put_log
    uptime
    case $until:$told in *:ended* | waiting:waiting* | now:*) put phase "$told"; exit 0 ;; esac
    if [ "$up" -ge "$deadline" ]; then put phase "$told"; exit 0; fi
  else
    # It may be starting this moment.
    missing=$((missing + 1))
    uptime
    if [ "$missing" -ge 5 ] || [ "$up" -ge "$deadline" ]; then
      if [ -r /var/lib/nixos-deploy-gate/ledger.jsonl ]; then
        ended=$(grep -F "\\"id\\":\\"$id\\",\\"outcome\\":" /var/lib/nixos-deploy-gate/ledger.jsonl | tail -n 1)
        [ -z "$ended" ] || put ledger "$ended"
      fi
      put gone yes
      exit 0
    fi
  fi
  sleep 0.5 2>/dev/null || sleep 1
done
`,arguments:[n,i,String(d),String(a)],connection:`shared`,timeoutSeconds:a+45,maxBytes:6<<20,onRecord:p}),h=mi(n,o);if(h.kind===`gone`)return h;if(h.kind===`phase`){if(m=h.phase,m.phase===`ended`||i===`waiting`&&m.phase===`waiting`)return{...h,log:u}}else if(f=h.detail,!o.ok&&!pi.has(o.trouble))return{kind:`lost`,detail:f};if(s.now().getTime()>=l)return h.kind===`phase`?{...h,log:u}:{kind:`lost`,detail:f};h.kind===`lost`&&await c(Math.min(3,Math.max(.1,(l-s.now().getTime())/1e3)))}}const pi=/* @__PURE__ */ new Set([`unreachable`,`lost`,`timed-out`,`jump-failed`,`not-understood`,`access-refused`]);function mi(e,t){let n=P(t.records,`phase`),r=n===void 0?void 0:ui(n);if(r!==void 0)return{kind:`phase`,phase:r,log:``};if(!t.ok)return{kind:`lost`,detail:`${t.trouble}: ${t.detail}`};let i=hi(P(t.records,`ledger`));return i?.event===`ended`&&i.id===e?{kind:`phase`,phase:{phase:`ended`,outcome:i.outcome,reason:i.reason,exit:i.exit},log:``}:P(t.records,`gone`)===void 0?{kind:`lost`,detail:t.stderr.trim()||`the program on the host ended with exit code ${t.exitCode}`}:{kind:`gone`}}function hi(e){if(e!==void 0)try{return Jt.safeParse(JSON.parse(e)).data}catch{return}}const gi=`
set -u
umask 077
unset IFS CDPATH
mode=$1 state=$2
case $state in /run/nixos-deploy-gate/[a-z0-9]*) ;; *) exit 2 ;; esac
${`${cn}
profiles=/nix/var/nix/profiles
roots=/nix/var/nix/gcroots/nixos-deploy-gate
supervisor_unit=nixos-deploy-gate-activation.service
switch_unit=nixos-deploy-gate-switch.service
deadman=nixos-deploy-gate-deadman
log=$state/log

told() { told=; [ ! -e "$state/$1" ] || read -r told <"$state/$1" || :; }
told id; id=$told
told from-current; from_current=$told
# The tools of the system that we leave: its closure is rooted, and /run/current-system changes under us.
PATH=$from_current/sw/bin:/run/current-system/sw/bin:/run/wrappers/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C HOME=/root
export PATH LC_ALL HOME
told from-profile; from_profile=$told
told to; to=$told
told activate; activate=$told
told operation; operation=$told
told reversible; reversible=$told
told confirm-by; confirm_by=$told
told nonce; nonce=$told
told ssh-port; ssh_port=$told
told activation-seconds; activation_seconds=$told
told confirm-seconds; confirm_seconds=$told
told loader-seconds; loader_seconds=$told
shell=/bin/sh
[ ! -x "$from_current/sw/bin/sh" ] || shell=$from_current/sw/bin/sh

# Counts on through changes of the clock, which an activation may bring.
uptime() { read -r up rest </proc/uptime; up=\${up%%.*}; }
nap() { sleep 0.4 2>/dev/null || sleep 1; }
note() { line "nixos-deploy-gate: $*" >>"$log" 2>/dev/null || :; }
# systemd may be re-executing itself: no question may hang.
ask_systemd() { timeout 60 systemctl --no-ask-password "$@" 8>&- 9>&- </dev/null; }
phase() { line "$*" >"$state/phase.new" && mv -f "$state/phase.new" "$state/phase"; }
resolved() { resolved=$(readlink -f "$1" 2>/dev/null) || resolved=; }
current() { resolved /run/current-system; current=$resolved; }
profile() { resolved "$profiles/system"; profile=$resolved; }
resolved "$activate"; activated=$resolved
# A unit is over when systemd says so; where it says nothing it may still run.
is_over() {
  case $(ask_systemd show -p ActiveState --value "$1" 2>/dev/null) in
    inactive | failed) return 0 ;;
    *) return 1 ;;
  esac
}
is_shutting_down() { [ "$(ask_systemd is-system-running 2>/dev/null)" = stopping ]; }

# switch-to-configuration's own lock, on descriptor 9.
locked=no
take_lock() {
  [ "$locked" = no ] || return 0
  have flock || return 0
  mkdir -p /run/nixos 2>/dev/null
  (: >>/run/nixos/switch-to-configuration.lock) 2>/dev/null || return 0
  exec 9>>/run/nixos/switch-to-configuration.lock
  if flock -n 9; then locked=yes; else exec 9>&-; return 1; fi
}
drop_lock() { [ "$locked" = no ] || exec 9>&-; locked=no; }
await_lock() {
  uptime; lock_until=$((up + $1))
  until take_lock; do
    uptime; [ "$up" -lt "$lock_until" ] || return 1
    nap
  done
}

# The middle of a log without end is forgotten. \`log.base\` is how many bytes were, for those who read on from where they were.
trim_log() {
  size=$(wc -c <"$log" 2>/dev/null) || return 0
  [ "$((size))" -gt 4194304 ] || return 0
  [ -e "$state/log.head" ] || head -c 524288 "$log" >"$state/log.head"
  told log.base; base=$told
  tail -c 1048576 "$log" >"$state/log.keep"
  : >"$log"
  cat "$state/log.keep" >>"$log"
  rm -f "$state/log.keep"
  line $((base + size - 1048576)) >"$state/log.base.new" && mv -f "$state/log.base.new" "$state/log.base"
}
keep_log() (
  umask 077
  kept=$ledger_home/attempts/$id
  mkdir -p "$kept" || exit 0
  {
    if [ -e "$state/log.head" ]; then cat "$state/log.head"; line "nixos-deploy-gate: the middle of this log was cut"; fi
    tail -c 1048576 "$log"
  } >"$kept/log"
  cp "$state/phase" "$kept/phase"
  ls -1t "$ledger_home/attempts" | tail -n +21 | while read -r old; do rm -rf "$ledger_home/attempts/$old"; done
) 2>/dev/null

begin_ledger() {
  read -r boot_id </proc/sys/kernel/random/boot_id
  case $boot_id in *[!0-9a-f-]*) return 1 ;; esac
  append_ledger "{\\"v\\":1,\\"event\\":\\"started\\",\\"at\\":$(date +%s),\\"bootId\\":\\"$boot_id\\",\\"attempt\\":$(cat "$state/attempt")}" || return 1
  : >"$state/in-ledger"
  reserve_ledger
}
end_ledger() {
  release_ledger
  [ -e "$state/in-ledger" ] || return 0
  ! grep -qF "\\"id\\":\\"$id\\",\\"outcome\\":" "$ledger" 2>/dev/null || return 0
  case $3 in '' | - | *[!0-9]*) exit_member= ;; *) exit_member=",\\"exit\\":$3" ;; esac
  append_ledger "{\\"v\\":1,\\"event\\":\\"ended\\",\\"at\\":$(date +%s),\\"id\\":\\"$id\\",\\"outcome\\":\\"$1\\",\\"reason\\":\\"$2\\"$exit_member}" ||
    note "the end could not be written into the ledger"
}
# finish OUTCOME REASON EXIT: the only way to end. What is to be said is kept first, so that whoever comes after a kill says the same.
finish() {
  drop_lock
  line "$1 $2 $3" >"$state/ending.new" && mv -f "$state/ending.new" "$state/ending"
  note "$1: $2"
  end_ledger "$1" "$2" "$3"
  case $1 in
    deployed | staged)
      for root in "$roots"/*; do [ "$root" = "$roots/$id" ] || rm -rf "$root"; done ;;
  esac
  phase ended "$1" "$2" "$3"
  keep_log
  end_watch
  exit 0
}
# The timer is one for all attempts: only the one that set it takes it away.
end_watch() { [ ! -e "$state/watched" ] || ask_systemd stop --no-block "$deadman.timer" >/dev/null 2>&1; }
`}
# begin_operation TOPLEVEL ACTION CHECKS: CHECKS is "checks" or "no-checks". The wrapper is this program again, in its mode "operate".
begin_operation() {
  rm -f "$state/exit"
  note "$1/bin/switch-to-configuration $2"
  set -- "$@" 5
  while :; do
    began=$(start_unit "$1" "$2" "$3" 2>&1) && return 0
    # The name may still be taken by what has just been ended.
    ask_systemd reset-failed "$switch_unit" >/dev/null 2>&1
    [ "$4" -gt 0 ] || break
    set -- "$1" "$2" "$3" $(($4 - 1))
    sleep 1
  done
  note "the unit could not be started: $began"
  return 1
}
start_unit() {
  check=
  [ "$3" = checks ] || check=--setenv=NIXOS_NO_CHECK=1
  timeout 60 systemd-run --quiet --no-ask-password --collect --unit="$switch_unit" --description="switch-to-configuration for nixos-deploy-gate" \\
    -p TimeoutStopSec=10 -p OOMScoreAdjust=-500 -p IgnoreOnIsolate=yes -p Restart=no \\
    --setenv=PATH="$PATH" --setenv=HOME=/root $check \\
    "$shell" "$state/program" operate "$state" "$1" "$2" 8>&- 9>&- </dev/null
}
# Runs in the unit: descriptor 0 is closed for prompts, the exit code is there at once or not at all.
operate() {
  "$1/bin/switch-to-configuration" "$2" </dev/null >>"$log" 2>&1
  line "$?" >"$state/exit.new" && mv -f "$state/exit.new" "$state/exit"
}
# await_operation SECONDS RETURNABLE: sets code to an exit code, or to "limit", "return" (somebody asked for it) or "lost" (it ended without saying how).
await_operation() {
  uptime; operation_until=$((up + $1)) looks=0
  while :; do
    if [ -s "$state/exit" ]; then told exit; code=$told; break; fi
    if [ "$2" = returnable ] && [ -e "$state/return" ]; then code=return; break; fi
    uptime
    if [ "$up" -ge "$operation_until" ]; then code=limit; break; fi
    looks=$((looks + 1))
    if [ $((looks % 6)) -eq 0 ]; then
      trim_log
      if is_over "$switch_unit"; then
        nap
        if [ -s "$state/exit" ]; then told exit; code=$told; else code=lost; fi
        break
      fi
    fi
    nap
  done
  case $code in limit | return | lost) ;; *[!0-9]* | '') code=lost ;; esac
  note "it ended: $code"
}
# The whole cgroup, politely first.
end_operation() {
  is_over "$switch_unit" && return 0
  note "ending $switch_unit"
  for signal in TERM KILL; do
    ask_systemd kill --signal=$signal "$switch_unit" >/dev/null 2>&1
    for second in 1 2 3 4 5; do
      is_over "$switch_unit" && break
      sleep 1
    done
  done
  ask_systemd reset-failed "$switch_unit" >/dev/null 2>&1
}
remember_jobs() { ask_systemd list-jobs --no-legend --plain 2>/dev/null | while read -r job rest; do line "$job"; done >"$state/jobs"; }
# Jobs that were not there before hold up whatever comes next. A unit that they left in the middle of its stop gets some seconds more and is then killed: without
# that a stop that hangs would keep the host from going back. Jobs of a shutdown are never touched.
cancel_jobs() {
  [ -e "$state/jobs" ] || return 0
  if is_shutting_down; then return 0; fi
  : >"$state/stopping"
  ask_systemd list-jobs --no-legend --plain 2>/dev/null | while read -r job unit rest; do
    case $job in '' | *[!0-9]*) continue ;; esac
    case $unit in nixos-deploy-gate-*) continue ;; esac
    ! grep -qx "$job" "$state/jobs" || continue
    note "cancelling job $job of $unit"
    line "$unit" >>"$state/stopping"
    ask_systemd cancel "$job" >/dev/null 2>&1
  done
  uptime; stop_until=$((up + 20))
  while read -r unit; do
    while [ "$(ask_systemd show -p ActiveState --value -- "$unit" 2>/dev/null)" = deactivating ]; do
      uptime
      if [ "$up" -ge "$stop_until" ]; then
        note "killing $unit, whose stop does not end"
        ask_systemd kill --signal=KILL -- "$unit" >/dev/null 2>&1
        break
      fi
      nap
    done
  done <"$state/stopping"
}
stop_first() {
  [ -s "$state/stop-first" ] || return 0
  : >"$state/stopped"
  while read -r unit; do
    case $(ask_systemd show -p ActiveState --value -- "$unit" 2>/dev/null) in active | activating | reloading) line "$unit" >>"$state/stopped" ;; esac
  done <"$state/stop-first"
  while read -r unit; do
    note "stopping $unit first"
    timeout "$activation_seconds" systemctl --no-ask-password stop -- "$unit" >>"$log" 2>&1 </dev/null 8>&- 9>&- || return 1
  done <"$state/stopped"
}
# What was stopped first and still is: nothing else may want it.
start_stopped() {
  [ -s "$state/stopped" ] || return 0
  while read -r unit; do
    [ "$(ask_systemd show -p LoadState --value -- "$unit" 2>/dev/null)" = loaded ] || continue
    ask_systemd start --no-block -- "$unit" >>"$log" 2>&1
  done <"$state/stopped"
}
said() { grep -qiF -- "$1" "$log" 2>/dev/null; }

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

# ---- steps of a switch
# After switch-to-configuration has ended: wait, refuse, or go back. \`code\` is set.
judge_activation() {
  current
  case $code in
    0 | 2 | 4) return ;;
    return) go_back returned - ;;
    limit)
      end_operation
      [ "$reversible" = no ] || go_back activation-limit -
      code=-
      return ;;
    lost)
      [ "$reversible" = no ] || go_back switch-killed -
      code=-
      return ;;
  esac
  if [ "$current" = "$from_current" ]; then
    case $code in
      100) start_stopped; finish refused init-interface-version 100 ;;
      1)
        # These words come before anything is changed. Without them something may have been stopped, which going back sets right.
        if ! said "activating the configuration" && ! said "stopping the following units" && ! said "stopping swap device"; then
          if said "changes to critical components" || said "Pre-switch check 'switchInhibitors' failed"; then start_stopped; finish refused inhibitor 1; fi
          if said "pre-switch check"; then start_stopped; finish refused pre-switch-check 1; fi
        fi ;;
    esac
    if said "Could not acquire lock"; then start_stopped; finish refused lock-held "$code"; fi
    if said "This is not a NixOS installation"; then start_stopped; finish refused not-nixos "$code"; fi
  fi
  [ "$current" = "$activated" ] || go_back "exit-$code" "$code"
}
# What is between two attempts to start has failed as well.
failed_units() { ask_systemd list-units --all --state=failed,auto-restart --no-legend --plain 2>/dev/null | while read -r unit rest; do line "$unit"; done; }
# The host asks itself: the operator's checks, and a fresh ssh to its own address.
checks_itself() {
  case $code in
    0) ;;
    4)
      ! said "Failed to run activate script" || return 2
      failed_units | while read -r unit; do
        grep -qxF -- "$unit" "$state/failed" || line "$unit"
      done >"$state/failed-now"
      [ ! -s "$state/failed-now" ] || return 2 ;;
    *) return 2 ;;
  esac
  uptime
  left=$((wait_until - up))
  [ "$left" -gt 0 ] || return 1
  set --
  number=1
  while [ -e "$state/self-argument-$number" ]; do
    # The dot keeps newlines at the end.
    argument=$(cat "$state/self-argument-$number" && echo .)
    argument=\${argument%??}
    set -- "$@" "$argument"
    number=$((number + 1))
  done
  timeout -k 5 "$left" "$shell" "$state/self-program" "$@" </dev/null >>"$log" 2>&1 8>&- 9>&- || return 1
  told address
  [ -n "$told" ] || told=127.0.0.1
  ssh_answers "$told"
}
await_confirmation() {
  [ -e "$state/waiting-since" ] || { uptime; line "$up" >"$state/waiting-since"; }
  told waiting-since; wait_until=$((told + confirm_seconds))
  looks=0
  while :; do
    if [ -e "$state/return" ]; then go_back returned "$code"; fi
    if [ -e "$state/confirm" ]; then
      told confirm
      if [ "$told" = "$id $nonce" ]; then return; fi
      note "a confirmation that is not ours was left alone"
      rm -f "$state/confirm"
    fi
    take_lock || :
    current
    [ "$current" = "$activated" ] || finish superseded switched-meanwhile "$code"
    uptime
    if [ "$up" -ge "$wait_until" ]; then
      [ "$reversible" = no ] || go_back not-confirmed "$code"
      if is_unreachable; then go_back "unreachable-$lost_by" "$code"; fi
      # It may have come during the last look.
      [ ! -e "$state/return" ] || go_back returned "$code"
      finish left-unconfirmed not-confirmed "$code"
    fi
    if [ "$confirm_by" = self ]; then
      if checks_itself; then note "the host confirmed itself"; return; else self=$?; fi
      if [ "$self" = 2 ]; then
        [ "$reversible" = no ] || go_back self-check-failed "$code"
        finish left-unconfirmed self-check-failed "$code"
      fi
      sleep 3
    fi
    looks=$((looks + 1))
    [ $((looks % 10)) -ne 0 ] || trim_log
    nap
  done
}
install_confirmed() {
  phase installing
  profile
  case $profile in "$from_profile" | "$to") ;; *) finish superseded profile-changed "$code" ;; esac
  install_default no-checks
  [ -n "$failed" ] || finish deployed confirmed "$exit_code"
  # Kept, since restoring runs the loader as well.
  reason=$failed its_exit=$exit_code
  restore_default
  [ "$restored" = yes ] || reason=$reason-and-not-restored
  finish live-but-old-boots "$reason" "$its_exit"
}
follow_switch() {
  await_operation "$activation_seconds" returnable
  judge_activation
  start_stopped
  line "$code" >"$state/activation-exit"
  wait_and_install
}
wait_and_install() {
  current
  case $code in -) ;; *[!0-9]*) code=- ;; esac
  # The lock first: nobody switches between our end and our waiting.
  take_lock || :
  phase waiting "$code" "$current"
  await_confirmation
  install_confirmed
}
do_switch() {
  [ "$reversible" = yes ] || remember_reachability
  [ "$confirm_by" = gate ] || own_address >"$state/address"
  failed_units >"$state/failed"
  remember_jobs
  phase activating
  : >"$state/touched"
  if ! stop_first; then start_stopped; finish refused stop-first-failed -; fi
  if ! begin_operation "$activate" test checks; then start_stopped; finish refused unit-not-started -; fi
  follow_switch
}
do_boot() {
  phase installing
  : >"$state/touched"
  install_default checks
  [ -n "$failed" ] || finish staged boot-default-set "$exit_code"
  reason=$failed its_exit=$exit_code
  [ "$reason" = loader-failed ] && said "pre-switch check" && reason=pre-switch-check
  restore_default
  if [ "$restored" = no ]; then finish rollback-failed "$reason" "$its_exit"; fi
  case $reason in
    pre-switch-check | lock-held | profile-failed) finish refused "$reason" "$its_exit" ;;
    *) finish rolled-back "$reason" "$its_exit" ;;
  esac
}

# ---- the beginning
alone() {
  have flock || return 0
  (: >>/run/nixos-deploy-gate/lock) 2>/dev/null || return 1
  exec 8>>/run/nixos-deploy-gate/lock
  flock -n 8
}
root() { ln -sfn "$2" "$roots/$id/$1"; }
watch_over() {
  : >"$state/watched"
  ask_systemd stop "$deadman.timer" >/dev/null 2>&1
  ask_systemd reset-failed "$deadman.service" >/dev/null 2>&1
  timeout 60 systemd-run --quiet --no-ask-password --unit="$deadman" --description="brings a host back whose activation was killed" \\
    --on-active=20 --on-unit-inactive=20 --timer-property=AccuracySec=1s -p OOMScoreAdjust=-900 -p IgnoreOnIsolate=yes -p LogLevelMax=notice \\
    "$shell" "$state/program" deadman "$state" 8>&- </dev/null >>"$log" 2>&1
}
run() {
  mkdir "$state/begun" 2>/dev/null || exit 0
  phase starting
  : >>"$log"
  alone || finish refused busy -
  for tool in readlink systemctl systemd-run nix-env timeout grep tail head sync date mv cat; do
    have "$tool" || finish refused "no-$tool" -
  done
  current
  profile
  if [ "$current" != "$from_current" ] || [ "$profile" != "$from_profile" ]; then finish refused moved-on -; fi
  if take_lock; then drop_lock; else finish refused lock-held -; fi
  begin_ledger || finish refused ledger-unwritable -
  # Rooted before it is looked at: a collection of garbage that runs now finds either the root or nothing.
  if ! { mkdir -p "$roots/$id" && root from-current "$from_current" && root from-profile "$from_profile" && root to "$to"; } 2>>"$log"; then
    rm -rf "$roots/$id"
    finish refused root-failed -
  fi
  if [ ! -x "$to/bin/switch-to-configuration" ] || [ ! -x "$activate/bin/switch-to-configuration" ]; then finish refused toplevel-missing -; fi
  if ! nix-store --check-validity "$to" >>"$log" 2>&1; then finish refused toplevel-missing -; fi
  watch_over || finish refused no-deadman -
  case $operation in
    switch) do_switch ;;
    boot) do_boot ;;
  esac
  finish refused not-understood -
}
# ---- after a kill
resume() {
  told phase
  word=\${told%% *}
  [ "$word" != ended ] || { end_watch; exit 0; }
  # Losing power is a way back too, and nothing is switched while the host goes down.
  if is_shutting_down; then exit 0; fi
  alone || exit 0
  note "the supervisor was ended while $told; going on as $mode"
  if [ -e "$state/ending" ]; then
    read -r outcome reason exit_code <"$state/ending"
    finish "$outcome" "$reason" "$exit_code"
  fi
  [ -e "$state/touched" ] || finish refused supervisor-killed -
  told activation-exit; code=$told
  [ -n "$code" ] || code=-
  case $word in
    installing) if [ "$operation" = boot ]; then do_boot; else install_confirmed; fi ;;
    returning)
      read -r why because <"$state/returning"
      go_back "$why" "$because" ;;
  esac
  [ "$reversible" = no ] || go_back supervisor-killed "$code"
  # What cannot be undone is not taken back because we were killed: we go on where we were.
  case $word in
    activating) follow_switch ;;
    waiting) wait_and_install ;;
  esac
  finish left-unconfirmed supervisor-killed "$code"
}
wake() {
  told phase
  case $told in ended*) end_watch; exit 0 ;; esac
  if [ -e "$state/watched" ] && ask_systemd start --no-block "$deadman.service" >/dev/null 2>&1; then exit 0; fi
  # Before there is a dead man's switch nothing is changed: this only writes down how it ended.
  [ ! -d "$state/begun" ] || [ -e "$state/touched" ] || resume
}
as_deadman() {
  for second in 1 2 3 4 5 6 7 8 9 10; do
    if is_over "$supervisor_unit"; then resume; fi
    case $(ask_systemd show -p SubState --value "$supervisor_unit" 2>/dev/null) in running | start) exit 0 ;; esac
    sleep 1
  done
}
case $mode in
  run) run ;;
  stopped) wake ;;
  deadman) as_deadman ;;
  operate) operate "$3" "$4" ;;
esac
`;async function _i(e,t,n,r){let{attempt:i}=n,a={kind:`lost`,trouble:`lost`,detail:``};for(let o=0;o<3;o+=1){let o=await e.run({address:t,program:`
umask 077
base=/run/nixos-deploy-gate
unit=nixos-deploy-gate-activation.service
id=$1 nonce=$2 supervisor=$3
shift 3
state=$base/$id
refuse() { put start "$1"; put detail "$2"; exit 0; }
case $id in '' | *[!a-z0-9-]* | -*) refuse failed "the id is not one" ;; esac
state_of() { systemctl show -p ActiveState --value -- "$1" 2>/dev/null; }
is_idle() { case $(state_of "$1") in inactive | failed) return 0 ;; *) return 1 ;; esac; }
[ -d /run/systemd/system ] || refuse failed "this host does not run systemd"
for tool in systemd-run systemctl mkdir mv; do
  command -v "$tool" >/dev/null 2>&1 || refuse failed "there is no $tool in $PATH"
done
mkdir -p "$base" && chmod 700 "$base" || refuse failed "$base cannot be written"

was_there=no
if [ -d "$state" ]; then
  was_there=yes known=
  read -r known <"$state/nonce" || :
  [ "$known" = "$nonce" ] || refuse failed "another attempt has this id"
  if [ -e "$state/begun" ]; then put start started; exit 0; fi
fi

# An attempt that has not ended holds the host, even while nothing of it runs: its dead man's switch is on the way, or is given another push.
for other in "$base"/*/; do
  other=$(printf '%s' "$other")
  other=\${other%/}
  [ -d "$other/begun" ] && [ "$other" != "$state" ] || continue
  word=
  if [ -e "$other/phase" ]; then read -r word rest <"$other/phase" || :; fi
  [ "$word" != ended ] || continue
  put by "\${other##*/}"
  if is_idle "$unit" && is_idle nixos-deploy-gate-deadman.timer && is_idle nixos-deploy-gate-deadman.service; then
    systemctl reset-failed nixos-deploy-gate-deadman.service 2>/dev/null
    timeout 60 systemd-run --quiet --no-ask-password --unit=nixos-deploy-gate-deadman -p OOMScoreAdjust=-900 /bin/sh "$other/program" deadman "$other"
  fi
  refuse busy "an activation has not ended"
done
if ! is_idle "$unit"; then
  if [ -e "$state/begun" ]; then put start started; exit 0; fi
  refuse busy "an activation is running"
fi

if [ "$was_there" = no ]; then
  new=$base/.new-$id
  rm -rf "$new"
  mkdir "$new" && printf '%s\\n' "$supervisor" >"$new/program" || refuse failed "$base cannot be written"
  while [ $# -gt 1 ]; do
    case $1 in '' | *[!a-z0-9-]*) refuse failed "a name is not one" ;; esac
    printf '%s\\n' "$2" >"$new/$1" || { rm -rf "$new"; refuse failed "$base cannot be written"; }
    shift 2
  done
  mv "$new" "$state" || refuse failed "$base cannot be written"
fi

seconds() { told=0; read -r told <"$state/$1" || :; }
seconds activation-seconds; activation=$told
seconds confirm-seconds; confirmation=$told
seconds loader-seconds; loader=$told
# Longer than everything that the supervisor allows itself: a supervisor that hangs is ended, and going back has its own time after that.
longest=$((3 * activation + confirmation + 4 * loader + 600))
read -r from <"$state/from-current" || :
shell=/bin/sh
[ ! -x "$from/sw/bin/sh" ] || shell=$from/sw/bin/sh
locale=
if [ -n "$(printenv LOCALE_ARCHIVE 2>/dev/null)" ]; then locale=--setenv=LOCALE_ARCHIVE=$(printenv LOCALE_ARCHIVE); fi
set --
[ -z "$locale" ] || set -- "$locale"
said=$(timeout 60 systemd-run --quiet --no-ask-password --collect --unit="$unit" --description="nixos-deploy-gate activates a system" \\
  -p Restart=no -p OOMScoreAdjust=-900 -p IgnoreOnIsolate=yes -p RuntimeMaxSec="$longest" -p TimeoutStopSec=90 \\
  -p "ExecStopPost=$shell $state/program stopped $state" "$@" \\
  "$shell" "$state/program" run "$state" 2>&1) || {
  sleep 1
  if [ -e "$state/begun" ]; then put start started; exit 0; fi
  taken=no
  is_idle "$unit" || taken=yes
  [ "$was_there" = yes ] || rm -rf "$state"
  if [ "$taken" = yes ]; then refuse busy "$said"; fi
  refuse failed "$said"
}
put start started
# What ended long ago is not needed here any more.
ls -1dt "$base"/*/ 2>/dev/null | tail -n +12 | while read -r old; do
  word=
  if [ -e "$old/phase" ]; then read -r word rest <"$old/phase" || :; fi
  [ "$word" != ended ] || rm -rf "$old"
done
`,arguments:[i.id,r,gi,...vi(t,n,r).flat()],connection:`shared`,timeoutSeconds:120,maxBytes:262144});if(!o.ok){if(a={kind:`lost`,trouble:o.trouble,detail:o.detail},o.trouble===`lost`||o.trouble===`timed-out`)continue;return a}switch(P(o.records,`start`)){case`started`:return{kind:`started`};case`busy`:return{kind:`busy`,by:P(o.records,`by`)};case void 0:return{kind:`failed`,detail:o.stderr.trim()||`the program ended with exit code ${o.exitCode}`};default:return{kind:`failed`,detail:P(o.records,`detail`)??o.stderr.trim()}}}return a}function vi(e,t,n){let{attempt:r,limits:i,confirmation:a}=t,o=a.by===`self`?[[`self-program`,a.program],...a.arguments.map((e,t)=>[`self-argument-${t+1}`,e])]:[],s=t.stopFirst.length===0?[]:[[`stop-first`,t.stopFirst.join(`
`)]];return[[`id`,r.id],[`nonce`,n],[`attempt`,sn(r)],[`operation`,t.operation],[`from-current`,t.from.current],[`from-profile`,t.from.profile],[`to`,t.to],[`activate`,t.activate],[`reversible`,t.reversible?`yes`:`no`],[`activation-seconds`,String(i.activationSeconds)],[`confirm-seconds`,String(i.confirmSeconds)],[`loader-seconds`,String(i.loaderSeconds)],[`confirm-by`,a.by],[`ssh-port`,String(a.by===`self`?a.sshPort:e.port)],...s,...o]}const yi={inhibitor:`inhibitor`,"init-interface-version":`init-interface`,"pre-switch-check":`pre-switch-check`,"lock-held":`lock-held`,busy:`lock-held`,"moved-on":`moved`,"switched-meanwhile":`moved`,"profile-changed":`moved`,"activation-limit":`timed-out`,"not-confirmed":`not-confirmed`,"self-check-failed":`not-confirmed`,returned:`not-confirmed`,"switch-killed":`killed`,"supervisor-killed":`killed`,"loader-failed":`loader-failed`,"profile-failed":`loader-failed`};function bi(e){if(e.outcome===`deployed`||e.outcome===`staged`)return;if(e.outcome===`rollback-failed`)return`return-failed`;if(e.outcome===`superseded`)return`moved`;if(e.outcome===`live-but-old-boots`)return`loader-failed`;let t=e.reason.replace(/-and-.*$/,``),n=Object.hasOwn(yi,t)?yi[t]:void 0;return e.outcome===`refused`?n??`not-begun`:t.startsWith(`unreachable-`)?`unreachable`:n!==void 0&&n!==`not-confirmed`?n:e.exit===2?`script-failed`:e.exit===4?`units-failed`:n??`unknown`}const xi=`
umask 077
state=/run/nixos-deploy-gate/$1
case $1 in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $3 in confirm | return) ;; *) exit 2 ;; esac
nonce= told=
if [ -e "$state/nonce" ]; then read -r nonce <"$state/nonce" || :; fi
if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
if [ "$nonce" = "$2" ]; then
  case $3:$told in
    confirm:waiting* | return:waiting* | return:starting* | return:activating*)
      printf '%s\\n' "$1 $2" >"$state/$3.new" && mv -f "$state/$3.new" "$state/$3" && put said "$3" ;;
  esac
fi
put phase "$told"
`;async function Si(e,t,n,r){return wi(await e.run({address:t,program:xi,arguments:[n,r,`confirm`],connection:`new`,timeoutSeconds:60}),`confirm`)}async function Ci(e,t,n,r){return wi(await e.run({address:t,program:xi,arguments:[n,r,`return`],connection:`shared`,timeoutSeconds:60}),`return`)}function wi(e,t){return P(e.records,`said`)===t?{kind:`said`}:e.ok?{kind:`not-waiting`,phase:ui(P(e.records,`phase`)??``)}:{kind:`lost`,trouble:e.trouble,detail:e.detail}}const Ti=e=>e.units.filter(e=>e.subState.startsWith(`auto-restart`)).map(e=>e.unit),Ei=(e,t)=>({failedUnits:e.failedUnits,restarting:Ti(e),checks:t});function Di(e){let t=(e,t,n=[],r=0)=>({kind:e,units:n,afterSeconds:r,reasons:t}),{look:n}=e;if(n.kind===`silent`)return t(`return`,[`No new connection came about (${n.trouble}), so nobody could mend what is not well.`]);let{observation:r}=n;if(r.current!==void 0&&r.current!==e.activate&&r.current!==e.from)return t(`leave`,[`Somebody else has switched the host to ${r.current} meanwhile.`]);let i=[...Oi(e),...ki(e,r)],a=Ai(e,r),o=ji(e);if(i.length===0&&a.length===0&&o.length===0){let n=Mi(e,r);return e.earlier===void 0&&e.soakSeconds>0?t(`look-again`,[`All is well so far; it is looked at again after ${e.soakSeconds} s.`,...n],[],e.soakSeconds):t(`confirm`,[`The new system is active, answers a new connection and nothing failed that had not failed before.`,...n])}if(i.length===0&&a.length>0&&!e.restarted&&e.earlier===void 0)return t(`restart`,[`${Ni(a)} failed and had not before; a restart may settle it.`],a);let[s,...c]=[...i,...a.length===0?[]:[`${Ni(a)} failed and had not before.`],...o],l=[s??`It is not well.`,...c];return e.reversible?t(`return`,l):t(`stay`,[...l,`The change cannot be undone, so it stays and needs a person.`])}function Oi({exit:e,scriptFailed:t}){return e===void 0?[`The activation did not end by itself.`]:e===2||t?[`The activation script failed, so the system is half activated.`]:e===0||e===4?[]:[`The activation ended with ${e}, which says that it is not whole.`]}function ki({from:e,activate:t},n){let{current:r,systemState:i}=n,a=[];return r===void 0?a.push(`What is active cannot be told.`):r!==t&&a.push(r===e?`The old system is still active.`:`Another system is active.`),(i===`maintenance`||i===`stopping`)&&a.push(`The system is in the state "${i}".`),a}function Ai({baseline:e,waitForReboot:t,earlier:n},r){let i=/* @__PURE__ */ new Set([...e.failedUnits,...e.restarting]),a=new Map((n?.units??[]).map(e=>[e.unit,e.restarts])),o=r.units.filter(e=>e.restarts>(a.get(e.unit)??1/0)).map(e=>e.unit);return[.../* @__PURE__ */ new Set([...r.failedUnits,...Ti(r),...o])].filter(e=>!i.has(e)&&!t.includes(e))}function ji({baseline:e,checks:t}){let n=new Map(e.checks.map(e=>[e.key,e.outcome])),r=new Set(t.map(e=>e.key));return[...t.filter(e=>e.outcome!==`passed`&&(n.get(e.key)??`passed`)===`passed`).map(e=>`The check "${e.name}" is ${e.outcome}: ${e.sentence}`),...e.checks.filter(e=>e.outcome===`passed`&&!r.has(e.key)).map(e=>`The check "${e.name}" was not asked again.`)]}function Mi(e,t){let{baseline:n,checks:r,exit:i,waitForReboot:a}=e,o=[],s=t.failedUnits.filter(e=>n.failedUnits.includes(e));s.length>0&&o.push(`${Ni(s)} had failed before and still ${s.length===1?`does`:`do`}.`);let c=t.failedUnits.filter(e=>a.includes(e));c.length>0&&o.push(`${Ni(c)} ${c.length===1?`waits`:`wait`} for the reboot.`),i===4&&s.length+c.length===0&&o.push(`The activation ended with 4, but no unit is failed now: something could not be reloaded or was late.`);let l=r.filter(e=>e.outcome!==`passed`);return l.length>0&&o.push(`Not green before either: ${Ni(l.map(e=>e.name))}.`),o}function Ni(e){return e.length<=5?e.join(`, `):`${e.slice(0,5).join(`, `)} and ${e.length-5} more`}async function Pi(e,t,n){await e.run({address:t,program:`
limit=$1
shift
for unit do
  systemctl reset-failed -- "$unit" 2>/dev/null
  if timeout -k 5 "$limit" systemctl --no-ask-password restart -- "$unit" 2>&1; then put restarted "$unit"; else put failed "$unit"; fi
done
`,arguments:[`90`,...n],connection:`shared`,timeoutSeconds:30+n.length*100})}async function Fi(e,t,n){let r=n.units.filter(pe).slice(0,12),i=await e.run({address:t,program:`
since=$1
shift
most_units=12
limit() {
  if command -v timeout >/dev/null; then timeout 20 "$@"; else "$@"; fi
}
asked() { limit "$@" 2>/dev/null; }
# The end of what a command prints: a log ends with what matters.
ending() {
  ending_bytes=$1
  shift
  limit "$@" 2>/dev/null | tail -c "$ending_bytes"
}
journal() {
  if [ -n "$since" ]; then limit journalctl -q --no-pager -o short-unix -n 150 "--since=@$since" "$@"
  else limit journalctl -q --no-pager -o short-unix -n 150 -b "$@"; fi
}
journal_ending() {
  journal_bytes=$1
  shift
  journal "$@" 2>/dev/null | tail -c "$journal_bytes"
}
link() {
  gate_link=$(readlink -f "$2" 2>/dev/null; echo .)
  gate_link=\${gate_link%.}
  [ -z "$gate_link" ] || put "$1" "\${gate_link%?}"
}
link current /run/current-system
link profile /nix/var/nix/profiles/system
link booted /run/booted-system
put state "$(limit systemctl is-system-running 2>/dev/null)"

# A unit's name is data: it stands behind "--" everywhere, and only names that can be units' are asked about.
is_unit() {
  case $1 in '' | -* | *[!A-Za-z0-9:_.\\\\@-]*) return 1 ;; esac
  [ "\${#1}" -le 255 ]
}
failed=$(limit systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null | head -n 60 | cut -d ' ' -f 1)
put failed "$failed"

# What the first line of ExecStart names, looked at.
executable() {
  executable_path=$(limit systemctl show -p ExecStart --value -- "$1" 2>/dev/null | sed -n '1s/^{ path=\\([^ ;]*\\) ;.*/\\1/p')
  [ -n "$executable_path" ] || return 0
  if [ ! -e "$executable_path" ]; then echo "missing $executable_path"
  elif [ ! -x "$executable_path" ] || [ -d "$executable_path" ]; then echo "not-executable $executable_path"
  else echo "present $executable_path"; fi
}
# The system's own unit that a process belongs to. Below user.slice anybody may name a group as he likes.
unit_of() {
  while IFS= read -r cgroup; do
    case $cgroup in
    0::/system.slice/* | *:name=systemd:/system.slice/*)
      cgroup=\${cgroup#*:/system.slice/}
      while [ -n "$cgroup" ]; do
        part=\${cgroup%%/*}
        case $part in
        *.service) is_unit "$part" && echo "$part"; return 0 ;;
        *.slice) ;;
        *) return 0 ;;
        esac
        case $cgroup in */*) cgroup=\${cgroup#*/} ;; *) cgroup= ;; esac
      done
      return 0
      ;;
    esac
  done 2>/dev/null <"/proc/$1/cgroup"
}
# Who has a mount point as a directory or holds a file in it open.
holders() {
  where=$(limit systemctl show -p Where --value -- "$1" 2>/dev/null)
  case $where in '' | / | /nix | /nix/store) return 0 ;; esac
  pattern=$(printf '%s' "$where" | sed 's/[][*?\\\\]/\\\\&/g')
  limit find /proc -mindepth 2 -maxdepth 3 \\( -path '/proc/[0-9]*/cwd' -o -path '/proc/[0-9]*/root' -o -path '/proc/[0-9]*/exe' -o -path '/proc/[0-9]*/fd/*' \\) \\
    \\( -lname "$pattern" -o -lname "$pattern/*" \\) 2>/dev/null | head -n 400 | cut -d / -f 3 | sort -u | head -n 40 |
    while IFS= read -r holder; do
      [ "$holder" = "$$" ] && continue
      unit=$(unit_of "$holder")
      if [ -n "$unit" ]; then echo "held $where by $unit"; else echo "held $where by process $holder of no unit"; fi
    done | sort -u
}

count=0
seen=' '
about() {
  is_unit "$1" || return 0
  case $seen in *" $1 "*) return 0 ;; esac
  [ "$count" -lt "$most_units" ] || return 0
  seen="$seen$1 "
  put "unit.$count" "$1"
  put_output "unit.$count.show" 2048 asked systemctl show --no-pager -p LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,NeedDaemonReload,FragmentPath,StatusText -- "$1"
  put_output "unit.$count.manager" 6144 journal_ending 6144 _PID=1 "UNIT=$1"
  put_output "unit.$count.journal" 8192 journal_ending 8192 "_SYSTEMD_UNIT=$1"
  put_output "unit.$count.executable" 1024 executable "$1"
  put_output "unit.$count.file" 4096 asked systemctl cat --no-pager -- "$1"
  case $1 in *.mount) put_output "unit.$count.holders" 4096 holders "$1" ;; esac
  count=$((count + 1))
}
for unit in "$@"; do about "$unit"; done
# Word by word: a unit's name holds no white space. No globbing of what a host says.
set -f
for unit in $failed; do about "$unit"; done
set +f

disk() {
  for place in / /nix /nix/store /boot /boot/efi /efi /var /var/lib /var/log /tmp /home; do
    [ -d "$place" ] || continue
    stat -f -c '%S %b %a %c %d' "$place" 2>/dev/null | while read -r block blocks free inodes inodes_free; do
      [ "$inodes" -gt 0 ] || inodes_free=-
      echo "$place $((block * blocks)) $((block * free)) $inodes_free"
    done
  done
}
put_output disk 4096 disk
put_output mounts 6144 ending 6144 findmnt -rn --real -o TARGET,SOURCE,FSTYPE,OPTIONS
if journal _TRANSPORT=kernel >/dev/null 2>&1; then put_output kernel 6144 journal_ending 6144 -p 3 _TRANSPORT=kernel
else put_output kernel 6144 ending 6144 dmesg --level=emerg,alert,crit,err; fi
exit 0
`,arguments:[n.since===void 0?``:String(Math.floor(n.since)),...r],connection:`shared`,timeoutSeconds:180,maxBytes:524288}),a=new Map(i.records.map(e=>[e.name,e.value])),o=(a.get(`failed`)??``).split(`
`).map(e=>e.trim()),s=[...a].flatMap(([e,t])=>/^unit\.\d+\.holders$/.test(e)?[...t.matchAll(/^held \S+ by (\S+\.service)$/gm)].map(e=>e[1]??``):[]),c=[.../* @__PURE__ */ new Set([...r,...o.slice(0,60),...s])].filter(pe),l=[...n.failure?.detail===void 0?[]:[Ii(n.failure.detail)],...n.log===void 0?[]:[L(`activation-log`,``,`program`,n.log)],...i.ok?[]:[{kind:`connection`,subject:i.trouble,origin:`program`,text:i.detail||i.trouble,keep:`head`}],...Li(a),...Ri(a)],u=ue({stage:n.stage,host:t.host,failure:n.failure===void 0?void 0:{code:n.failure.code,message:n.failure.message},exit:n.exit,since:n.since,derivation:void 0,units:c,atBase:n.atBase,items:l},n.limits),d=e=>/^\/nix\/store\/[^\s/]{1,250}(?:\/specialisation\/[^\s/]{1,64})?$/.test(a.get(e)??``)?a.get(e):void 0,f={current:d(`current`),profile:d(`profile`),booted:d(`booted`)};return{evidence:u,now:i.ok?f:void 0}}const L=(e,t,n,r)=>({kind:e,subject:t,origin:n,text:r,keep:`tail`}),Ii=e=>({kind:`message`,subject:``,origin:`tool`,text:e,keep:`head`});function Li(e){return Array.from({length:12},(e,t)=>t).flatMap(t=>{let n=e.get(`unit.${t}`);if(n===void 0||!pe(n))return[];let r=n=>e.get(`unit.${t}.${n}`)??``,i=/\.(?:mount|automount|swap)$/.test(n);return[L(`unit-manager`,n,`tool`,r(`manager`)),L(`executable`,n,`tool`,r(`executable`)),L(`unit-journal`,n,i?`tool`:`program`,r(`journal`)),L(`unit-status`,n,`program`,r(`show`)),L(`unit-file`,n,`program`,r(`file`)),L(`mounts`,n,`tool`,r(`holders`))]})}function Ri(e){return[L(`kernel-log`,``,`tool`,e.get(`kernel`)??``),{...L(`disk`,``,`tool`,e.get(`disk`)??``),keep:`head`},L(`mounts`,``,`program`,e.get(`mounts`)??``)]}async function zi(e,{targets:t,store:n,evidence:r}){let{change:i,failedUnits:a,exit:o,since:s,log:c,observation:l}=e,u=[...new Set(c.match(/(?<=^|[\s,])[A-Za-z0-9:_.\\@-]{1,250}\.mount(?=$|[\s,])/gm)??[])].slice(0,6),{evidence:d}=await Fi(t,i.address,{stage:`activation`,failure:void 0,exit:o,since:s,units:[...a,...u],log:c,atBase:`unknown`});r.set(i.address.host,d);let f=ge(d).find(e=>e.id===`mount-busy`),p=f?.remedy.kind===`stop-then-switch`?f.remedy.units:[];return{...Lt,failedUnits:a,holders:p.some(ye)?[]:p,needNewKernel:Vi(a,d,Hi(i.planned.to,l,n))}}const Bi=[/Module (\S{1,100}) not found in directory/,/Failed to find module '([^'\n]{1,100})'/,/unknown filesystem type '([^'\n]{1,100})'/];function Vi(e,t,n){return n.size===0?[]:e.filter(e=>t.items.filter(t=>t.subject===e&&(t.kind===`unit-journal`||t.kind===`unit-manager`)).some(e=>Bi.some(t=>n.has((t.exec(e.text)?.[1]??``).replaceAll(`-`,`_`)))))}function Hi(e,t,n){let r=n.resolve(`${e}/kernel-modules`);if(r===void 0||r===t.systems.booted?.kernelModules)return/* @__PURE__ */ new Set;let i=n.list(`${r}/lib/modules`).flatMap(e=>[`modules.dep`,`modules.builtin`].flatMap(t=>(n.read(`${r}/lib/modules/${e}/${t}`,16<<20)?.text??``).split(`
`).map(e=>e.replace(/:.*$/,``).replace(/^.*\//,``).replace(/\.ko.*$/,``).replaceAll(`-`,`_`))));return new Set(i.filter(e=>e!==``))}const Ui=String.raw`
unset IFS
LC_ALL=C TZ=UTC
export LC_ALL TZ
wanted=
if [ $# -gt 0 ]; then wanted=$1; fi
tab=$(printf '\t')
line='
'

have() { command -v "$1" >/dev/null 2>&1; }
# A dead file server, bus or login manager must not hold the rest.
limit() {
  if have timeout; then timeout 20 "$@"; else "$@"; fi </dev/null 2>/dev/null
}
# put_said NAME BYTES COMMAND ...: what a command says; no record where it cannot be run or says nothing.
put_said() {
  name=$1 most=$2
  shift 2
  have "$1" || return 0
  said=$(limit "$@" | head -c "$most") || :
  [ -z "$said" ] || put "$name" "$said"
}
put_readable() { if [ -r "$2" ]; then put_file "$1" "$2" "$3"; fi; }
put_end() {
  [ -e "$2" ] || return 0
  end=$(readlink -f "$2" 2>/dev/null) || return 0
  put "$1" "$end"
}

# ---- who this is
put_readable hostname /proc/sys/kernel/hostname 256
put_readable machine-id /etc/machine-id 256
put_readable boot-id /proc/sys/kernel/random/boot_id 256
put_said clock 64 date +%s
put_readable uptime /proc/uptime 256
if [ -e /etc/NIXOS ]; then put nixos yes; else put nixos no; fi

# ---- which systems
profiles=/nix/var/nix/profiles
put_end current /run/current-system
put_end booted /run/booted-system
put_end profile "$profiles/system"
if [ -L "$profiles/system" ]; then put_said profile-link 256 readlink "$profiles/system"; fi
put_parts() {
  [ -d "$2" ] || return 0
  for part in kernel initrd kernel-modules firmware systemd; do put_end "$1-$part" "$2/$part"; done
  for part in kernel-params init-interface-version switch-inhibitors reboot-triggers; do
    put_readable "$1-$part" "$2/$part" 65536
  done
}
put_parts current /run/current-system
put_parts booted /run/booted-system
put_parts profile "$profiles/system"

generations=$(limit find "$profiles" -maxdepth 1 -name 'system-*-link' -printf '%f\t%Ts\t%l\n' | sort -t - -k 2,2rn | head -n 500) || :
if [ -z "$generations" ]; then
  count=0
  for link in "$profiles"/system-*-link; do
    [ -L "$link" ] || continue
    count=$((count + 1))
    [ "$count" -le 200 ] || break
    end=$(readlink "$link" 2>/dev/null) || continue
    generations="$generations$link$tab$tab$end$line"
  done
fi
[ -z "$generations" ] || put generations "$generations"

# A specialisation is a system of its own: only the links of its parent tell its name.
count=0 found=
for link in "$profiles"/system/specialisation/* /run/booted-system/specialisation/* "$profiles"/system-*-link/specialisation/*; do
  [ -L "$link" ] || continue
  count=$((count + 1))
  [ "$count" -le 200 ] || break
  end=$(readlink -f "$link" 2>/dev/null) || continue
  found="$found$link$tab$end$line"
done
[ -z "$found" ] || put specialisations "$found"

# ---- what else is going on
# Shared, opened for reading: it neither makes the file nor lasts longer than the look.
lock=/run/nixos/switch-to-configuration.lock
if [ ! -e "$lock" ]; then
  put switch-lock free
elif have flock && [ -r "$lock" ]; then
  if (flock -n -s 9) 9<"$lock" 2>/dev/null; then put switch-lock free; else put switch-lock held; fi
fi
put_readable shutdown /run/systemd/shutdown/scheduled 1024
put_said system-state 256 systemctl is-system-running
put_said failed 65536 systemctl list-units --failed --plain --no-legend --no-pager --full

if have loginctl; then
  sessions=$(limit loginctl list-sessions --no-legend --no-pager | sed -n 's/^ *\([A-Za-z0-9_-][A-Za-z0-9_-]*\) .*/\1/p' | head -n 200) || :
  if limit loginctl list-sessions --no-legend --no-pager >/dev/null; then
    if [ -n "$sessions" ]; then
      # shellcheck disable=SC2086
      put_said sessions 131072 loginctl show-session --property=Id --property=Name --property=Class --property=State $sessions
    else
      put sessions ''
    fi
    own=$(sed -n 's|.*/session-\([A-Za-z0-9_]*\)\.scope.*|\1|p' /proc/self/cgroup 2>/dev/null | head -n 1) || :
    put own-session "$own"
  fi
fi

# ---- room
put_space() {
  if [ -e "$2" ]; then put_said "$1" 256 stat -f -c '%S %b %a %c %d' "$2"; fi
}
put_space space-store /nix/store
put_space space-boot /boot
put_space space-efi /efi
put_space space-boot-efi /boot/efi
put_space space-state /var/lib

# ---- kernel
put_readable kernel-release /proc/sys/kernel/osrelease 256
put_readable kernel-command-line /proc/cmdline 8192
put_readable modules /proc/modules 262144
if [ -n "$wanted" ]; then
  values=
  # A path that climbs would read what nobody asked for.
  while IFS= read -r key; do
    case $key in '' | /* | *..*) continue ;; esac
    [ -f "/proc/sys/$key" ] && [ -r "/proc/sys/$key" ] || continue
    # Not by "read": the kernel gives a shell that reads byte by byte the first byte only.
    value=$(head -c 4096 "/proc/sys/$key" 2>/dev/null) || continue
    value=$(printf '%s' "$value" | tr '\n' ' ') || continue
    values="$values$key$tab$value$line"
  done <<END
$wanted
END
  put sysctl "$values"
fi

# ---- mounts and devices
if [ -r /proc/1/mountinfo ]; then put_file mounts /proc/1/mountinfo 2097152; else put_readable mounts /proc/self/mountinfo 2097152; fi
put_readable swaps /proc/swaps 65536
count=0 devices=
for link in /dev/disk/by-uuid/* /dev/disk/by-label/* /dev/disk/by-partuuid/* /dev/disk/by-partlabel/* /dev/mapper/* /dev/disk/by-id/* /dev/*/*; do
  [ -L "$link" ] || continue
  case $link in /dev/char/* | /dev/block/* | /dev/fd/* | /dev/input/* | /dev/snd/* | /dev/bus/* | /dev/dri/* | /dev/serial/*) continue ;; esac
  count=$((count + 1))
  [ "$count" -le 400 ] || break
  end=$(readlink -f "$link" 2>/dev/null) || continue
  devices="$devices$link$tab$end$line"
done
[ -z "$devices" ] || put devices "$devices"

# ---- sockets: 0A listens (TCP), 07 is bound to no peer (UDP)
for protocol in tcp tcp6 udp udp6; do
  table=/proc/1/net/$protocol
  [ -r "$table" ] || table=/proc/net/$protocol
  [ -r "$table" ] || continue
  if have grep; then
    put "listening-$protocol" "$(grep -E '^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ 0+:0000 (0A|07) ' "$table" 2>/dev/null | head -c 262144)" || :
  else
    put_file "listening-$protocol" "$table" 262144
  fi
done

# ---- units and their processes
properties=Id,LoadState,ActiveState,SubState,Result,NeedDaemonReload,FragmentPath,MainPID,NRestarts,ExecMainStatus,ActiveEnterTimestamp
units=
if have systemctl; then
  # Devices, slices and scopes are many and promise nothing.
  set -- '*.service' '*.socket' '*.mount' '*.automount' '*.swap' '*.target' '*.timer' '*.path'
  units=$(limit systemctl show --no-pager --timestamp=unix --property="$properties" "$@" | head -c 4194304) || :
  [ -n "$units" ] || units=$(limit systemctl show --no-pager --property="$properties" "$@" | head -c 4194304) || :
fi
if [ -n "$units" ]; then
  put units "$units"
  pids=$(printf '%s\n' "$units" | sed -n 's/^MainPID=\([1-9][0-9]*\)$/\1/p' | head -n 600) || :
  executables= lines=
  for pid in $pids; do
    lines="$lines /proc/$pid/cmdline"
    end=$(readlink "/proc/$pid/exe" 2>/dev/null) || continue
    executables="$executables$pid$tab$end$line"
  done
  [ -z "$executables" ] || put executables "$executables"
  if [ -n "$lines" ] && have grep; then
    # shellcheck disable=SC2086
    named=$(grep -aosH '/nix/store/[0-9a-z]\{32\}-[A-Za-z0-9+._?=/-]*' $lines 2>/dev/null | sort -u | head -c 1048576) || :
    put command-lines "$named"
  fi
fi

# ---- sshd, asked with the file that the running one was given
if [ "$(id -u 2>/dev/null)" = 0 ] && have systemctl && have sed; then
  program= configuration=
  for unit in sshd.service ssh.service; do
    pid=$(limit systemctl show --property=MainPID "$unit" | sed -n 's/^MainPID=\([1-9][0-9]*\)$/\1/p') || :
    [ -n "$pid" ] || continue
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || :
    configuration=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 's/.* -f *\([^ ]*\).*/\1/p') || :
    break
  done
  if [ ! -x "$program" ]; then
    # Started by its socket, or replaced on disk: what systemd would start.
    start=$(limit systemctl show --property=ExecStart sshd.service sshd@.service ssh.service | grep -m 1 'path=.*sshd') || :
    program=$(printf '%s\n' "$start" | sed -n 's/.*path=\([^ ;]*\).*/\1/p') || :
    configuration=$(printf '%s\n' "$start" | sed -n 's/.*argv\[\]=[^;]* -f *\([^ ;]*\).*/\1/p') || :
  fi
  if [ -x "$program" ]; then
    if [ -r "$configuration" ]; then
      put_said sshd 65536 "$program" -T -f "$configuration"
    else
      put_said sshd 65536 "$program" -T
    fi
  fi
fi

# ---- the ledger: absent, unreadable and empty are three things
ledger=/var/lib/nixos-deploy-gate/ledger.jsonl
if [ ! -e "$ledger" ] && [ ! -L "$ledger" ]; then
  if [ -d /var/lib ] && [ -x /var/lib ] && { [ ! -e /var/lib/nixos-deploy-gate ] || [ -x /var/lib/nixos-deploy-gate ]; }; then
    put ledger-state absent
  else
    put ledger-state unreadable
  fi
elif [ -f "$ledger" ] && [ -r "$ledger" ] && lines=$(tail -c 1048576 "$ledger" 2>/dev/null); then
  put ledger "$lines"
  put ledger-state read
else
  put ledger-state unreadable
fi
put done yes
`;function Wi(e){let t=[];for(let n of e.split(`
`)){let e=n.split(` `),r=e.indexOf(`-`,6),[i,a,o]=e.slice(3),[s,c,l]=r===-1?[]:e.slice(r+1);if(i!==void 0&&a!==void 0&&o!==void 0&&s!==void 0&&c!==void 0&&l!==void 0&&(t.push({target:Gi(a),source:Gi(c),root:Gi(i),type:s,options:o.split(`,`),superOptions:l.split(`,`).map(Gi)}),t.length>=2e4))break}return t}function Gi(e){return e.replace(/\\([0-7]{3})/g,(e,t)=>String.fromCharCode(Number.parseInt(t,8)))}function Ki(e){return e.split(`
`).slice(1).map(e=>Gi(e.split(/\s/)[0]??``)).filter(e=>e!==``)}function qi(e,t,n){let r=/* @__PURE__ */ new Map;for(let e of t.split(`
`)){let t=/^(\d+)\t(.+)$/.exec(e);t!==null&&r.set(Number(t[1]),t[2]??``)}let i=/* @__PURE__ */ new Map;for(let e of n.split(`
`)){let t=/^\/proc\/(\d+)\/cmdline:(\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=/-]+)$/.exec(e);if(t===null)continue;let n=Number(t[1]),r=i.get(n)??/* @__PURE__ */ new Set;r.size<50&&r.add(t[2]??``),i.set(n,r)}let a=[];for(let t of e.split(/\n\n+/)){let e=Ji(t,r,i);if(e!==void 0&&a.push(e),a.length>=1e4)break}return a}function Ji(e,t,n){let r=/* @__PURE__ */ new Map;for(let t of e.split(`
`)){let e=t.indexOf(`=`);e>0&&r.set(t.slice(0,e),t.slice(e+1))}let i=r.get(`Id`),a=r.get(`ActiveState`);if(i===void 0||a===void 0||i===``||i.length>300)return;let o=Yi(r.get(`MainPID`));return{unit:i,loadState:r.get(`LoadState`)??``,activeState:a,subState:r.get(`SubState`)??``,result:r.get(`Result`)??``,needDaemonReload:r.get(`NeedDaemonReload`)===`yes`,fragmentPath:r.get(`FragmentPath`)??``,mainPid:o,executable:o===0?void 0:t.get(o),runs:o===0?[]:[...n.get(o)??[]],restarts:Yi(r.get(`NRestarts`)),execMainStatus:Yi(r.get(`ExecMainStatus`)),activeSince:Xi(r.get(`ActiveEnterTimestamp`)??``)}}const Yi=e=>e!==void 0&&/^\d{1,9}$/.test(e)?Number(e):0;function Xi(e){let t=/^@(\d{1,11})$/.exec(e);if(t!==null)return/* @__PURE__ */ new Date(Number(t[1])*1e3);let n=/^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(e);if(n===null)return;let r=/* @__PURE__ */ new Date(`${n[1]}T${n[2]}Z`);return Number.isNaN(r.getTime())?void 0:r}const Zi=/* @__PURE__ */ new Set([`activating`,`deactivating`,`reloading`,`refreshing`]),Qi=/^(?:nixos-deploy-gate-.*|nixos-rebuild-switch-to-configuration.*|nixos-cli-.*|clan-(?:switch|boot|test|dry-activate)-.*|comin-.*|cachix-deploy-.*|nixos-upgrade)\.service$/;function $i(e){return e.filter(e=>Qi.test(e.unit)).filter(e=>Zi.has(e.activeState)||e.activeState===`active`&&e.subState!==`exited`).map(e=>e.unit)}const ea={tcp:`0A`,udp:`07`};function ta(e,t){let n=/* @__PURE__ */ new Map;for(let r of e.split(`
`)){let e=/^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) 0+:0000 ([0-9A-F]{2})\b/.exec(r);if(e===null||e[3]!==ea[t])continue;let i=na(e[1]??``),a=Number.parseInt(e[2]??``,16);n.set(`${i} ${a}`,{protocol:t,address:i,port:a})}return[...n.values()]}function na(e){let t=(e.match(/.{8}/g)??[]).flatMap(e=>(e.match(/../g)??[]).map(e=>Number.parseInt(e,16)).reverse());if(t.length===4)return t.join(`.`);if(t.slice(0,10).every(e=>e===0)&&t[10]===255&&t[11]===255)return t.slice(12).join(`.`);let n=Array.from({length:8},(e,n)=>((t[n*2]??0)<<8|(t[n*2+1]??0)).toString(16));return new URL(`http://[${n.join(`:`)}]/`).hostname.slice(1,-1)}const ra=/^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}$/,ia=/^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}(?:\/[^\0]{1,1000})?$/;function aa(e){let t=/* @__PURE__ */ new Map;for(let n of e)t.has(n.name)||t.set(n.name,n.value);let n=e=>t.get(e)??``,r=e=>({ok:!1,problem:e});if(!t.has(`done`))return r(`it did not come to its end`);let i=n(`hostname`).trim();if(!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(i))return r(`it does not say its host name`);let a=n(`boot-id`).trim();if(!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(a))return r(`it does not say which boot it is in`);let o=da(n(`clock`).trim());if(o===void 0)return r(`it does not say its time`);let s=n(`machine-id`).trim();for(let e of[`current`,`profile`,`booted`]){let n=t.get(e);if(n!==void 0&&!ra.test(n))return r(`its ${e} system is not a path of the store`)}let c=qi(n(`units`),n(`executables`),n(`command-lines`)),l=Wi(n(`mounts`)),u=[`tcp`,`udp`].flatMap(e=>[...ta(n(`listening-${e}`),e),...ta(n(`listening-${e}6`),e)]),d=t.get(`current`),f=/^system-(\d{1,9})-link$/.exec(n(`profile-link`).trim())?.[1];return{ok:!0,value:{identity:{name:i,machineId:/^[0-9a-f]{32}$/.test(s)?s:void 0},bootId:a,at:o,uptimeSeconds:Number(/^\d{1,12}(?:\.\d+)?/.exec(n(`uptime`))?.[0]??0),isNixos:n(`nixos`)===`yes`,current:d,specialisation:fa(d,t),profile:t.get(`profile`),generation:f===void 0?void 0:Number(f),booted:t.get(`booted`),systems:{current:pa(t,`current`),profile:pa(t,`profile`),booted:pa(t,`booted`)},generations:ma(n(`generations`)),switchLock:n(`switch-lock`)===`free`?`free`:n(`switch-lock`)===`held`?`held`:`unknown`,activations:$i(c),scheduledShutdown:ha(n(`shutdown`)),systemState:/^[a-z-]{1,40}$/.exec(n(`system-state`).trim())?.[0]??`unknown`,failedUnits:t.has(`failed`)?oa(n(`failed`)).map(e=>e.replace(/^[●*] /,``).split(/\s/)[0]??``):c.filter(e=>e.activeState===`failed`).map(e=>e.unit),space:{store:ga(n(`space-store`)),boot:_a(t,l),state:ga(n(`space-state`))},kernel:{release:n(`kernel-release`).trim(),commandLine:n(`kernel-command-line`).trim(),modules:oa(n(`modules`)).map(e=>e.split(` `)[0]??``)},mounts:l,swaps:Ki(n(`swaps`)),devices:new Map(sa(n(`devices`))),listening:[...new Map(u.map(e=>[`${e.protocol} ${e.address} ${e.port}`,e])).values()],units:c,sysctl:new Map(sa(n(`sysctl`)).map(([e,t])=>[la(e),t.trim().replace(/\s+/g,` `)])),sshd:oa(n(`sshd`)).filter(e=>/^[a-z0-9]+(?: |$)/.test(e)),loggedIn:va(t.get(`sessions`),n(`own-session`)),...ya(t)}}}const oa=e=>e.split(`
`).filter(e=>e.length<=8192&&e.trim()!==``),sa=e=>oa(e).flatMap(e=>{let t=e.indexOf(`	`);return t<=0?[]:[[e.slice(0,t),e.slice(t+1)]]}),ca=e=>e.replace(/[./]/g,e=>e===`/`?`.`:`/`),la=ca;function ua(e){return/^[A-Za-z0-9_.:/@-]{1,200}$/.test(e)&&!/(^|[./])[./]|[./]$/.test(e)?ca(e):void 0}function da(e){return/^\d{1,11}$/.test(e)?/* @__PURE__ */ new Date(Number(e)*1e3):void 0}function fa(e,t){if(e===void 0||e===t.get(`profile`))return;let n=sa(t.get(`specialisations`)??``).find(([,t])=>t===e)?.[0];return n===void 0?void 0:/\/specialisation\/([A-Za-z0-9+._-]{1,64})$/.exec(n)?.[1]}function pa(e,t){if(!e.has(t))return;let n=n=>{let r=e.get(`${t}-${n}`);return r!==void 0&&ia.test(r)?r:void 0};return{kernel:n(`kernel`),initrd:n(`initrd`),kernelModules:n(`kernel-modules`),firmware:n(`firmware`),systemd:n(`systemd`),kernelParams:e.get(`${t}-kernel-params`)?.trim(),initInterfaceVersion:e.get(`${t}-init-interface-version`)?.trim(),switchInhibitors:e.get(`${t}-switch-inhibitors`),rebootTriggers:e.get(`${t}-reboot-triggers`)}}function ma(e){return oa(e).flatMap(e=>{let[t=``,n=``,r=``]=e.split(`	`),i=/(?:^|\/)system-(\d{1,9})-link$/.exec(t)?.[1];return i===void 0||!ra.test(r)?[]:[{number:Number(i),toplevel:r,at:da(n)}]}).sort((e,t)=>t.number-e.number)}function ha(e){let t=/^USEC=(\d{1,17})$/m.exec(e)?.[1];if(!(t===void 0||/^MODE=dry-/m.test(e)))return new Date(Math.floor(Number(t)/1e3))}function ga(e){let t=/^(\d{1,9}) (\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16})\s*$/.exec(e);if(t===null)return;let[n=0,r=0,i=0,a=0,o=0]=t.slice(1).map(Number);return{sizeBytes:n*r,freeBytes:n*i,freeInodes:a===0?void 0:o}}function _a(e,t){let n=new Set(t.map(e=>e.target)),r=[[`/boot`,`space-boot`],[`/efi`,`space-efi`],[`/boot/efi`,`space-boot-efi`]],[i,a]=r.find(([e])=>n.has(e))??r[0],o=ga(e.get(a)??``);return o===void 0?void 0:{...o,mountPoint:i}}function va(e,t){if(e===void 0)return;let n=/* @__PURE__ */ new Set;for(let r of e.split(/\n\n+/)){let e=e=>RegExp(`^${e}=(.*)$`,`m`).exec(r)?.[1]??``,i=e(`Name`);i!==``&&e(`Id`)!==t&&e(`State`)!==`closing`&&e(`Class`).startsWith(`user`)&&n.add(i)}return[...n].sort()}function ya(e){let t=e.get(`ledger`),n=e.get(`ledger-state`);if(n===`absent`)return{ledger:void 0,ledgerState:`absent`};if(n!==`read`||t===void 0)return{ledger:void 0,ledgerState:`unreadable`};let r=t.split(`
`);return Buffer.byteLength(t)>=1048575&&r.shift(),{ledger:r.filter(e=>e!==``).slice(-500),ledgerState:`read`}}function R(e,t,n){let{host:r,user:i}=e,o=ba(e),s=xa(e),c=n===``?void 0:n;switch(t){case`unreachable`:return a(`target-unreachable`,{host:r,at:o,next:`${s} true   # and: ${Sa(e)}`},c);case`host-key-unknown`:return a(`target-host-key-unknown`,{host:r,at:o,next:`${Sa(e)}   # compare with /etc/ssh/ssh_host_*_key.pub on its console, then put the line into "ssh-known-hosts" or deployGate.hosts."${r}".target.hostKeys`},c);case`host-key-changed`:return a(`target-host-key-changed`,{host:r,at:o,next:`${Sa(e)} | ssh-keygen -lf -   # compare with ssh-keygen -lf on its console before you correct anything`},c);case`access-refused`:return a(`target-access-refused`,{host:r,at:o,next:`${s} true   # with the deploy key; its public half belongs into users.users.${i}.openssh.authorizedKeys.keys of ${r}`},c);case`sudo-refused`:return a(`target-sudo-refused`,{host:r,user:i,next:`${s} sudo -n true   # until that is silent; in NixOS: security.sudo.extraRules with NOPASSWD for ${i}`},c);case`jump-failed`:{let t=e.jump[0]??``,n=e.jump.join(`, `);return a(`target-jump-failed`,{host:r,jump:n,next:`${Ca(t,e,[])} true   # its host key has to be in "ssh-known-hosts" too`},c)}case`not-understood`:return a(`target-not-understood`,{host:r,at:o,next:`${s} 'echo works'   # prints "works" and nothing else where all is well`},c);case`lost`:return a(`target-lost`,{host:r,at:o,next:`${s} 'uptime; journalctl -b -u sshd -n 20'   # then run the gate again: it goes on from what the host is`},c);case`timed-out`:return a(`target-timed-out`,{host:r,at:o,next:`${s} 'uptime; systemctl list-jobs'`},c);case`no-ssh`:return a(`ssh-unusable`,{},c)}}function ba({user:e,hostname:t,port:n}){return`${e}@${t.includes(`:`)&&n!==22?`[${t}]`:t}${n===22?``:`:${n}`}`}function xa(e){return[`ssh`,...e.jump.length===0?[]:[`-J`,e.jump.map(t=>wa(t,e)).join(`,`)],...e.port===22?[]:[`-p`,String(e.port)],`${e.user}@${e.hostname}`].join(` `)}function Sa(e){let t=[`ssh-keyscan`,...e.port===22?[]:[`-p`,String(e.port)],e.hostname].join(` `),n=e.jump.at(-1);return n===void 0?t:`${Ca(n,e,e.jump.slice(0,-1))} ${t}`}function Ca(e,t,n){let[r=``,i]=wa(e,t).split(`:`);return[`ssh`,...n.length===0?[]:[`-J`,n.map(e=>wa(e,t)).join(`,`)],...i===void 0?[]:[`-p`,i],r].join(` `)}const wa=(e,t)=>e.includes(`@`)?e:`${t.user}@${e}`;async function Ta(e,t,n={}){let r=(n.sysctl??[]).flatMap(e=>ua(e)??[]).slice(0,500),i=await e.run({address:t,program:Ui,arguments:[r.join(`
`)],connection:n.connection??`shared`,timeoutSeconds:n.timeoutSeconds??120,maxBytes:16777216});if(!i.ok)return{ok:!1,trouble:i.trouble,failure:R(t,i.trouble,i.detail)};let o=aa(i.records);return o.ok?{ok:!0,observation:o.value}:{ok:!1,trouble:`not-understood`,failure:a(`observation-unreadable`,{host:t.host,problem:o.problem},i.stderr)}}async function Ea(e,{targets:t},n=`shared`,r=[]){let i=await Ta(t,e.address,{connection:n,sysctl:r});return i.ok?{kind:`observed`,observation:i.observation}:{kind:`silent`,trouble:i.trouble,detail:i.failure.detail??i.failure.message}}async function Da(e,t,n,{baseline:r,log:i,id:a,nonce:o,begunAgo:s},c){let{targets:l,probe:u,pause:d}=c,{signal:f}=c.finishing,{address:p}=e,m,h=!1,g=c.clock.now().getTime(),_;for(;;){let v=await Ea(e,c,`new`),y=(c.clock.now().getTime()-g)/1e3<c.apply.confirmSeconds/2;if(v.kind===`silent`&&y){await d(3);continue}let b=v.kind===`silent`?[]:await jt(e.checks,{targets:l,address:p,probe:u,wait:d,signal:f}),x=/failed to run activate script/i.test(i),S=v.kind===`observed`?v.observation.failedUnits.filter(e=>!r.failedUnits.includes(e)):[];if(_===void 0&&v.kind===`observed`&&(S.length>0||n.exit===4)){let{observation:t}=v;_=await zi({change:e,observation:t,failedUnits:S,exit:n.exit,since:t.at.getTime()/1e3-s,log:i},c)}let C={..._??Lt,failedUnits:S},w={trouble:Oa(n.exit,x,v,S),evidence:C};if(C.holders.length>0&&e.reversible&&t.strategy!==`stop-then-switch`){let e=await Ci(l,p,a,o),t=[`A file system could not be unmounted: ${C.holders.join(`, `)} held it.`];return{kind:e.kind===`said`?`told`:`silent`,judged:w,evidence:C,reasons:t}}let T=Di({exit:n.exit,scriptFailed:x,look:v,from:t.from.current,activate:t.activate,baseline:r,checks:b,waitForReboot:e.planned.mode===`switch-then-reboot`?C.needNewKernel:[],restarted:h,reversible:e.reversible,soakSeconds:c.apply.soakSeconds,earlier:m});switch(T.kind){case`look-again`:await d(T.afterSeconds),m=v.kind===`observed`?v.observation:void 0;break;case`restart`:await Pi(l,p,T.units),h=!0;break;case`confirm`:return{kind:(await Si(l,p,a,o)).kind===`said`?`told`:`silent`,judged:void 0,evidence:C,reasons:T.reasons};case`return`:return{kind:(await Ci(l,p,a,o)).kind===`said`?`told`:`silent`,judged:w,evidence:C,reasons:T.reasons};case`stay`:case`leave`:return{kind:`silent`,judged:w,evidence:C,reasons:T.reasons}}}}function Oa(e,t,n,r){return e===void 0?`timed-out`:e===2||t?`script-failed`:n.kind===`silent`?`unreachable`:r.length>0?`units-failed`:`not-confirmed`}async function ka(e,t,n,r){let{targets:i,clock:a,pause:o}=r,{address:s}=e,c=r.random(),l=Aa(e,t,r),{id:u}=l.attempt,d=async(e,t)=>await fi(i,s,u,{until:e,timeoutSeconds:t,clock:a,pause:o}),{limits:f}=l,p=a.now().getTime(),m=await _i(i,s,l,c),h=t.strategy===`rollback`?`new`:`old`,g=(e,n,r=h)=>({id:u,ended:{strategy:t.strategy,trouble:e,standing:r,evidence:Lt},phase:void 0,log:``,reasons:[n],handedOver:!1});if(m.kind===`busy`)return g(`lock-held`,`Another activation${m.by===void 0?``:` (${m.by})`} has not ended on the host.`);if(m.kind===`failed`)return g(`not-begun`,`The supervisor could not be started: ${m.detail.slice(0,500)}`);if(m.kind===`lost`&&e.carries)return{...g(`unreachable`,`The connection ended when the activation began.`,`unknown`),handedOver:!0};let _=t.operation===`boot`?f.loaderSeconds:f.activationSeconds,v=await d(t.operation===`boot`||e.carries?`ended`:`waiting`,_+60+(e.carries?f.confirmSeconds+f.loaderSeconds:0)),y,b=[],x=Lt,S=v.kind===`phase`?v.log:``;if(v.kind===`phase`&&v.phase.phase===`waiting`){let i=await Da(e,t,v.phase,{baseline:n,log:S,id:u,nonce:c,begunAgo:(a.now().getTime()-p)/1e3+5},r);({judged:y,reasons:b,evidence:x}=i),v=await d(`ended`,(i.kind===`silent`?f.confirmSeconds:0)+f.loaderSeconds+f.activationSeconds+60),v.kind===`phase`&&v.log.length>=S.length&&(S=v.log)}if(v.kind===`lost`&&e.carries)return{...g(`unreachable`,`The host confirms itself; the next run reads in its ledger what became of it.`,`unknown`),handedOver:!0};if(v.kind===`phase`&&v.phase.phase===`ended`){let{phase:e}=v,n=bi(e),r=e.outcome===`rolled-back`||e.outcome===`left-unconfirmed`?y:void 0;return{id:u,ended:{strategy:t.strategy,trouble:r?.trouble??n,standing:Ma(e.outcome,t.strategy),evidence:r?.evidence??x},phase:e,log:S,reasons:e.outcome===`deployed`&&b.length>0?b:[...b,`The host ended it as ${e.outcome} (${e.reason}).`],handedOver:!1}}let C=await Ea(e,r),w=C.kind===`observed`?C.observation.current:void 0,T=C.kind===`silent`||w===void 0?`unknown`:w===t.activate?`new`:w===t.from.current?`old`:`other`,E=t.strategy===`rollback`?ja[T]??T:T;return{...g(C.kind===`silent`?`unreachable`:v.kind===`gone`?`killed`:`timed-out`,v.kind===`gone`?`The supervisor is gone and left no result: the host lost power, or it was killed.`:v.kind===`lost`?`The host could not be followed: ${v.detail.slice(0,300)}`:`The supervisor did not come to an end in time.`,E),log:S}}function Aa(e,t,{apply:n,random:r}){let{planned:i,address:a}=e,o=Math.max(0,...e.checks.map(wt)),s=t.strategy===`rollback`;return{attempt:{id:`${t.operation}-${r().slice(0,20)}`,host:e.host,...e.repository===void 0?{}:{repository:e.repository},...i.revision===void 0||s?{}:{revision:i.revision},...i.approval===void 0||s?{}:{digest:i.approval.digest,approvedBy:i.approval.by.slice(0,100)},operation:s?`rollback`:t.operation,from:t.from,to:t.to},operation:t.operation,from:t.from,to:t.to,activate:t.activate,limits:{activationSeconds:n.activationSeconds,confirmSeconds:n.confirmSeconds+n.soakSeconds+2*o,loaderSeconds:n.loaderSeconds},confirmation:e.carries?{by:`self`,program:vt,arguments:xt(e.checks),sshPort:a.port}:{by:`gate`},reversible:e.reversible,stopFirst:t.stopFirst}}const ja={old:`new`,new:`old`};function Ma(e,t){let n=Na(e);return t===`rollback`?ja[n]??n:n}const Na=e=>{switch(e){case`deployed`:case`live-but-old-boots`:case`left-unconfirmed`:return`new`;case`staged`:case`refused`:case`rolled-back`:return`old`;case`superseded`:return`other`;case`rollback-failed`:return`unknown`}},Pa=/* @__PURE__ */ new Set([`failed`,`rolled-back`,`live-but-old-boots`,`left-unconfirmed`]),Fa=e=>Pa.has(e),Ia=e=>e.findLast(e=>e.ended.strategy!==`rollback`)??e.at(-1);async function La({change:e,stage:t,failure:n,since:r,attempt:i,answers:a},o){let{host:s,address:c}=e;if(o.evidence.has(s))return;if(!a)return Ra(e.host,i,o);let{evidence:l}=await Fi(o.targets,c,{stage:t,failure:n,exit:i?.phase?.exit,since:r===void 0?void 0:r.getTime()/1e3-1,units:i?.ended.evidence.failedUnits??[],log:i?.log,atBase:`unknown`});o.evidence.set(s,l)}function Ra(e,t,{evidence:n}){t===void 0||t.ended.trouble===void 0||n.has(e)||n.set(e,ue({stage:`activation`,host:e,failure:void 0,exit:t.phase?.exit,since:void 0,derivation:void 0,units:[],atBase:`unknown`,items:[{kind:`activation-log`,subject:``,origin:`program`,text:t.log,keep:`tail`},{kind:`message`,subject:``,origin:`program`,text:t.reasons.join(`
`),keep:`head`}]}))}function za(e){let{address:t,said:n,result:r}=e,{host:i,user:o}=t,s=xa(t),c=/'(\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211})'/.exec(n)?.[1]??e.path;if(/No space left on device|database or disk is full|Disk quota exceeded|not enough (?:free )?(?:disk )?space/i.test(n))return a(`copy-no-space`,{host:i,login:s},n);if(Ba.test(n))return a(`copy-unsigned`,{host:i,user:o,path:c,checked:e.checkSignatures},n);if(/^(?:sudo: |.*is not in the sudoers file)/m.test(n)&&t.sudo)return R(t,`sudo-refused`,n);let l=Va.exec(n);return l===null?/hash mismatch (?:importing|in) (?:path|NAR)|NAR hash mismatch|has been corrupted|was modified!|is corrupt/.test(n)?a(`copy-corrupt`,{host:i,path:c},n):/cannot connect to (?:socket|daemon) at/.test(n)?a(`copy-daemon`,{host:i,login:s},n):/path '[^']*' (?:is not valid|does not exist and cannot be created)|does not exist in (?:the|binary) (?:store|cache)|no substituter that can build|don't know how to build/.test(n)?a(`copy-path-missing`,{host:i,path:c},n):r.timedOut?a(`copy-timed-out`,{host:i,seconds:e.timeoutSeconds},n):r.trouble===void 0?a(`copy-failed`,{host:i,url:`${e.store}://${o}@${t.hostname}`,path:c,exitCode:r.exitCode},n):R(t,r.trouble,r.detail??n):a(`copy-no-nix`,{host:i,program:l[0].includes(`nix-store`)?`nix-store`:`nix-daemon`,login:s},n)}const Ba=/lacks a (?:valid signature|signature by a trusted key)|you are not (?:privileged|allowed) to|not a trusted user.*(?:import|signature)/,Va=/nix-(?:daemon|store)['"]?: (?:command )?not found|(?:command not found|[Uu]nknown command|no such (?:file|command))[^\n]*nix-(?:daemon|store)|nix-(?:daemon|store)['"]?:? (?:No such file|not found)/i;function Ha(e){return e.trouble===`lost`||e.trouble===`unreachable`}var Ua=class{#e=/* @__PURE__ */ new Map;#t=/* @__PURE__ */ new Set;#n={paths:{done:0,total:0},bytes:{done:0,total:0}};#r=0;#i=0;get state(){return this.#n}add(e){if(e.kind===`text`)return;let{action:t,id:n,type:r}=e.event,i=e.event.fields,a=Array.isArray(i)?i:[];if(typeof n==`number`){if(t===`start`&&r===100)this.#e.set(n,0);else if(t===`start`&&r===103)return this.#a(n,e.event.text);else if(t===`stop`&&this.#e.has(n))return this.#o(n);else if(t===`result`&&r===105&&this.#e.has(n))return this.#c(n,Wa(a[0]));else if(t===`result`&&r===105&&this.#t.has(n))return this.#s(Wa(a[0]),Wa(a[1]));else if(t===`result`&&r===106&&this.#t.has(n)&&a[0]===100)return this.#l({...this.#n,bytes:{...this.#n.bytes,total:Wa(a[1])}})}}#a(e,t){this.#t.add(e);let n=typeof t==`string`?/^copying (\d{1,9}) paths/.exec(t)?.[1]:void 0;return n===void 0?void 0:this.#s(0,Number(n))}#o(e){return this.#r+=this.#e.get(e)??0,this.#e.delete(e),this.#i++,this.#s(this.#i,0)}#s(e,t){let{paths:n}=this.#n;return this.#l({...this.#n,paths:{done:Math.max(n.done,e),total:Math.max(n.total,t,e)}})}#c(e,t){this.#e.set(e,t);let n=this.#r+[...this.#e.values()].reduce((e,t)=>e+t,0);return this.#l({...this.#n,bytes:{done:n,total:Math.max(this.#n.bytes.total,n)}})}#l(e){return this.#n=e,e}};const Wa=e=>typeof e==`number`&&e>=0?e:0,Ga=4e3;async function Ka(e){let{policy:t,address:n}=e,r=await Ja(e);if(r!==void 0)return{ok:!1,tries:0,failure:r};for(let r=1;;r++){let i=new Ua,a=new Ya,o=await e.targets.copyTo({address:n,paths:e.paths,store:t.store,substituteOnDestination:t.substituteOnDestination,checkSignatures:t.checkSignatures,timeoutSeconds:t.timeoutSeconds,onLog:t=>{a.add(t);let n=i.add(t);n!==void 0&&e.onProgress?.(n)}});if(qa(o))return{ok:!0,tries:r,state:i.state};if(r<2&&Ha(o))continue;let{store:s,checkSignatures:c,timeoutSeconds:l}=t,u={address:n,store:s,checkSignatures:c,timeoutSeconds:l,path:e.paths[0],result:o,said:a.text()};return{ok:!1,tries:r,failure:za(u)}}}const qa=e=>e.exitCode===0&&!e.timedOut;async function Ja({nix:e,policy:t,paths:n}){if(t.signingKeyFile===void 0)return;let r=await e.run({arguments:[`store`,`sign`,`--recursive`,`--key-file`,t.signingKeyFile,`--`,...n],trust:`deploy-branch`,timeoutSeconds:600});if(!qa(r))return a(`copy-signing-failed`,{file:t.signingKeyFile},fe(O(r.stderr).trim(),Ga))}var Ya=class{#e=[];add(e){let t=de(e)?.text??(e.kind===`text`?O(e.text):void 0);t!==void 0&&t.trim()!==``&&(this.#e.push(fe(t,Ga)),this.#e.length>50&&this.#e.splice(25,1))}text(){return fe(this.#e.join(`
`),Ga)}};const Xa={"would stop the following units":`stop`,"would NOT stop the following changed units":`skip`,"would NOT restart the following changed units":`skip`,"would reload the following units":`reload`,"would restart the following units":`restart`,"would start the following units":`start`},Za=/^[A-Za-z0-9:_.\\@-]{1,255}$/;function Qa(e){let t={stop:/* @__PURE__ */ new Set,skip:/* @__PURE__ */ new Set,reload:/* @__PURE__ */ new Set,restart:/* @__PURE__ */ new Set,start:/* @__PURE__ */ new Set},n=/* @__PURE__ */ new Set,r=[],[i,a]=[!1,!1];for(let o of e.split(`
`).map(e=>e.trimEnd())){if(!o.startsWith(`would `))continue;let[,e=``,s=``]=/^([^:]*?)(?:: (.*))?$/s.exec(o)??[],c=Object.hasOwn(Xa,e)?Xa[e]:void 0;if(c!==void 0&&s!==``)for(let e of s.split(`, `))Za.test(e)&&t[c].size<5e3?t[c].add(e):r.length<50&&r.push(o.slice(0,500));else e===`would stop swap device`&&s!==``?n.add(s.slice(0,500)):o===`would activate the configuration...`?a=!0:o===`would restart systemd`?i=!0:r.length<50&&r.push(o.slice(0,500))}let o=e=>[...e].sort();return{stop:o(t.stop),skip:o(t.skip),reload:o(t.reload),restart:o(t.restart),start:o(t.start),stopSwap:o(n),reexecuteSystemd:i,complete:a,other:[...new Set(r)]}}const z={inhibitor:/changes to critical components|Pre-switch check 'switchInhibitors' failed/i,check:/pre-switch check/i,activate:/Failed to run activate script/,lock:/Could not (?:acquire|open) lock/,notNixos:/This is not a NixOS installation/,began:/^(?:stopping the following units|stopping swap device|activating the configuration)/m};function $a(e){let{action:t,exit:n,log:r}=e,i=t===`switch`||t===`test`;if(e.limit===!0)return B(`time-limit`,i?`part-of-running-system`:t===`boot`?`boot-default`:`nothing`,{sentence:`It did not end within its limit and was ended; a unit that does not stop or start holds it up without any limit of its own.`,next:`systemctl list-jobs   # on the host, to see which unit it waits for`});if(n===void 0||n===255)return B(`unknown`,`unknown`,{sentence:`How it ended is not known: the connection or the program was cut off, and it may have done all, part or nothing.`,next:`readlink /run/current-system   # on the host; nothing is decided before that is read`});if(n!==0&&z.lock.test(r)&&!z.began.test(r))return B(`lock-held`,`nothing`,{sentence:`Another switch-to-configuration holds the lock of the host; nothing was changed.`,next:`fuser -v /run/nixos/switch-to-configuration.lock   # on the host; run the gate again when that has ended`});if(n!==0&&z.notNixos.test(r))return B(`not-nixos`,`nothing`,{sentence:`The host says that it is not NixOS; nothing was changed.`,next:`ls -l /etc/NIXOS; cat /etc/os-release   # on the host`});switch(n){case 0:return B(`done`,eo[t],{sentence:`${t} ended well.`,next:`Look whether it took effect.`});case 2:if(i)return to();break;case 4:if(!i)break;return z.activate.test(r)?to():B(`units-failed`,`running-system`,{sentence:`The new system is active, and at least one unit failed; it may have been failing before.`,next:`systemctl --failed   # on the host; compare with the units that had failed before`});case 11:if(z.began.test(r))break;return B(`lock-held`,`nothing`,{sentence:`Another switch-to-configuration holds the lock of the host; nothing was changed.`,next:`fuser -v /run/nixos/switch-to-configuration.lock   # on the host; run the gate again when that has ended`});case 100:if(t===`boot`||t===`dry-activate`)break;return B(`init-interface`,t===`switch`?`boot-default`:`nothing`,{sentence:t===`switch`?`The init of the new system does not fit the running one: the boot default is set, and what runs is as it was.`:`The init of the new system does not fit the running one; nothing was changed.`,next:t===`switch`?`Reboot within the next window.`:`Set it as the boot default and reboot within the next window.`});case 1:return no(e)}return ro(e)}const eo={switch:`running-system`,test:`running-system`,boot:`boot-default`,"dry-activate":`nothing`};function B(e,t,n){return{kind:e,changed:t,...n}}function to(){return B(`activation-script-failed`,`part-of-running-system`,{sentence:`The activation script failed, and the switch went on after it: users, secrets or files in /etc may be half made.`,next:`Read above which activation snippet failed; go back unless it is known to be harmless.`})}function no({action:e,log:t,moved:n}){let r=z.began.test(t)||n===!0;return!r&&z.inhibitor.test(t)?B(`inhibited`,`nothing`,{sentence:`A critical component differs that cannot change under a running system, so the switch was refused; nothing was changed.`,next:`Set it as the boot default and reboot within the next window.`}):!r&&z.check.test(t)?B(`pre-switch-check-failed`,`nothing`,{sentence:`A pre-switch check of the new system refused it; nothing was changed.`,next:`Read above what the check says; correct the configuration, or the host.`}):e===`boot`||e===`switch`&&!r?B(`boot-loader-failed`,`boot-default`,{sentence:`The boot loader could not be installed: /boot may be half written, and what runs is as it was.`,next:`df -h /boot   # on the host; then switch-to-configuration boot of the system that shall boot`}):ro({action:e,exit:1,log:t,moved:n})}function ro({action:e,exit:t,log:n,moved:r}){let i=`${e} ended with exit code ${t}`;if(e===`dry-activate`)return B(`failed-unchanged`,`nothing`,{sentence:`${i}; nothing was changed, and what it would have done is not known.`,next:`Read above what it says.`});if(e===`boot`)return B(`boot-loader-failed`,`boot-default`,{sentence:`${i}: the boot loader may be half installed, and what runs is as it was.`,next:`df -h /boot   # on the host; then switch-to-configuration boot of the system that shall boot`});let a=z.began.test(n);return r===!1&&!a?B(`failed-unchanged`,`nothing`,{sentence:`${i} before it began to change anything.`,next:`Read above what it says.`}):r===void 0&&!a?B(`failed-changed`,`unknown`,{sentence:`${i}; whether it had begun to change anything is not known.`,next:`readlink /run/current-system   # on the host`}):B(`failed-changed`,r===!0?`running-system`:`part-of-running-system`,{sentence:`${i} in the middle: units may be stopped and not started again.`,next:`Go back to the recorded system, or run the same switch once more.`})}async function io(e,t,n,r=120){let i=async i=>await e.run({address:t,program:`
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
program=$1/bin/switch-to-configuration seconds=$2
[ -x "$program" ] || { put missing yes; exit 0; }
if [ "$3" = no-checks ]; then export NIXOS_NO_CHECK=1; fi
dry() { timeout -k 10 "$seconds" "$program" dry-activate </dev/null 2>&1; }
put_output said 262144 dry || :
`,arguments:[n,String(r),i],connection:`shared`,timeoutSeconds:r+45,maxBytes:2<<20}),o=await i(`checks`);if(!o.ok)return{ok:!1,failure:R(t,o.trouble,o.detail)};if(P(o.records,`missing`)!==void 0)return{ok:!1,failure:a(`dry-activate-failed`,{host:t.host,toplevel:n,problem:`the toplevel is not on the host`})};let s=O(P(o.records,`said`)??``),c=ao(P(o.records,`said.exit`)),l=Qa(s);if(c===0&&l.complete)return{ok:!0,activation:l,refusal:void 0,text:s};let u=$a({action:`dry-activate`,exit:c,limit:c===124,log:s,moved:!1});if(u.kind!==`inhibited`&&u.kind!==`pre-switch-check-failed`)return oo(t,n,u,s);let d=await i(`no-checks`);if(!d.ok)return{ok:!1,failure:R(t,d.trouble,d.detail)};let f=O(P(d.records,`said`)??``),p=Qa(f);return ao(P(d.records,`said.exit`))!==0||!p.complete?oo(t,n,u,f):{ok:!0,activation:p,refusal:u,text:`${s}\n${f}`}}const ao=e=>e!==void 0&&/^[0-9]{1,3}$/.test(e)?Number(e):void 0;function oo(e,t,n,r){let i=n.sentence.replace(/\.$/,``);return{ok:!1,failure:a(`dry-activate-failed`,{host:e.host,toplevel:t,problem:i},r.slice(-4e3))}}function so(e,t){let{host:n,hostname:r,identity:i}=e,o=t.identity,s=`hosts.${JSON.stringify(n)}.target`;if(o.name!==i.name){let e=`${s}.name = ${JSON.stringify(o.name)};`;return a(`wrong-host`,{host:n,hostname:r,what:`host name`,expected:i.name,found:o.name,line:e})}if(i.machineId!==void 0&&o.machineId!==i.machineId){let e=o.machineId??`unknown`,t=`${s}.machineId = ${o.machineId===void 0?`ITS-MACHINE-ID`:JSON.stringify(o.machineId)};`;return a(`wrong-host`,{host:n,hostname:r,what:`machine id`,expected:i.machineId,found:e,line:t})}let c=t.isNixos?t.current===void 0?`/run/current-system`:void 0:`/etc/NIXOS`;return c===void 0?void 0:a(`not-nixos`,{host:n,hostname:r,lacks:c})}const V=e=>({outcome:`passed`,sentence:e}),H=(e,t)=>({outcome:`failed`,sentence:e,...t===void 0?{}:{next:t}}),U=(e,t)=>({outcome:`inconclusive`,sentence:e,...t===void 0?{}:{next:t}});function co(e){let t=new Map(e.flatMap(e=>e.event===`ended`?[[e.id,e]]:[]));return e.flatMap(e=>{if(e.event!==`started`)return[];let n=t.get(e.attempt.id),r=n===void 0?void 0:{outcome:n.outcome,reason:n.reason,at:n.at};return[{attempt:e.attempt,bootId:e.bootId,at:e.at,ended:r}]})}const lo=/* @__PURE__ */ new Set([`deployed`,`staged`,`live-but-old-boots`,`left-unconfirmed`]),uo=e=>({outcome:`error`,sentence:`The host's ledger cannot be read, so ${e} cannot be shown.`,next:`nixos-deploy-gate status   # and on the host: tail /var/lib/nixos-deploy-gate/ledger.jsonl`});function fo(e){return co(e).findLast(({attempt:e,ended:t})=>e.operation!==`reboot`&&t!==void 0&&lo.has(t.outcome))?.attempt}function po(e,t,n,r){if(e===`unreadable`)return uo(`whether this revision is newer than what was applied last`);let i=fo(N(e));if(i===void 0)return r?V(`No gate has applied anything on this host before.`):U(`No gate has applied anything on this host before, and it does not run what was planned for.`);if(i.operation===`rollback`&&i.revision===void 0)return V(`What was applied last was a rollback, which has no revision to be compared with.`);if(i.revision===void 0||t===void 0)return U(`The revision of ${t===void 0?`what is to be applied`:`what was applied last`} is not known, so their order cannot be shown.`);let a=e=>e.slice(0,9);if(i.revision===t)return V(`The revision ${a(t)} was applied last, too.`);let o=n(i.revision,t);if(o===!0)return V(`The revision ${a(t)} follows on ${a(i.revision)}, which was applied last.`);let s=n(t,i.revision),c=`git log --graph --oneline `+a(i.revision)+` `+a(t);return s===!0?H(`The revision ${a(t)} is older than ${a(i.revision)}, which was applied last.`,`nixos-deploy-gate rollback HOST   # if going back is what you want`):o===`unknown`||s===`unknown`?U(`Whether ${a(t)} follows on ${a(i.revision)}, which was applied last, cannot be told: the history is not all here.`,`git fetch --unshallow`):H(`The revision ${a(t)} does not follow on ${a(i.revision)}, which was applied last: history was rewritten, or another branch was applied.`,c)}function mo(e,t,n,r){if(e===`unreadable`)return uo(`how often this system was tried`);let i,a=0,o=0,s=0,c;for(let n of co(N(e))){let{attempt:e,ended:r}=n;if(e.operation!==`reboot`){if(e.to!==t)e.operation===`rollback`&&r?.outcome===`deployed`&&(e.from.current===t||e.from.profile===t)&&(i=`A person went back from it (attempt ${e.id}).`);else if(c=n,r===void 0)a+=1;else switch(r.outcome){case`deployed`:case`staged`:[i,a,o,s]=[void 0,0,0,0];break;case`rolled-back`:if(r.reason.startsWith(`not-confirmed`)&&(s+=1),s===1&&r.reason.startsWith(`not-confirmed`))break;i=`It was tried and taken back (attempt ${e.id}: ${r.reason}).`;break;case`rollback-failed`:i=`It was tried and could not be taken back (attempt ${e.id}: ${r.reason}).`;break;case`left-unconfirmed`:i=`It was left running unconfirmed (attempt ${e.id}: ${r.reason}).`;break;case`live-but-old-boots`:o+=1,o>1&&(i=`Twice the boot loader could not be set for it (attempt ${e.id}: ${r.reason}).`)}}}if(a>1&&(i??=`It was tried ${a} times and no attempt came to its end.`),i!==void 0)return r?V(`${i} A person has approved another try since.`):H(`${i} It is not tried again by itself.`,`nixos-deploy-gate deploy --despite attempts   # or push a commit that corrects it`);if(s===1&&c!==void 0)return V(`The attempt ${c.attempt.id} at it was not confirmed in time, by whatever fault; it is tried once more.`);if(a===1&&c!==void 0){let e=c.bootId===n?`broke off without a result`:`was cut off by a reboot or a loss of power`;return V(`The attempt ${c.attempt.id} at it ${e}; it is tried once more.`)}return V(c===void 0?`It was not tried here before.`:`Nothing that became of it before speaks against it.`)}function ho(e,t){if(t===void 0)return V(`It needs no approval.`);if(e===`unreadable`)return uo(`whether the approval was used before`);for(let n of N(e)){if(n.event===`rejected`&&n.digest===t.digest)return H(`This very change was rejected by ${n.by}.`,`Push a commit that settles it.`);if(n.event===`started`&&n.attempt.digest===t.digest)return H(`The approval of ${t.by} was used before, by attempt ${n.attempt.id}.`,`Run the gate again and approve what it then shows.`)}return V(`${t.by} approved it, and nothing has used the approval before.`)}const go=(e,t)=>t.current!==void 0&&t.profile!==void 0&&(t.current!==e.from.current||t.profile!==e.from.profile);function _o(e,t){let{from:n}=e;if(t.current===void 0||t.profile===void 0)return U(`What it runs and boots cannot be told.`,`readlink -f /run/current-system /nix/var/nix/profiles/system`);if(n.current===void 0||n.profile===void 0)return U(`What it ran when the change was judged is not known.`);let r=`nixos-deploy-gate deploy --dry-run   # the next run compares with what it runs now`;return t.current===n.current?t.profile===n.profile?V(`It runs and boots what the change was judged against.`):H(`It boots ${t.profile} now; the change was judged while it booted ${n.profile}.`,r):H(`It runs ${t.current} now; the change was judged against ${n.current}.`,r)}function vo(e,t){let n=e.from.specialisation;return t.specialisation===n?n===void 0?e.activate===void 0?{outcome:`error`,sentence:`What is to be activated is not known.`}:V(`It is in no specialisation.`):e.activate===void 0||e.activate===e.to?H(`It is in the specialisation ${n}, which the new system does not have.`,`ls ${e.to}/specialisation`):V(`It is in the specialisation ${n}, and the new system has one of that name.`):H(`It is in ${yo(t.specialisation)}; the change was judged for ${yo(n)}.`)}const yo=e=>e===void 0?`no specialisation`:`the specialisation ${e}`;function bo(e){let{activations:t,switchLock:n,systemState:r}=e;return t.length>0?H(`Another activation runs: ${t.slice(0,5).join(`, `)}.`,`systemctl status '${t[0]??``}'`):n===`held`?H(`Something holds the lock of switch-to-configuration.`,`fuser -v /run/nixos/switch-to-configuration.lock`):n===`unknown`?U(`Whether something holds the lock of switch-to-configuration cannot be told.`):r===`maintenance`?H(`The host is in its rescue or emergency mode.`,`systemctl --failed`):V(`No other activation runs.`)}function xo(e){return e.systemState===`stopping`?H(`The host is shutting down.`):e.scheduledShutdown===void 0?V(`No shutdown is scheduled.`):H(`A shutdown is scheduled for ${e.scheduledShutdown.toISOString()}, by the host's own clock.`,`shutdown -c   # if it is not wanted`)}function So(e){if(e.length===0)return`No unit had failed before.`;let t=e.slice(0,5).join(`, `);return`${e.length===1?`One unit`:`${e.length} units`} had failed before: ${t}${e.length>5?` and others`:``}. That is not blamed on the change.`}const Co=e=>Math.min(512*1024**2,e/20),wo=4*1024**2;function To(e,t){let{store:n}=e.space;if(t.copyBytes===void 0)return U(`How much has to be copied is not known.`);if(n===void 0)return U(`The host did not say how much room there is on /nix.`,`df -B1 /nix/store`);let r=t.copyBytes===0?0:Math.ceil(t.copyBytes*1.15+Co(n.sizeBytes)),i=`${ko(n.freeBytes)} are free on /nix and ${ko(r)} are wanted for ${ko(t.copyBytes)} that come`;return n.freeBytes>=r?V(`${i}.`):H(`${i}: a store that fills up during a copy takes services down with it.`,`nix-collect-garbage --delete-older-than 14d`)}function Eo(e,t){let{store:n}=e.space;if(n===void 0||t.copyPaths===void 0)return U(`Whether there are inodes enough on /nix is not known.`,`df -i /nix/store`);if(n.freeInodes===void 0)return V(`The file system of /nix has no fixed number of inodes.`);let r=t.copyPaths===0?0:t.copyPaths*150+5e3,i=`${n.freeInodes} inodes are free on /nix and up to ${r} are wanted for ${t.copyPaths} store paths`;return n.freeInodes>=r?V(`${i}.`):H(`${i}.`,`nix-collect-garbage --delete-older-than 14d`)}const Do=/* @__PURE__ */ new Set([`/boot`,`/efi`,`/boot/efi`,`/boot/EFI`]);function Oo(e,t){if(t.bootBytes===void 0)return U(`How large the new kernel and initrd are is not known.`);if(t.bootBytes===0)return V(`No kernel or initrd has to be written for the boot loader.`);let{boot:n}=e.space,r=Math.ceil(t.bootBytes*1.05)+wo;if(n===void 0)return e.mounts.length===0||e.mounts.some(e=>Do.has(e.target))?U(`The host did not say how much room there is on its boot partition.`,`df -B1 /boot`):V(`There is no boot partition; kernel and initrd stay on the disk of the system.`);let i=`${ko(n.freeBytes)} are free on ${n.mountPoint} and ${ko(r)} are wanted for the new kernel and initrd`;return n.freeBytes>=r?V(`${i}.`):H(`${i}: a boot loader that is half written may not boot at all.`,`nix-env -p /nix/var/nix/profiles/system --delete-generations +3 && /run/current-system/bin/switch-to-configuration boot`)}function ko(e){return e>=1024**3?`${(e/1024**3).toFixed(1)} GiB`:`${Math.ceil(e/1024**2)} MiB`}function Ao(e){let{address:t,look:n,planned:r}=e,i=[],a=(t,n)=>{let r=n.outcome!==`passed`&&e.despite.includes(t);return i.push({check:t,...n,...r?{sentence:`${n.sentence} It was asked for in spite of that.`}:{}}),n.outcome===`passed`};if(n.kind===`silent`)return a(`reachable`,H(`${t.hostname} could not be spoken to (${n.trouble}).`,Fo(t))),jo(i,`fail`,`unreachable`);let{observation:o}=n;a(`reachable`,V(`${t.hostname} answers.`));let s=so(t,o),c=t.identity.machineId===void 0?`; no machine id is pinned`:` and has the machine id that is pinned`;if(s?.code===`wrong-host`)return a(`host`,H(s.message,s.next)),jo(i,`fail`,`failed`);if(a(`host`,V(`It calls itself "${t.identity.name}"${c}.`)),s!==void 0)return a(`nixos`,H(s.message,s.next)),jo(i,`fail`,`failed`);a(`nixos`,V(`It is a NixOS that runs.`));let l=Mo(r,o);if(l!==void 0)return a(`from`,V(l.sentence)),jo(i,`done`,l.outcome);let u=N(e.ledger).filter(t=>t.event!==`started`||!e.ownAttempts.includes(t.attempt.id)),d=typeof e.ledger==`string`?e.ledger:u,f=a(`from`,_o(r,o));a(`specialisation`,vo(r,o)),a(`activation`,bo(o)),a(`shutdown`,xo(o)),a(`store-space`,To(o,r.need)),a(`inodes`,Eo(o,r.need)),a(`boot-space`,Oo(o,r.need)),a(`failed-units`,V(So(o.failedUnits))),a(`checks`,No(e.checks)),a(`group`,Po(e,t.host)),a(`order`,po(d,r.revision,e.isAncestor,f)),a(`attempts`,mo(d,r.to,o.bootId,r.approval!==void 0)),a(`approval`,ho(d,r.approval));let p=i.filter(t=>t.outcome!==`passed`&&!e.despite.includes(t.check));if(p.length>0)return jo(i,`hold`,go(r,o)?`superseded`:`held`,p);let m=Ei(o,e.checks);return{checks:i,summary:{may:`go`,reasons:[`Everything that was asked before the change is well.`,...i.filter(e=>e.outcome!==`passed`).map(e=>e.sentence)],baseline:m}}}function jo(e,t,n,r=e.slice(-1)){let[i,...a]=r.map(e=>e.sentence),o=r.find(e=>e.next!==void 0)?.next;return{checks:e,summary:{may:t,outcome:n,reasons:[i??`It was not looked at.`,...a],...o===void 0?{}:{next:o}}}}function Mo(e,t){if(e.activate!==void 0&&t.profile===e.to){if(t.current===e.activate)return{sentence:`It runs and boots what is asked for already.`,outcome:`unchanged`};if(e.mode===`boot-only`)return{sentence:`It boots what is asked for already; a reboot brings it in.`,outcome:`staged`}}}function No(e){if(e.length===0)return V(`There are no checks of the operator.`);let t=[`failed`,`error`,`inconclusive`,`passed`].find(t=>e.some(e=>e.outcome===t))??`passed`;if(t===`passed`)return V(e.length===1?`The operator's check passes.`:`All ${e.length} checks of the operator pass.`);let n=e.filter(e=>e.outcome!==`passed`);return{outcome:t,sentence:`Before any change, ${n.slice(0,3).map(e=>`the check "${e.name}" is ${e.outcome}: ${e.sentence}`).join(` Also `)}${n.length>3?` And ${n.length-3} more.`:``}`,next:`nixos-deploy-gate verify`}}function Po(e,t){if(e.group===void 0)return V(`It is in no group.`);let{group:n,health:r}=e.group,i=new Set(n.members.filter(e=>r.get(e)?.healthy!==!0)),{allowed:a,sentence:o}=et(n,i,t);if(a)return V(o);let s=n.members.find(e=>e!==t&&i.has(e)),c=s===void 0?``:` ${s}: ${r.get(s)?.sentence??`nothing is known of it.`}`;return H(`${o}${c}`,s===void 0?void 0:`nixos-deploy-gate status --hosts ${s}`)}const Fo=e=>`ssh ${e.port===22?``:`-p ${e.port} `}${e.user}@${e.hostname}`;async function Io(e,t,n){let r;try{return await Ro(e,t,n,e=>r=e)}catch(e){if(!(e instanceof o)||e.failure.code!==`cancelled`)throw e;return Lo(r)}}const Lo=e=>({kind:`ended`,outcome:`not-reached`,reasons:[`The run was cancelled before anything was changed on it.`],healthy:!0,observation:e});async function Ro(e,t,n,r){let{targets:i,probe:a,log:o,pause:s,signal:c,nix:l,clock:u}=n,{address:d,planned:f,host:p}=e,m=(e,t)=>o.progress({kind:`host`,host:p,step:e,...t===void 0?{}:{text:t}});m(`asking`);let[h,g]=await Promise.all([Ea(e,n),t()]);h.kind===`observed`&&r(h.observation);let _=h.kind===`silent`?[]:await jt(e.checks,{targets:i,address:d,probe:a,wait:s,signal:c});if(c.aborted)return Lo(h.kind===`observed`?h.observation:void 0);let{summary:v}=Ao({address:d,planned:f,look:h,ledger:h.kind===`silent`?`unreadable`:Qt(h.observation),checks:_,group:g,isAncestor:n.isAncestor,ownAttempts:[],despite:n.despite});if(v.may!==`go`||h.kind===`silent`){let e=v.may===`go`?`unreachable`:v.outcome,t=h.kind===`observed`?h.observation:void 0;return{kind:`ended`,outcome:e,reasons:v.reasons,healthy:t!==void 0,observation:t}}let{observation:y}=h,b=f.mode===`boot-only`,x=(e,t,n)=>({kind:`ended`,outcome:e,reasons:t,healthy:!0,observation:y,...n===void 0?{}:{failure:n}});if(n.dryRun)return x(b?`would-stage`:`would-deploy`,v.reasons);m(`copying`);let S=u.now().getTime(),C=await Ka({targets:i,nix:l,address:d,paths:[f.to],policy:n.apply.copy,onProgress:e=>{let t=u.now().getTime();t-S<5e3||(S=t,m(`copying`,Bo(e)))}});if(!C.ok)return x(`failed`,[`The system could not be copied: ${C.failure.message}`],C.failure);if(c.aborted)return Lo(y);let w=b||f.activate===void 0?``:await Vo(e,f.activate,n);return c.aborted?Lo(y):(m(`activating`,w.split(`
`).filter(zo).join(`; `).slice(0,300)||void 0),{kind:`ready`,observation:y,baseline:v.baseline,wouldDo:w})}const zo=e=>/^would (?:NOT )?(?:stop|restart|reload|start) the following|^would restart systemd/.test(e);function Bo({paths:e,bytes:t}){let n=e=>`${(e/1024**2).toFixed(+(e<10*1024**2))} MiB`;return`${e.done} of ${e.total} paths${t.done===0?``:`, ${n(t.done)}${t.total>t.done?` of ${n(t.total)}`:``}`}`}async function Vo(e,t,{targets:n,log:r}){let i=await io(n,e.address,t,60);return i.ok?i.text.trim().slice(0,4e3):(r.debug(`no dry activation`,{host:e.host,failure:i.failure.message}),``)}async function Ho(e,t,n){let r=await Io(e,t,n);if(r.kind===`ended`){let{outcome:t,reasons:i,...a}=r;return a.failure?.code.startsWith(`copy-`)===!0&&await La({change:e,stage:`copy`,failure:a.failure,since:a.observation?.at,attempt:void 0,answers:!0},n),Xo(t,i,{touched:!1,...a})}return await n.finishing.finish(()=>Uo(e,r,n))}async function Uo(e,{observation:t,baseline:n,wouldDo:r},i){let{planned:o,host:s,reversible:c}=e,{mode:l}=o,u=[],d=[],f=Bt({attempts:[],mode:l,reversible:c}),p;for(;f.kind===`try`&&(!i.signal.aborted||f.strategy===`rollback`);){f.strategy!==`rollback`&&(Ra(s,u.at(-1),i),p=i.evidence.get(s)??p,i.evidence.delete(s));let r=await ka(e,qo(e,f,t),n,i);if(u.push(r),d.push({strategy:f.strategy,ended:r.reasons.join(` `).slice(0,1e3)}),r.handedOver)return Xo(`handed-over`,r.reasons,{touched:!0,healthy:!1,tried:d,log:r.log});f=Bt({attempts:u.flatMap(Go),mode:l,reversible:c})}let m=u.at(-1),h=f.kind===`end`&&f.how===`done`;h&&p!==void 0&&!i.evidence.has(s)&&i.evidence.set(s,p),i.log.progress({kind:`host`,host:s,step:`verifying`});let g=await Ea(e,i,`shared`,h?ri({profile:o.to,current:o.activate??o.to},t,i.store):[]),_=g.kind===`observed`?g.observation:void 0,v=[r===``?``:`What a switch would do, by dry-activate:\n${r}\n`,m?.log??``].filter(e=>e!==``),y={touched:m!==void 0,healthy:_!==void 0,observation:_,tried:d,log:v.join(`
`)};if(!h||_===void 0){let n=[...h?Wo:f.kind===`try`?[`The run was cancelled.`]:f.reasons,...m?.reasons??[]],r=h?`unreachable`:Jo(f,m);return Fa(r)&&await La({change:e,stage:`activation`,failure:void 0,since:t.at,attempt:Ia(u),answers:_!==void 0},i),Xo(r,n,{...y,...f.kind===`escalate`?{failure:a(`activation-escalated`,{host:s,reason:f.reasons[0]})}:{}})}await Sn(i.targets,e.address,_);let b=m?.phase?.outcome===`staged`,x=ni({planned:{profile:o.to,current:b?t.current??o.to:o.activate??o.to},before:t,after:_,store:i.store,...e.diff===void 0||b?{}:{diff:e.diff}}).map(e=>l===`switch-then-reboot`&&m!==void 0?Ko(e,m):e);return Xo(Yo(e,b,x),m?.reasons,{...y,misses:x})}const Wo=[`It was brought in, and then it did not answer any more: whether it took effect is not known.`],Go=({ended:e})=>e.trouble===`units-failed`&&e.standing===`new`&&e.strategy!==`rollback`?[e,{...e,strategy:`restart-units`}]:[e],Ko=(e,{ended:{evidence:t}})=>e.family===`unit`&&t.needNewKernel.includes(e.subject)?{...e,needs:`reboot`,sentence:`${e.subject} wants a module that only the new kernel has; the reboot brings it.`}:e;function qo(e,t,n){let{planned:r}=e,i={current:n.current??``,profile:n.profile??``},a=r.activate??r.to;switch(t.strategy){case`switch`:case`restart-units`:return{strategy:t.strategy,operation:`switch`,from:i,to:r.to,activate:a,stopFirst:[]};case`stop-then-switch`:return{strategy:t.strategy,operation:`switch`,from:i,to:r.to,activate:a,stopFirst:t.units};case`boot`:return{strategy:t.strategy,operation:`boot`,from:i,to:r.to,activate:a,stopFirst:[]};case`rollback`:return{strategy:t.strategy,operation:`switch`,from:{current:a,profile:i.profile},to:i.profile,activate:i.current,stopFirst:[]}}}function Jo(e,t){if(t===void 0)return`not-reached`;let n=t.phase?.outcome,{standing:r,trouble:i,strategy:a}=t.ended;return n===`superseded`||r===`other`?`superseded`:n===`live-but-old-boots`&&a!==`rollback`?`live-but-old-boots`:n===`left-unconfirmed`?`left-unconfirmed`:n===`rolled-back`&&a!==`rollback`||a===`rollback`&&i===void 0&&r===`old`?`rolled-back`:i===`unreachable`?`unreachable`:e.kind===`end`&&e.how===`later`?`held`:r===`old`&&n===void 0&&i===`killed`?`rolled-back`:`failed`}function Yo(e,t,n){return n.some(e=>e.family===`toplevel`&&e.needs!==`nothing`)?`failed`:n.some(e=>e.needs!==`nothing`&&e.needs!==`reboot`)?`deployed-with-misses`:t?`staged`:e.planned.mode!==`switch`||n.some(e=>e.needs===`reboot`)?`deployed-reboot-pending`:`deployed`}function Xo(e,t,n){let{observation:r,misses:i=[],tried:a=[],log:o,failure:s}=n;return{outcome:{outcome:e,reasons:t,...s===void 0?{}:{failure:s},...r===void 0?{}:{now:{current:r.current,profile:r.profile,booted:r.booted}},misses:i,attempts:a,...o===void 0||o===``?{}:{log:o}},end:{outcome:e,touched:n.touched,healthy:n.healthy}}}async function Zo(e,t){let{policy:n,addresses:r}=e,i=/* @__PURE__ */ new Map,a=new Map(e.changes.map(e=>[e.host,e])),o=new Map([...e.observations].map(([e,t])=>[e,t.bootId])),s=rt({hosts:[...a.keys()],policy:n,runnerBootId:e.runnerBootId,bootIds:o}),c=Xe(n),l=e=>{let t=Object.hasOwn(n.hosts,e)?n.hosts[e]?.group:void 0;return t===void 0?void 0:c.get(t)},u=/* @__PURE__ */ new Map,d=async e=>{let i=r.get(e);if(i===void 0)return{kind:`silent`,trouble:`unreachable`,detail:`it is not managed, so nobody may ask it`};let a=await Ea({address:i},t);if(a.kind===`silent`)return a;let{targets:o,probe:s,pause:c,finishing:l}=t;return{...a,checks:await jt(Je(n,e),{targets:o,address:i,probe:s,wait:c,signal:l.signal})}},f=at(s,{parallel:n.apply.parallel,stopAfterFailures:n.apply.stopAfterFailures}),p=async e=>{let t=l(e);if(t===void 0)return;let n=t.members.filter(t=>t!==e&&!u.has(t)),r=await Promise.all(n.map(async e=>[e,await d(e)])),i=$e(t,new Map(r));for(let[e]of r)f=ct(f,e,i.get(e)?.healthy===!0);return{group:t,health:i}};for(;;){t.signal.aborted&&(f=lt(f,`The run was cancelled.`));let e=ot(f);f=e.waves;for(let n of e.start){let e=a.get(n);if(e===void 0)throw Error(`${n} has no change`);let r=s.find(e=>e.host===n);u.set(n,(async()=>{let a=await Qo({...e,carries:r?.carries??e.carries},()=>p(n),t);return i.set(n,a.outcome),f=st(f,n,a.end),t.log.debug(`host ended`,{host:n,outcome:a.outcome.outcome,roundTrips:t.targets.roundTrips(e.address)}),t.log.progress({kind:`host`,host:n,step:`ended`,text:`${a.outcome.outcome}: ${a.outcome.reasons[0]}`}),n})())}if(u.size===0)break;u.delete(await Promise.race(u.values()))}for(let{host:e,reason:t}of ut(f))i.set(e,{outcome:`not-reached`,reasons:[t],misses:[],attempts:[]});return i}async function Qo(e,t,n){try{return await Ho(e,t,n)}catch(e){let t=e instanceof o?e.failure:a(`internal`,{},e instanceof Error?e.stack??e.message:String(e));return{outcome:{outcome:`failed`,reasons:[`The gate broke off: ${t.message} What the host is now is not known.`],failure:t,misses:[],attempts:[]},end:{outcome:`failed`,touched:!0,healthy:!1}}}}async function $o(e,t,n,r,i,a,o){let{fleet:s,policy:c}=i,l=e.filter(es).filter(({host:e})=>a.only?.includes(e)!==!1),u=await ts(l,s.observations,o),d=l.flatMap(e=>{let o=s.addresses.get(e.host),l=s.observations.get(e.host);if(o===void 0||l===void 0)return[];let d=t.find(t=>t.host===e.host)?.after,{current:f,profile:p,specialisation:m}=l,h=c.hosts[e.host];return[{host:e.host,address:o,planned:{from:{current:f,profile:p,specialisation:m},to:e.to,activate:d?.kind===`known`?d.activates??e.to:void 0,mode:e.judgement.mode,need:u.get(e.host)??{copyBytes:void 0,copyPaths:void 0,bootBytes:void 0},revision:n,approval:r.get(e.host)},reversible:e.judgement.reversible,repository:a.repository.slice(0,200),checks:Je(r.has(e.host)?i.pushed:c,e.host),carries:(h?.carries.length??0)>0,diff:e.state===`changed`?e.diff:void 0}]}),{runnerBootId:f,signal:p,finishing:m,random:h,dryRun:g,despite:_,probe:v,pause:y}=a;return await Zo({changes:d,policy:c,addresses:s.addresses,observations:s.observations,runnerBootId:f},{...o,apply:c.apply,isAncestor:(e,t)=>e===t?!0:i.ancestry.get(`${e} ${t}`)??`unknown`,probe:v,pause:y,signal:p,finishing:m,random:h,dryRun:g,despite:_})}function es(e){let{action:t}=e.decision;return(e.state===`added`||e.state===`changed`)&&(t===`deploy`||t===`deploy-then-reboot`||t===`stage`)}async function ts(e,t,n){let r=/* @__PURE__ */ new Map;if(e.length===0)return r;let{nix:i,store:a,database:o}=n,s=e=>{let n=t.get(e);return[n?.current,n?.profile,n?.booted].flatMap(e=>e??[])},c=await d(i,[...new Set(e.flatMap(({host:e,to:t})=>[t,...s(e)]))],{database:o});for(let{host:t,to:n}of e){let e=new Set(s(t).flatMap(e=>c.isMissing(e)?[]:[...c.closure(e)])),i=[...c.closure(n)].filter(t=>!e.has(t)),o=[`kernel`,`initrd`].map(e=>({is:a.resolve(`${n}/${e}`),was:s(t).map(t=>a.resolve(`${t}/${e}`))})).filter(({is:e,was:t})=>e!==void 0&&!t.includes(e)).reduce((e,{is:t})=>e+ns(a,t),0);r.set(t,{copyBytes:i.reduce((e,t)=>e+c.narSize(t),0),copyPaths:i.length,bootBytes:o})}return r}function ns(e,t){let n=t===void 0?void 0:e.entry(t);return n?.kind===`file`?n.size:0}function rs(e){return JSON.stringify(e,(e,t)=>typeof t==`object`&&t&&!Array.isArray(t)?Object.fromEntries(Object.entries(t).toSorted(([e],[t])=>e<t?-1:1)):t)}const is=(e,t)=>rs(e)===rs(t),W=(e,t)=>({inForce:e,loosened:{from:e,to:t}}),G=e=>Array.isArray(e)?e:[],as=e=>typeof e==`object`&&e?Object.entries(e):[],K=(e,t)=>e.filter(e=>!t.some(t=>is(e,t))),q=(e,t)=>({inForce:t}),J=(e,t)=>is(e,t)?{inForce:t}:W(e,t),os=(e,t)=>{let[n,r]=[K(as(e),as(t)),K(as(t),as(e))];return n?.length===0&&r?.length===0?{inForce:t}:{inForce:e,loosened:{from:Object.fromEntries(n??[]),to:Object.fromEntries(r??[])}}},ss=(e,t)=>e===void 0?{inForce:t}:J(e,t),Y=(...e)=>(t,n)=>e.includes(n)&&e.indexOf(n)>=e.indexOf(t)?{inForce:n}:W(t,n),X=Y(!1,!0),cs=Y(!0,!1),Z=(e,t)=>Number(t)<=Number(e)?{inForce:t}:W(e,t),ls=(e,t)=>Number(t)>=Number(e)?{inForce:t}:W(e,t),us=(e,t)=>{let n=K(G(e),G(t));return n.length===0?{inForce:t}:{inForce:[...G(t),...n],loosened:{from:n,to:void 0}}},ds=(e,t)=>{let n=K(G(t),G(e));return n.length===0?{inForce:t}:{inForce:K(G(t),n),loosened:{from:void 0,to:n}}},fs=(e,t)=>e===void 0?{inForce:t}:t===void 0?W(e,t):ds(e,t),ps=(e,t)=>{let n=e=>String(e).trimStart().startsWith(`@revoked`),r=e=>[G(e).filter(n),G(e).filter(e=>!n(e))],[i,a]=r(e),[o,s]=r(t),c=us(i,o),l=ds(a,s);return c.loosened===void 0&&l.loosened===void 0?{inForce:t}:{inForce:[...G(c.inForce),...G(l.inForce)],loosened:{from:c.loosened?.from,to:l.loosened?.to}}},ms=(e,t)=>G(t).length>0&&K(G(t),G(e)).length===0||G(t).length+G(e).length===0?{inForce:t}:W(e,t),hs=(e,t)=>typeof e==`string`&&typeof t==`string`?Z(Number.parseInt(e,10),Number.parseInt(t,10)).loosened?W(e,t):{inForce:t}:typeof e==`number`&&typeof t==`number`?Z(e,t):t===1||t===`0%`?{inForce:t}:W(e,t),gs=(e,t)=>{if(is(e,t)||t===`never`||e===`any`&&t!==void 0)return{inForce:t};if(!Array.isArray(e)||!Array.isArray(t))return W(e,t);let n=ds(e,t);return G(n.inForce).length===0?{...n,inForce:`never`}:n},_s=(e,t,n)=>{if(n===`policy-loosened`)return{inForce:t};let r=[`off`,`clean`,`reboot`,`risky`],i=r.indexOf(xe.find(e=>e.id===n)?.verdict??`risky`),a=e=>typeof e==`object`&&e&&`verdict`in e?r.indexOf(String(e.verdict)):i-.5;return a(t)>=a(e)?{inForce:t}:W(e,t)},vs={windows:gs,blackout:us,blackoutZone:J,attended:X,trigger:Y(`timer`,`gate`),inhibit:us,drain:ss,undrain:ss,commandSeconds:q,notWhileLoggedIn:X,expectedSeconds:q,marginSeconds:ls,returnSeconds:q,staggerSeconds:ls,tryOnce:X,bootEntry:Y(`trust`,`verify`),overdueHours:Z},ys={"hosts.*.deploy":cs,"hosts.*.facts":os,"hosts.*.target.hostname":J,"hosts.*.target.user":J,"hosts.*.target.port":J,"hosts.*.target.jump":J,"hosts.*.target.name":J,"hosts.*.target.machineId":ss,"hosts.*.target.hostKeys":ms,"hosts.*.group":ss,"hosts.*.canary":X,"hosts.*.carries":J,"hosts.*.checks":us,...Object.fromEntries(Object.entries(vs).map(([e,t])=>[`hosts.*.reboot.${e}`,t])),"groups.*.maxUnavailable":hs,"groups.*.quorum":X,"groups.*.order":q,"groups.*.checks":us,"groups.*.reboot":q,"apply.user":J,"apply.knownHosts":ps,"apply.parallel":Z,"apply.stopAfterFailures":Z,"apply.activationSeconds":q,"apply.confirmSeconds":q,"apply.loaderSeconds":q,"apply.soakSeconds":ls,"apply.copy.store":q,"apply.copy.substituteOnDestination":q,"apply.copy.checkSignatures":X,"apply.copy.signingKeyFile":J,"apply.copy.timeoutSeconds":q,"apply.checks":us,"approval.ttlHours":Z,"approval.by":fs,"approval.exceptAuthor":X,session:Y(`off`,`optional`,`required`),"sessionSettings.model":J,"sessionSettings.questionUsd":Z,"sessionSettings.runUsd":Z,"sessionSettings.dayUsd":Z,"sessionSettings.timeoutSeconds":q,"sessionSettings.knowledge":J,"rules.*":_s,"notify.command":J,"notify.webhook":J,"report.detail":Y(`full`,void 0,`names`),"evaluation.isolation":Y(`unreviewed code may read the secrets of this runner`,`required`),"evaluation.timeoutSeconds":q,"build.timeoutSeconds":q};function bs(e,t){let n=[],r=/* @__PURE__ */ new Set,i=Object.keys(t.hosts).filter(e=>Q(t.hosts,e)?.deploy===!0),a=(e,t,r,i,o)=>{let s=t.at(-1)??``,c=Object.keys(ys).filter(e=>e.startsWith(`${r}.`)),l=Q(ys,r)??(c.length===0?J:void 0);if(l!==void 0){let{inForce:r,loosened:a}=l(i,o,s);return a!==void 0&&n.push({key:t.join(`.`),...a,hosts:e}),r}let u=c.some(e=>e.startsWith(`${r}.*`)),[d,f]=[Ts(i),Ts(o)],p=[.../* @__PURE__ */ new Set([...Object.keys(f),...Object.keys(d)])].map(n=>[n,a(e,[...t,n],`${r}.${u?`*`:n}`,Q(d,n),Q(f,n))]);return Object.fromEntries(p.filter(([,e])=>e!==void 0))},o=Object.entries(t.hosts).map(([i,o])=>{let s=i,c=Q(e.hosts,s);if(!o.deploy)return[s,o];if(c?.deploy!==!0)return r.add(s),n.push({key:`hosts.${s}.deploy`,from:!1,to:!0,hosts:[s]}),[s,{...o,deploy:!1}];let[l,u]=Ss(e,t,s,c,o);return[s,a([s],[`hosts`,s],`hosts.*`,l,u)]}),s=[.../* @__PURE__ */ new Set([...Object.keys(t.groups),...Object.keys(e.groups)])].map(n=>{let r=i.filter(r=>[t,e].some(e=>Q(e.hosts,r)?.group===n)),[o,s]=[Q(e.groups,n)??xs,Q(t.groups,n)??xs];return[n,a(r,[`groups`,n],`groups.*`,o,s)]}),c=Object.keys(t).filter(e=>e!==`hosts`&&e!==`groups`);return{policy:{...Object.fromEntries(c.map(n=>[n,a(`all`,[n],n,e[n],t[n])])),hosts:Object.fromEntries(o),groups:Object.fromEntries(s)},loosened:n.filter(({hosts:e})=>e===`all`||e.length>0).map(Cs).toSorted((e,t)=>e.key<t.key?-1:1),newlyManaged:r}}const xs=Te.parse({});function Ss(e,t,n,r,i){let[a,o]=[Se(e,n),Se(t,n)];if(rs(a)===rs(o)&&r.group===i.group){let{reboot:e,...t}=r;return[i.reboot===void 0?t:{...t,reboot:i.reboot},i]}return[{...r,reboot:a},{...i,reboot:o}]}function Cs({key:e,from:t,to:n,hosts:r}){let[i,a]=[ws(t),ws(n)];return{key:e,from:i,to:a,sentence:i===void 0?`deployGate.${e} newly has ${a??`nothing`}.`:a===void 0?`deployGate.${e} no longer has ${i}.`:`deployGate.${e} was ${i} and is ${a} now.`,hosts:r}}function ws(e){if(e===void 0)return;let t=rs(e);if(t.length<=200)return t;let n=Re(`sha256`).update(t).digest(`hex`).slice(0,16);return`${t.slice(0,170)}… sha256:${n}`}const Ts=e=>typeof e==`object`&&e?{...e}:{};function Q(e,t){return Object.hasOwn(e,t)?e[t]:void 0}const Es=/^-[46AaCfgKkMNnqsTtvXxYy]+$/,Ds=/* @__PURE__ */ new Set([`-i`,`-c`,`-m`,`-e`,`-E`,`-S`,`-I`]),Os=new Set(`addressfamily batchmode ciphers compression connecttimeout connectionattempts controlmaster controlpath controlpersist forwardagent identitiesonly identityfile kexalgorithms loglevel macs requesttty serveralivecountmax serveraliveinterval stricthostkeychecking tcpkeepalive updatehostkeys userknownhostsfile`.split(` `));function ks(e){let t,n,r,i=[],a=e.flatMap(e=>e.split(/\s+/)).filter(e=>e!==``),o=(e,i)=>{if(e===`port`)n??=/^\d{1,5}$/.test(i)?Number(i):NaN;else if(e===`user`)t??=i;else if(e===`proxyjump`)r??=i.toLowerCase()===`none`?[]:i.replace(/^ssh:\/\//,``).split(`,`);else return!1;return!0};for(;a.length>0;){let e=a.shift()??``,t=e.slice(0,2),n=()=>e.length>2?e.slice(2):a.shift()??``,r={"-p":`port`,"-l":`user`,"-J":`proxyjump`}[t];if(r!==void 0)o(r,n());else if(t===`-o`){let e=n(),[,t=``,r=``]=/^([A-Za-z0-9]+)=?(.*)$/s.exec(e)??[],s=r===``&&!e.includes(`=`)?a.shift()??``:r;if(o(t.toLowerCase(),s))continue;if(!Os.has(t.toLowerCase()))return{ok:!1,problem:`"${As(e)}" is not a setting that the gate follows`};i.push(`-o ${As(e)}`)}else if(Ds.has(t))i.push(`${t} ${As(n())}`);else if(Es.test(e))i.push(As(e));else return{ok:!1,problem:`"${As(e)}" is not an option that the gate follows`}}return{ok:!0,...t===void 0?{}:{user:t},...n===void 0?{}:{port:n},...r===void 0?{}:{jump:r},ignored:i}}const As=e=>e.replace(/[^\x20-\x7e]/g,`?`).slice(0,80);function js(e,t,n={}){let r=t=>({ok:!1,failure:a(`target-address`,{host:e,problem:t})}),i=t.hosts[e]?.target??{},o=Ms(n,i.hostname!==void 0);if(!o.ok)return r(o.problem);let{source:s,words:c,notes:l}=o,u=Ce.pick({hostname:!0,user:!0,port:!0,jump:!0}).safeParse(Object.fromEntries(Object.entries(c).filter(([e,t])=>t!==void 0&&i[e]===void 0)));if(!u.success){let e=u.error.issues[0];return r(`${s}: ${e?.path[0]?.toString()??`it`}: ${e?.message??`it is not usable`}`)}let d=u.data,f=i.user??d.user??t.apply.user,p=i.name??n.systemHostName??e,m=Ce.shape.name.safeParse(p);if(!m.success||m.data===void 0)return r(`networking.hostName: it is not a host name`);let h=i.jump??d.jump??[],g=h.find(e=>!(Number(/:(\d+)$/.exec(e)?.[1]??22)>=1&&Number(/:(\d+)$/.exec(e)?.[1]??22)<=65535));return g===void 0?{ok:!0,value:{address:{host:e,hostname:i.hostname??d.hostname??e,port:i.port??d.port??22,user:f,sudo:f!==`root`,jump:h,identity:{name:m.data,machineId:i.machineId},hostKeys:i.hostKeys??[]},notes:l}}:r(`the jump host ${g} has no port between 1 and 65535`)}function Ms(e,t){let{deployNode:n,hive:r}=e;if(n!==void 0){let e=ks(n.sshOpts??[]);if(!e.ok)return{ok:!1,problem:`deploy.nodes: sshOpts: ${e.problem}`};let{user:t,port:r,jump:i}=e;return{ok:!0,source:`deploy.nodes`,words:{hostname:n.hostname,user:n.sshUser??t,port:r,jump:i},notes:e.ignored.map(e=>`deploy.nodes: sshOpts: ${e} is not followed; the gate's own settings hold`)}}return r===void 0?{ok:!0,source:``,words:{},notes:[]}:r.targetHost===null&&!t?{ok:!1,problem:`deployment.targetHost is null, which means that it is only deployed locally`}:{ok:!0,source:`deployment`,words:{hostname:r.targetHost??void 0,user:r.targetUser??void 0,port:r.targetPort??void 0},notes:[]}}async function Ns(e,t,{targets:n,log:r}){let i=e.hosts.filter(e=>Object.hasOwn(t.hosts,e)&&t.hosts[e]?.deploy===!0),a=/* @__PURE__ */ new Map,o=/* @__PURE__ */ new Map;for(let n of i){let i=e.after.get(n),s=e.before.get(n),c=i?.ok===!0?i.value.facts:s?.ok===!0?s.value.facts:void 0,l=js(n,t,c===void 0?{}:Ps(c));if(l.ok){a.set(n,l.value.address);for(let e of l.value.notes)r.progress({kind:`warning`,host:n,text:e})}else o.set(n,{ok:!1,trouble:`not-understood`,failure:l.failure})}return await _e([...a],t.apply.parallel,async([e,t])=>{let r=await Ta(n,t),i=r.ok?so(t,r.observation):void 0;o.set(e,i===void 0?r:{ok:!1,trouble:`not-understood`,failure:i})}),{addresses:a,asked:o,observations:new Map([...o].flatMap(([e,t])=>t.ok?[[e,t.observation]]:[]))}}function Ps({deployRs:e,hive:t,hostName:n}){return{...e?.address===void 0?{}:{deployNode:{hostname:e.address,...e.user===void 0?{}:{sshUser:e.user}}},...t===void 0?{}:{hive:{targetHost:t.address??null,targetUser:t.user??null,targetPort:t.port??null}},...n===void 0?{}:{systemHostName:n}}}function Fs(e,t){let n=[...t.asked.keys()].filter(n=>{let r=e.before.get(n);return r?.ok!==!0||t.observations.get(n)?.current!==r.value.outPath});return be(e,new Set(n))}async function Is(e,t,n,{nix:r,store:i}){let a=await zs([...n.observations.values()].flatMap(({current:e})=>e??[]),r);return e.map(e=>{let r=n.asked.get(e.host);if(r===void 0)return e;if(!r.ok)return{...e,before:{kind:`failed`,stage:`observe`,failure:r.failure}};let o=t.before.get(e.host),s=o?.ok===!0?{evaluation:o.value}:{};return{...e,...Rs(e,r.observation,i),before:{...Ls(e.host,r.observation,a),...s}}})}function Ls(e,t,n){let{current:r,profile:i}=t;return r===void 0||!n.has(r)?{kind:`failed`,stage:`build`,failure:a(`running-unknown`,{host:e,toplevel:r??`a system that it does not name`})}:{kind:`running`,toplevel:r,profile:i??``}}function Rs({host:e,after:t},{specialisation:n},r){if(n===void 0||t.kind!==`known`)return{};let i=r.resolve(`${t.toplevel}/specialisation/${n}`);return i===void 0?{after:{kind:`failed`,stage:`build`,failure:a(`specialisation-gone`,{host:e,specialisation:n}),evaluation:t.evaluation}}:{after:{...t,activates:i}}}async function zs(e,t){if(e.length===0)return/* @__PURE__ */ new Set;let n=await t.run({program:`nix-store`,arguments:[`--check-validity`,`--print-invalid`,...new Set(e)],trust:`deploy-branch`,timeoutSeconds:120});if(n.exitCode!==0)return/* @__PURE__ */ new Set;let r=new Set(n.stdout.split(`
`).map(e=>e.trim()));return new Set(e.filter(e=>!r.has(e)))}async function Bs(e,t,n,r,{targets:a,log:o}){let s=await Ns(e,t,{targets:a,log:o}),c=/* @__PURE__ */ new Map,l=[];for(let[e,t]of s.observations){let n=Qt(t),r=n===`unreadable`?void 0:fo(N(n))?.revision;r===void 0?l.push(e):c.set(r,[...c.get(r)??[],e])}let u=/* @__PURE__ */ new Map;for(let e of n===void 0?[]:c.keys())u.set(`${e} ${n}`,await r.isAncestor(e,n)),u.set(`${n} ${e}`,await r.isAncestor(n,e));if(!r.policyGuarded)return{fleet:s,policy:t,pushed:t,loosened:[],newlyManaged:/* @__PURE__ */ new Set,ancestry:u};let d=t;if(r.tip!==void 0){let e=await r.policyAt(r.tip);if(e===void 0)throw i(`policy-invalid`,{flake:r.tip.slice(0,9),key:`deployGate`,problem:`it cannot be read at the tip of the branch`});d={...bs(e,t).policy,approval:e.approval}}let f=[];for(let[e,t]of c){let n=await r.policyAt(e);if(n===void 0){f.push(Hs(e,t));continue}let i=bs(n,d);d={...i.policy,hosts:Vs(d,i.policy,t)};for(let e of i.loosened){let n=t.filter(t=>e.hosts===`all`||e.hosts.includes(t));n.length>0&&f.push({...e,hosts:n})}}let p=Object.entries(d.hosts).map(([e,t])=>[e,l.includes(e)?{...t,deploy:!1}:t]);return{fleet:s,pushed:t,policy:{...d,hosts:Object.fromEntries(p)},loosened:f,newlyManaged:new Set(l),ancestry:u}}function Vs(e,t,n){return Object.fromEntries(Object.entries(e.hosts).map(([e,r])=>[e,(n.includes(e)&&Object.hasOwn(t.hosts,e)?t.hosts[e]:void 0)??r]))}const Hs=(e,t)=>({key:`deployGate`,from:e.slice(0,12),to:void 0,sentence:`The policy of ${e.slice(0,12)}, which was applied last, cannot be read any more, so whether this one is looser cannot be told.`,hosts:t});function Us(e,t,r){let i=r=>n({...t,issuedAt:e.issuedAt,...r})===e.digest;return t.findings.length>200?qs(e,r):Ws(t,i)??Gs(t,i)??Ks(t,i,r)??qs(e,r)}function Ws(e,t){let n=[void 0,...se.options];for(let r of ie.options)for(let i of[!0,!1])for(let a of[!0,!1])for(let o of n)if(t({mode:r,attended:i,reversible:a,sessionRaise:o}))return[...r===e.mode?[]:[`it was to be brought in by ${r} and is by ${e.mode} now`],...i===e.attended?[]:[e.attended?`someone has to be there at boot now`:`nobody has to be there at boot now`],...a===e.reversible?[]:[e.reversible?`it can be undone now`:`it cannot be undone now`],...o===e.sessionRaise?[]:[`the session ${o===void 0?`had raised nothing`:`had raised it to ${o}`} and ${e.sessionRaise===void 0?`raises nothing now`:`raises it to ${e.sessionRaise} now`}`]].join(`, and `)}function Gs(e,t){for(let n of e.findings)if(t({findings:e.findings.filter(e=>e!==n)}))return`the rule ${n.rule} found ${n.subject} since`;for(let n of new Set(e.findings.map(e=>e.rule)))if(t({findings:e.findings.filter(e=>e.rule!==n)}))return`the rule ${n} objects since`}function Ks(e,t,n){let r=N(n).flatMap(e=>e.event===`started`?[e.attempt]:[]),i=[.../* @__PURE__ */ new Set([e.from.current,e.from.profile,...r.toReversed().flatMap(({from:e,to:t})=>[e.current,e.profile,t]).filter(e=>e!==void 0)])].slice(0,12);for(let n of/* @__PURE__ */ new Set([e.from.specialisation,void 0]))for(let r of i)for(let a of i)if(t({from:{current:r,profile:a,specialisation:n}}))return r===e.from.current?a===e.from.profile?`the host is in the specialisation ${e.from.specialisation??`of no name`} now`:`the host booted into ${a} by default then and boots into ${e.from.profile} now`:`the host ran ${r} then and runs ${e.from.current} now`;for(let n of i)if(t({to:n}))return`it was to become ${n} and would become ${e.to} now`}function qs(e,t){return`what the host runs, what it would get, how that is brought in or what the rules find is not as it was${N(t).some(t=>t.event===`started`&&t.at>e.issuedAt)?`; the host's ledger tells of an attempt since`:``}`}function Js(e){let{approver:t,now:n}=e,r=Xs(e)??(e.policy.exceptAuthor&&t.isAuthor!==!1?a(`approval-author`,{host:n.host,by:t.login,known:t.isAuthor===!0}):void 0)??Qs(e)??$s(e)??ec(e)??tc(e);return r===void 0?{kind:`granted`,by:t.login,digest:e.token.digest}:{kind:`refused`,by:t.login,failure:r}}function Ys(e){let{approver:t,token:n,clock:r}=e,i=Xs(e)??Qs(e)??tc(e);return i===void 0?{kind:`rejected`,by:t.login,entry:{v:1,event:`rejected`,at:Math.floor(r.getTime()/1e3),digest:n.digest,issuedAt:n.issuedAt,by:t.login.slice(0,100)}}:{kind:`refused`,by:t.login,failure:i}}function Xs({approver:e,now:t,policy:n}){let{login:r,permission:i,attempt:o,triggeredBy:s}=e,c=t.host,l=(e,t=!1)=>a(`approval-nobody`,{host:c,by:r,problem:e,forge:t});if(o!==1)return a(`approval-rerun`,{host:c,attempt:o});if(s!==void 0&&!Zs(s,r))return l(`the run was started by ${s}`);if(n.by!==void 0&&!n.by.some(e=>Zs(e,r)))return l(`the policy names others (approval.by)`);if(i===`read`||i===`none`)return l(`the forge says that they may not write to the repository`);if(i===`unknown`&&n.by===void 0)return l(`the forge does not say whether they may write to the repository`,!0)}const Zs=(e,t)=>e.toLowerCase()===t.toLowerCase();function Qs({token:e,now:t}){if(e.host!==t.host)return a(`approval-other-host`,{host:t.host,token:e.host});if(!t.revision.startsWith(e.revision))return a(`approval-other-revision`,{host:t.host,token:e.revision,revision:t.revision})}function $s({now:e,onDeployBranch:t,newer:n,ledger:r}){let{host:i,revision:o}=e;if(t!==!0)return a(`approval-not-merged`,{host:i,revision:o,known:t===!1});let s=n===`unknown`&&r!==`unreadable`&&!N(r).some(e=>e.event===`started`);return n===!0||s?void 0:a(`approval-older`,{host:i,revision:o,known:n===!1})}function ec({token:e,now:{host:t},clock:n,policy:{ttlHours:r}}){let i=n.getTime()/1e3-e.issuedAt,o=nc(e.issuedAt);return i>=-300?i<=r*3600?void 0:a(`approval-expired`,{host:t,issued:o,hours:r}):a(`approval-early`,{host:t,issued:o,now:nc(n.getTime()/1e3)})}function tc({token:e,now:t,ledger:r}){let{host:i}=t;if(r===`unreadable`)return a(`approval-ledger`,{host:i});for(let t of N(r)){if(t.event===`started`&&t.attempt.digest===e.digest)return a(`approval-used`,{host:i,at:nc(t.at)});if(t.event===`rejected`&&t.digest===e.digest)return a(`approval-rejected`,{host:i,by:t.by,at:nc(t.at)})}if(n({...t,issuedAt:e.issuedAt})!==e.digest)return a(`approval-changed`,{host:i,moved:Us(e,t,r)});let o=Ht(t,r);return o!==void 0&&o.at>=e.issuedAt?a(`approval-rejected`,{host:i,by:o.by,at:nc(o.at)}):void 0}function nc(e){let t=/* @__PURE__ */ new Date(e*1e3);return Number.isNaN(t.getTime())?`a time that is none`:`${t.toISOString().slice(0,16).replace(`T`,` `)} UTC`}async function rc(e,t,n){let r=await e.run({address:t,program:ic,arguments:[sn(Jt.parse(n))],connection:`shared`,timeoutSeconds:60});return r.ok?P(r.records,`appended`)===`yes`?{ok:!0}:{ok:!1,failure:a(`ledger-unwritable`,{host:t.host},r.stderr)}:{ok:!1,failure:R(t,r.trouble,r.detail)}}const ic=`${cn}
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$1"; then put appended yes; exit 0; fi
if append_ledger "$1"; then put appended yes; else put appended no; fi
`;function ac({fleet:e}){return new Map([...e.observations].flatMap(([e,{current:t,profile:n,specialisation:r}])=>t===void 0||n===void 0?[]:[[e,{current:t,profile:n,specialisation:r}]]))}async function oc(e,n,r,i,{clock:a,targets:o}){let s=t(i.approve),c=t(i.reject),l=ac(r),u=/* @__PURE__ */ new Map,d=/* @__PURE__ */ new Map,f=/* @__PURE__ */ new Map,p=/* @__PURE__ */ new Set,m=[],h=s===void 0&&c===void 0?void 0:await i.approver();for(let t of e){let e=Ke(t,{repository:i.repository,revision:n,running:l}),g=r.fleet.observations.get(t.host);if(e===void 0||g===void 0)continue;let _=Qt(g),v=Ht(e,_);if(v!==void 0&&d.set(t.host,v),h===void 0)continue;let y=c?.tokens.get(t.host);if(y!==void 0){p.add(t.host);let n=Ys({token:y,now:e,ledger:_,clock:a.now(),policy:r.policy.approval,approver:h});if(n.kind===`refused`)m.push(`The rejection for ${t.host} does not count: ${n.failure.message}`);else{let e=r.fleet.addresses.get(t.host),s=e===void 0||i.dryRun?void 0:await rc(o,e,n.entry);d.set(t.host,{by:n.by,at:Math.floor(a.now().getTime()/1e3)}),m.push(s?.ok===!0?`${t.host}: rejected by ${n.by}; its ledger says so.`:`${t.host}: rejected by ${n.by}, but its ledger could not be written, so the next run asks again.`)}}let b=s?.tokens.get(t.host);if(b===void 0)continue;let x=fo(N(_))?.revision,S=Js({token:b,now:e,onDeployBranch:i.onDeployBranch,newer:x===void 0?`unknown`:x===n?!0:r.ancestry.get(`${x} ${n}`)??`unknown`,ledger:_,clock:a.now(),policy:r.policy.approval,approver:h});u.set(t.host,S),S.kind===`granted`&&f.set(t.host,{by:S.by,digest:S.digest})}for(let[e]of s?.tokens??[])u.has(e)||m.push(`The approval for ${e} was not used: nothing of that host can be approved in this run.`);for(let e of c?.tokens.keys()??[])p.has(e)||m.push(`The rejection for ${e} was not used: nothing of that host can be rejected in this run.`);return{approvals:u,rejections:d,newlyManaged:r.newlyManaged,notes:m,digests:f}}async function sc(e,t,n,r,i){let{nix:a,store:o,clock:s,log:c}=i,l=await r.openTargets(t);c.progress({kind:`stage`,stage:`discover`,text:`asking the hosts what they run`});let u=await Bs(e,t,n,r,{targets:l,log:c}),{fleet:d,policy:f}=u,p=new Map([...d.observations].flatMap(([e,t])=>{let n=d.addresses.get(e);return n===void 0?[]:[[e,Ge(n,t)]]})),m=/* @__PURE__ */ new Map;return{policy:f,evidence:m,loosened:u.loosened,facts:p,toBuild:Fs(e,d),against:async t=>await Is(t,e,d,{nix:a,store:o}),approved:async e=>{let t=e({newlyManaged:u.newlyManaged});if(n===void 0)return{reports:t,approvals:/* @__PURE__ */ new Map,notes:[`Without a commit nothing can be approved.`]};let i=d.asked.size===0?[`The policy hands none of these hosts to the gate (deploy = true), so none was contacted.`]:[],{notes:a,digests:o,...c}=await oc(t,n,u,r,{clock:s,targets:l}),f=e(c),p=ac(u);return{reports:qe(f,{repository:r.repository,revision:n,now:s.now(),running:p}),approvals:o,notes:[...i,...a]}},apply:async(e,t,d)=>{let f=i.database,p=await cc(r,c);if(p!==void 0)return e.map(e=>({...e,outcome:uc(e,p)}));let h=await $o(e,t,n,d,u,r,{targets:l,nix:a,store:o,database:f,clock:s,log:c,evidence:m}),g=e=>r.only?.includes(e.host)===!1&&es(e)?lc:void 0;return e.map(e=>({...e,outcome:h.get(e.host)??g(e)??dc(e)}))}}}async function cc({overtaken:e},t){try{return await e?.()}catch(e){if(!(e instanceof o)||e.failure.code!==`git-fetch-failed`)throw e;t.progress({kind:`warning`,text:`Whether a newer push has come meanwhile cannot be told: ${e.failure.message}`});return}}const lc={outcome:`held`,reasons:[`This run brings in only what was approved by name; the next push or run on the branch brings in the rest.`],misses:[],attempts:[]};function uc(e,t){return es(e)?{outcome:`superseded`,reasons:[t],misses:[],attempts:[]}:dc(e)}function dc(e){let{action:t,reasons:n}=e.decision;return{outcome:{nothing:`unchanged`,observe:`not-managed`,hold:`held`,fail:e.state===`failed`&&e.stage===`observe`&&e.failure.code.startsWith(`target-`)&&e.failure.code!==`target-address`?`unreachable`:`failed`,build:`failed`,deploy:`failed`,"deploy-then-reboot":`failed`,stage:`failed`}[t],reasons:n,...e.state===`failed`?{failure:e.failure}:{},misses:[],attempts:[]}}function fc(e){let t=new AbortController,n=0,r=()=>{e.aborted&&n===0&&t.abort(e.reason)};return e.addEventListener(`abort`,r,{once:!0}),r(),{signal:t.signal,finish:async e=>{n++;try{return await e()}finally{n--,r()}}}}const pc={ECONNREFUSED:`refused`,ETIMEDOUT:`timed-out`,ENOTFOUND:`name`,EAI_AGAIN:`name`,EAI_FAIL:`name`,ENETUNREACH:`no-route`,EHOSTUNREACH:`no-route`,ENETDOWN:`no-route`,EADDRNOTAVAIL:`local`,EMFILE:`local`,ENFILE:`local`,ENOBUFS:`local`,EACCES:`local`,EPERM:`local`,ERR_INVALID_URL:`local`},mc=/^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_ALTNAME|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH)/;function hc(e){if(!(e instanceof Error))return{kind:`none`,why:`local`,detail:String(e).slice(0,300)};let t=e instanceof AggregateError?e.errors.filter(e=>e instanceof Error):[e],n=t.map(e=>`code`in e&&typeof e.code==`string`?e.code:``),r=n.map(e=>pc[e]??(mc.test(e)?`certificate`:`broken`));return{kind:`none`,why:r.find(e=>e===`refused`)??r[0]??`broken`,detail:(e.message===``?t[0]?.message??n.join(`, `):e.message).slice(0,300)}}function gc(e,t,n){return new Promise(r=>{if(t?.aborted===!0)return r({kind:`none`,why:`cancelled`,detail:``});let i=()=>void 0,a=!1,o=e=>{a||(a=!0,clearTimeout(c),t?.removeEventListener(`abort`,s),r(e),i())},s=()=>o({kind:`none`,why:`cancelled`,detail:``}),c=setTimeout(()=>o({kind:`none`,why:`timed-out`,detail:``}),e*1e3);t?.addEventListener(`abort`,s,{once:!0});try{let e=n(o);i=e,a&&e()}catch(e){o(hc(e))}})}function _c(e,t,n){let r=e.headers[`content-encoding`],i={kind:`answered`,status:e.statusCode??0,location:e.headers.location?.slice(0,4e3),encoded:r!==void 0&&r!==``&&r!==`identity`};if(t===0)return n({...i,body:/* @__PURE__ */ new Uint8Array,cut:!1});let a=[],o=0;e.on(`data`,e=>{a.push(e),o+=e.length,o>t&&n({...i,body:Buffer.concat(a).subarray(0,t),cut:!0})}),e.on(`end`,()=>n({...i,body:Buffer.concat(a),cut:!1})),e.on(`error`,e=>n(hc(e)))}const vc={http:({url:e,timeoutSeconds:t,maxBytes:n,signal:r})=>gc(t,r,t=>{let r=new URL(e),i={"user-agent":`nixos-deploy-gate`,accept:`*/*`,"accept-encoding":`identity`,connection:`close`},a=r.protocol===`https:`?He.request(r,{agent:new He.Agent({keepAlive:!1}),headers:i,rejectUnauthorized:!0}):Ve.request(r,{agent:new Ve.Agent({keepAlive:!1}),headers:i});return a.on(`error`,e=>t(hc(e))),a.on(`response`,e=>_c(e,n,t)),a.end(),()=>a.destroy()}),tcp:({address:e,port:t,timeoutSeconds:n,signal:r})=>gc(n,r,n=>{let r=Ue({host:e,port:t});return r.on(`error`,e=>n(hc(e))),r.on(`connect`,()=>n({kind:`connected`})),()=>r.destroy()})},yc='PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL; umask 077; IFS= read -r gate_length || exit 125; gate_prelude=$(head -c "$gate_length"; echo .); gate_prelude=${gate_prelude%.}; test "${#gate_prelude}" -eq "$gate_length" || exit 125; eval "$gate_prelude"',bc=`exec /bin/sh -c '${yc}'`,xc=`exec sudo -n -- /bin/sh -c '${yc}'`;function Sc({nonce:e,limitSeconds:t,program:n,arguments:r}){if([n,...r].some(e=>e.includes(`\0`)))return;let i=[n,...r].map(Cc);return Buffer.concat([Cc(`put() { printf '%s put %s %s\\n%s\\n' "$gate_nonce" "$1" "\${#2}" "$2" >&4; }
put_file() {
  [ -f "$2" ] && [ -r "$2" ] || return 1
  printf '%s pipe %s\\n' "$gate_nonce" "$1" >&4
  gate_status=$({ { head -c "$3" <"$2" 2>/dev/null; printf '%s' "$?" >&5; } | base64 -w 0 >&4; } 5>&1)
  printf ' %s\\n' "\${gate_status:-1}" >&4
  return "\${gate_status:-1}"
}
put_output() {
  gate_name=$1 gate_most=$2
  shift 2
  printf '%s pipe %s\\n' "$gate_nonce" "$gate_name" >&4
  gate_status=$({ { "$@" 4>&- 5>&-; printf '%s' "$?" >&5; } | head -c "$gate_most" | base64 -w 0 >&4; } 5>&1)
  printf ' 0\\n' >&4
  put "$gate_name.exit" "\${gate_status:-1}"
  return "\${gate_status:-1}"
}
gate_frame() {
  IFS= read -r gate_length || return 1
  gate_value=$(head -c "$gate_length"; echo .)
  gate_value=\${gate_value%.}
  [ "\${#gate_value}" -eq "$gate_length" ]
}
gate_leash() {
  trap '' TERM HUP INT PIPE
  if command -v timeout >/dev/null; then timeout -s KILL "$gate_limit" cat; else cat; fi
  kill -TERM 0
  sleep 5
  kill -KILL 0
}
gate_main() {
  for gate_value in head base64 cat sleep; do
    command -v "$gate_value" >/dev/null || { echo "There is no $gate_value in $PATH." >&2; exit 125; }
  done
  IFS= read -r gate_nonce && IFS= read -r gate_limit && IFS= read -r gate_count || exit 125
  gate_frame || exit 125
  gate_program=$gate_value
  set --
  while [ "$gate_count" -gt 0 ]; do
    gate_frame || exit 125
    set -- "$@" "$gate_value"
    gate_count=$((gate_count - 1))
  done
  IFS= read -r gate_value && [ "$gate_value" = "$gate_nonce" ] || exit 125
  exec 3<&0 4>&1 </dev/null >&2
  gate_leash <&3 >/dev/null 2>&1 3<&- 4>&- &
  gate_holder=$!
  exec 3<&-
  printf '%s begin\\n' "$gate_nonce" >&4
  (set -u; eval "$gate_program")
  gate_status=$?
  kill -KILL "$gate_holder" 2>/dev/null
  printf '%s end %s\\n' "$gate_nonce" "$gate_status" >&4
  exit 0
}
gate_main
`),Buffer.from(`${e}\n${Math.ceil(t)}\n${r.length}\n`),...i,Buffer.from(`${e}\n`)])}function Cc(e){let t=Buffer.from(e,`utf8`);return Buffer.concat([Buffer.from(`${t.length}\n`),t])}var wc=class{#e=Buffer.alloc(4096);#t=0;#n=0;get length(){return this.#n-this.#t}add(e){if(this.#n+e.length>this.#e.length){let t=this.length+e.length,n=t*2>this.#e.length?Buffer.alloc(t*2):this.#e;this.#e.copy(n,0,this.#t,this.#n),[this.#e,this.#n,this.#t]=[n,this.length,0]}this.#e.set(e,this.#n),this.#n+=e.length}indexOf(e,t=0){let n=this.#e.subarray(0,this.#n).indexOf(e,this.#t+t);return n===-1?-1:n-this.#t}take(e){let t=Buffer.from(this.#e.subarray(this.#t,this.#t+e));return this.#t+=t.length,t}};const Tc=4096,Ec=`something else than our program wrote into its answer`;var Dc=class{records=[];#e;#t=new wc;#n;#r=`waiting`;#i;#a;#o=Buffer.alloc(0);#s=0;#c;#l;#u=0;constructor(e){this.#e=e,this.#n=`${e.nonce} begin\n`,this.#c=e.maxBytes}get state(){return this.#r}get problem(){return this.#i}get exitCode(){return this.#a}get noise(){return this.#o.toString(`utf8`)}add(e){if(this.#r!==`ended`&&this.#r!==`broken`&&(this.#t.add(e),this.#r!==`waiting`||this.#d()))for(;this.#r===`running`&&this.#p(););}#d(){let e=this.#t.indexOf(this.#n);return e===-1?(this.#f(Math.max(this.#t.length-this.#n.length,0)),this.#s>1048576&&this.#y(`it printed more than a mebibyte before our program began`),!1):(this.#f(e),this.#t.take(this.#n.length),this.#r=`running`,!0)}#f(e){let t=this.#t.take(e);this.#s+=e,this.#o.length<Tc&&(this.#o=Buffer.concat([this.#o,t.subarray(0,Tc-this.#o.length)]))}end(){this.#r===`waiting`&&this.#f(this.#t.length)}#p(){if(this.#l===void 0){let e=this.#m(160);return e!==void 0&&(this.#h(e.toString(`latin1`)),!0)}let{name:e,length:t}=this.#l;if(t===void 0){let t=this.#m(Math.ceil(this.#c/3)*4+8);if(t===void 0)return!1;this.#g(e,t.toString(`latin1`))}else{if(this.#t.length<t+1)return!1;let n=this.#t.take(t);this.#t.take(1)[0]===10?this.#_(e,n):this.#y(`the record ${e} is longer than it says`)}return this.#l=void 0,!0}#m(e){let t=this.#t.indexOf(10,this.#u),n=t===-1?this.#t.length:t;if(n>e){this.#y(this.#l===void 0?Ec:this.#v());return}if(t===-1){this.#u=n;return}this.#u=0;let r=this.#t.take(t);return this.#t.take(1),r}#h(e){let[,t,n=``]=/^([0-9a-f]{32}) (.*)$/.exec(e)??[],[,r,i]=/^put ([A-Za-z0-9_.-]{1,64}) (\d{1,10})$/.exec(n)??[],[,a]=/^pipe ([A-Za-z0-9_.-]{1,64})$/.exec(n)??[],[,o]=/^end (\d{1,3})$/.exec(n)??[];t===this.#e.nonce?r!==void 0&&r.length+Number(i)+64>this.#c?this.#y(this.#v()):r===void 0?a===void 0?o===void 0?this.#y(Ec):(this.#a=Number(o),this.#r=`ended`):this.#l={name:a,length:void 0}:this.#l={name:r,length:Number(i)}:this.#y(Ec)}#g(e,t){let[,n=``,r]=/^([A-Za-z0-9+/]*={0,2}) (\d{1,3})$/.exec(t)??[];r===void 0||n.length%4!=0?this.#y(`the record ${e} is not whole`):r===`0`&&this.#_(e,Buffer.from(n,`base64`))}#_(e,t){if(this.#c-=e.length+t.length+64,this.#c<0){this.#y(this.#v());return}let n={name:e,value:t.toString(`utf8`)};this.records.push(n),this.#e.onRecord?.(n)}#v(){return`its answer is longer than ${this.#e.maxBytes} bytes`}#y(e){this.#r=`broken`,this.#i=e}};const Oc=/* @__PURE__ */ `BatchMode yes.StrictHostKeyChecking yes.GlobalKnownHostsFile none.UpdateHostKeys no.CheckHostIP no.VerifyHostKeyDNS no.CanonicalizeHostname no.PreferredAuthentications publickey.PasswordAuthentication no.KbdInteractiveAuthentication no.HostbasedAuthentication no.NumberOfPasswordPrompts 0.AddKeysToAgent no.ForwardAgent no.ForwardX11 no.ForwardX11Trusted no.ClearAllForwardings yes.Tunnel no.PermitLocalCommand no.EscapeChar none.RequestTTY no.ConnectTimeout 15.ConnectionAttempts 1.TCPKeepAlive yes.ServerAliveInterval 5.ServerAliveCountMax 3.ControlMaster no.ControlPath none.ControlPersist no.LogLevel INFO`.split(`.`);function kc(e,t,n){let r=t.key===void 0?[`IdentityFile none`,`IdentityAgent SSH_AUTH_SOCK`]:[`IdentityFile ${t.key}`,`IdentitiesOnly yes`,`IdentityAgent none`];return[`Host *`,`HostName ${e.hostname}`,`Port ${e.port}`,`User ${e.user}`,`UserKnownHostsFile ${t.knownHosts}`,...r,...Oc,...n===void 0?[]:[`ProxyCommand ${n}`],``].join(`
`)}function Ac(e,t,n,r){return`ssh -F ${e} -E ${t} -W '${jc(r.hostname)}:${r.port}' -- ${n}`}const jc=e=>e.includes(`:`)?`[${e}]`:e;function Mc(e,t){let n=e.lastIndexOf(`@`),[r=``,i]=e.slice(n+1).split(`:`);return{hostname:r,port:i===void 0?22:Number(i),user:n===-1?t.user:e.slice(0,n)}}function Nc(e,t){if(e.hostKeys.length===0)return t;let n=e.hostname.toLowerCase(),r=e.port===22?n:`[${n}]:${e.port}`;return e.hostKeys.map(e=>`${r} ${e}\n`).join(``)}const Pc=/^\/[A-Za-z0-9._/+-]*$/;function Fc(e,t,n){let r=[e,Le(),`/tmp`].find(e=>Pc.test(e)&&e.length<=70)??`/tmp`,i=Me(k(r,`ssh-`)),a=n===void 0?void 0:k(i,`key`),o=()=>{a!==void 0&&Fe(a,{force:!0}),Fe(i,{recursive:!0,force:!0})},s=(e,t)=>{let n=k(i,e);return Ie(n,t,{mode:384,flag:`wx`}),n};try{n!==void 0&&s(`key`,`${n.replaceAll(`\r
`,`
`).trim()}\n`);let e=s(`known_hosts`,t),r=/* @__PURE__ */ new Map,c=n=>{let o=String(r.size);je(k(i,o),{mode:448});let c=k(i,o,`jump.log`),l=n.jump.map(e=>Mc(e,n)),u=[...l,n],d;l.forEach((t,r)=>{d=Ac(s(`${o}/jump${r}`,kc(t,{knownHosts:e,key:a},d)),c,`jump${r}`,u[r+1]??n)});let f=s(`${o}/known_hosts`,Nc(n,t)),p=s(`${o}/config`,kc(n,{knownHosts:f,key:a},d)),m=0;return{config:p,socket:k(i,o,`s`),jumpLog:l.length===0?void 0:c,log:()=>k(i,o,`log${m++}`)}};return{directory:i,key:a,of:e=>{let{host:t,hostname:n,port:i,user:a,jump:o,hostKeys:s}=e,l=JSON.stringify([t,n,i,a,o,s]),u=r.get(l)??c(e);return r.set(l,u),u},remove:o}}catch(e){throw o(),e}}const Ic=65536;function Lc(e){return e===void 0?0:Rc(e,e=>Ae(e).size,0)}function $(e,t=0){return e===void 0?``:Rc(e,e=>{let n=Buffer.alloc(Ic);return n.toString(`utf8`,0,Pe(e,n,0,Ic,t))},``)}function Rc(e,t,n){let r;try{r=Ne(e,`r`)}catch(e){if(e.code===`ENOENT`)return n;throw e}try{return t(r)}finally{ke(r)}}function zc(e){let t=async(t,n)=>{let r=e.files(n.address),i=r.log(),a=Lc(r.jumpLog),o=await e.nix.run({arguments:[`copy`,t,Bc(n),...n.substituteOnDestination&&t===`--to`?[`--substitute-on-destination`]:[],...n.checkSignatures?[]:[`--no-check-sigs`],`--`,...n.paths],trust:`deploy-branch`,timeoutSeconds:n.timeoutSeconds,environment:{...e.environment,LC_ALL:`C`,NIX_SSHOPTS:`-F ${r.config} -E ${i}`},...n.onLog===void 0?{}:{onLog:n.onLog}});if(o.exitCode===0||o.timedOut)return o;let s=$(i).replace(/^No ControlPath specified for "-O" command\s*$/m,``),c=$(r.jumpLog,a);if(s.trim()===``&&c.trim()===``)return o;let l=he({exitCode:255,log:s,jumpLog:c,stderr:``,noise:``,sudo:!1});return l.trouble===`unreachable`&&me(s)===void 0?o:{...o,...l}};return{copyTo:e=>t(`--to`,e),copyFrom:e=>t(`--from`,e)}}function Bc(e){let t=e.store===`ssh-ng`?`nix-daemon`:`nix-store`;return`${e.store}://${e.address.host}${e.address.sudo?`?remote-program=sudo%20-n%20${t}`:``}`}const Vc=/* @__PURE__ */ new Set([`not-understood`,`unreachable`,`lost`]);function Hc(e){let{files:t}=e,n=ze(16).toString(`hex`),r=t.log(),i=Lc(t.jumpLog),a=new AbortController;return new Promise((o,s)=>{let c=``,l=!1,u=setTimeout(()=>{l=!0,a.abort()},e.timeoutSeconds*1e3),d=Oe({program:`ssh`,arguments:[`-F`,t.config,`-E`,r,`-T`,`-o`,`ControlMaster=yes`,`-o`,`ControlPath=${t.socket}`,`--`,e.name,`exec cat`],environment:e.environment,input:`${n}\n`,holdInput:!0,timeoutSeconds:604800,graceSeconds:2,maxStderrBytes:16384,signal:AbortSignal.any([e.signal,a.signal]),onStdout:e=>{c+=Buffer.from(e).toString(`latin1`),c.includes(`${n}\n`)?(clearTimeout(u),c=``,o({ok:!0,connection:{ended:d.then(()=>{}),end:()=>a.abort()}})):c.length>65536&&a.abort()}});d.then(e=>{if(clearTimeout(u),e.missing)return o({ok:!1,trouble:`no-ssh`,detail:e.stderr});let n=he({exitCode:e.exitCode,log:$(r),jumpLog:$(t.jumpLog,i),stderr:e.stderr,noise:c.slice(0,4096),sudo:!1});return o({ok:!1,...n,...l&&Vc.has(n.trouble)?{trouble:`timed-out`}:{}})},s)})}const Uc=65536;function Wc(e){if(e.trim()===``)throw i(`ssh-key-unusable`,{problem:`it is empty`});if(e.length>Uc)throw i(`ssh-key-unusable`,{problem:`it is longer than ${Uc} characters`});if(e.includes(`\0`))throw i(`ssh-key-unusable`,{problem:`it holds a NUL byte`});if(/^(?:ssh-|ecdsa-|sk-)/.test(e.trim()))throw i(`ssh-key-unusable`,{problem:`it is a public key`})}async function Gc(e,t,n){let r=await Oe({program:`ssh-keygen`,arguments:[`-y`,`-P`,``,`-f`,e],environment:t,timeoutSeconds:20,maxStdoutBytes:65536,signal:n});if(r.cancelled)throw i(`cancelled`,{});if(r.missing||r.exitCode===0)return;let a=O(r.stderr).replaceAll(e,`the key`).trim().slice(0,300),o=/incorrect passphrase/.test(a)?`it is protected by a passphrase, which nobody is there to type`:/invalid format|error in libcrypto|not a .*key/i.test(a)?`it is not a private key that OpenSSH reads`:`OpenSSH cannot read it`;throw i(`ssh-key-unusable`,{problem:o},a)}async function Kc(e){if(e.signal.aborted)throw i(`cancelled`,{});e.privateKey!==void 0&&Wc(e.privateKey);let t=k(e.scratch,`ssh-home`);je(t,{recursive:!0,mode:448});let n=Fc(e.scratch,`${e.knownHosts.trim()}\n`,e.privateKey),r=e.privateKey===void 0?e.environment.SSH_AUTH_SOCK:void 0,a={HOME:t,PATH:e.environment.PATH??`/run/current-system/sw/bin:/usr/bin:/bin`,LC_ALL:`C`,...r===void 0?{}:{SSH_AUTH_SOCK:r}},o=()=>n.remove();e.signal.addEventListener(`abort`,o,{once:!0}),process.once(`exit`,o);let s=()=>{e.signal.removeEventListener(`abort`,o),process.removeListener(`exit`,o),o()};if(n.key!==void 0)try{await Gc(n.key,a,e.signal)}catch(e){throw s(),e}let c=/* @__PURE__ */ new Map,l=/* @__PURE__ */ new Set,u=/* @__PURE__ */ new Map,d=e=>void u.set(e,(u.get(e)??0)+1),f=(t,n,r)=>{let i=c.get(n);if(i!==void 0)return i;d(n);let o=Hc({files:n,name:t.host,environment:a,sudo:t.sudo,timeoutSeconds:r,signal:e.signal}).then(e=>{if(!e.ok)c.delete(n);else{let{connection:t}=e;l.add(t),t.ended.then(()=>{l.delete(t),c.get(n)===o&&c.delete(n)})}return e});return c.set(n,o),o},p=async e=>{let t=await c.get(e);c.delete(e),t?.ok===!0&&t.connection.end()},m=async t=>{if(e.signal.aborted)throw i(`cancelled`,{});let{address:r}=t,o=n.of(r),s=performance.now(),c=()=>Math.max(t.timeoutSeconds-(performance.now()-s)/1e3,.1);if(t.connection===`shared`){let t=await f(r,o,Math.min(c(),60));if(e.signal.aborted)throw i(`cancelled`,{});if(!t.ok)return{ok:!1,trouble:t.trouble,detail:t.detail,records:[]}}d(o);let l=await qc(t,o,c(),a,e.signal);return e.log.debug(`ssh`,{host:r.host,connection:t.connection,seconds:(performance.now()-s)/1e3,...l.ok?{exitCode:l.exitCode}:{trouble:l.trouble,detail:l.detail}}),!l.ok&&l.trouble===`lost`&&t.connection===`shared`&&await p(o),l},{copyTo:h,copyFrom:g}=zc({nix:e.nix,environment:r===void 0?{}:{SSH_AUTH_SOCK:r},files:e=>{let t=n.of(e);return d(t),t}});return{run:m,copyTo:h,copyFrom:g,roundTrips:e=>u.get(n.of(e))??0,close:async()=>{for(let e of c.values())e.then(e=>e.ok&&e.connection.end());let e=[...l].map(e=>(e.end(),e.ended));await Promise.all(e),s()}}}async function qc(e,t,n,r,a){let{address:o}=e,s=ze(16).toString(`hex`),c=Sc({nonce:s,limitSeconds:n+30,program:e.program,arguments:e.arguments});if(c===void 0)return{ok:!1,trouble:`not-understood`,detail:`an argument holds a NUL byte, which no shell takes`,records:[]};let l=new Dc({nonce:s,maxBytes:e.maxBytes??8388608,...e.onRecord===void 0?{}:{onRecord:e.onRecord}}),u=t.log(),d=Lc(t.jumpLog),f=new AbortController,p,m,h=e.connection===`shared`?t.socket:`none`,g=await Oe({program:`ssh`,arguments:[`-F`,t.config,`-E`,u,`-T`,`-o`,`ControlPath=${h}`,`--`,o.host,o.sudo?xc:bc],environment:r,input:c,holdInput:!0,timeoutSeconds:n,graceSeconds:2,maxStderrBytes:262144,signal:AbortSignal.any([a,f.signal]),onStdout:e=>{if(m===void 0){try{l.add(e)}catch(e){m={error:e},f.abort()}l.state===`broken`&&f.abort(),l.state===`ended`&&(p??=setTimeout(()=>f.abort(),2e3))}}});if(clearTimeout(p),l.end(),m!==void 0)throw m.error;let{records:_}=l;if(l.exitCode!==void 0)return{ok:!0,exitCode:l.exitCode,records:_,stderr:g.stderr};if(a.aborted)throw i(`cancelled`,{});if(g.missing)return{ok:!1,trouble:`no-ssh`,detail:g.stderr,records:_};let v=$(u);if(l.problem!==void 0)return{ok:!1,trouble:`not-understood`,detail:l.problem,records:_};let y=`${v}\n${g.stderr}`.trim();if(g.timedOut)return{ok:!1,trouble:`timed-out`,detail:O(`no end within ${e.timeoutSeconds} s\n${y}`).slice(0,2e3),records:_};if(l.state===`running`)return{ok:!1,trouble:`lost`,detail:O(y===``?`the connection ended`:y).slice(0,2e3),records:_};let b=he({exitCode:g.exitCode,log:v,jumpLog:$(t.jumpLog,d),stderr:g.stderr,noise:l.noise,sudo:o.sudo}),x=e.connection===`shared`&&b.trouble===`unreachable`&&me(O(v))===void 0;return{ok:!1,records:_,...b,...x?{trouble:`lost`}:{}}}async function Jc(e,t){let{prepared:n,environment:r,signal:a}=e,{git:o,scratch:s,sources:c,ports:l}=n,u=[],d=fc(a),f=async(e,t)=>{if(![e,t].every(e=>/^[0-9a-f]{40}$/.test(e)))return`unknown`;let n=await o.run({directory:k(s,`repo`),arguments:[`merge-base`,`--is-ancestor`,e,t]});return n.exitCode===0?!0:n.exitCode===1?(await o.run({directory:k(s,`repo`),arguments:[`rev-parse`,`--is-shallow-repository`]})).stdout.trim()!==`false`&&`unknown`:`unknown`};try{return await t({begin:sc,openTargets:async t=>{let n=Object.values(t.hosts).some(({deploy:e})=>e),a=n?e.privateKey:void 0;if(n&&a===void 0&&(r.SSH_AUTH_SOCK??``)===``)throw i(`ssh-key-missing`,{});let o=await Kc({environment:r,scratch:s,signal:d.signal,...a===void 0?{}:{privateKey:a},knownHosts:[e.knownHosts,...t.apply.knownHosts].join(`
`),nix:l.nix,log:l.log});return u.push(o),o},probe:vc,pause:async e=>await Be(e*1e3,void 0,{signal:d.signal}).catch(()=>{}),signal:a,finishing:d,random:()=>ze(16).toString(`hex`),dryRun:e.dryRun,despite:e.despite,isAncestor:f,policyAt:async t=>{let n=c.at?.(t),r=e.tip??c.head.rev;if(n!==void 0&&r!==void 0&&await f(t,r)===!0)try{let{deployGate:e,flake:t}=await ve(l.nix,n,{trust:n.trust,timeoutSeconds:300});return e===void 0?Ee:we(e.value,t.shown)}catch(e){l.log.debug(`a policy that was applied cannot be read`,{revision:t,reason:String(e)});return}},runnerBootId:De(),repository:e.repository,approve:e.approve,reject:e.reject,approver:e.approver,onDeployBranch:e.onDeployBranch,policyGuarded:e.policyGuarded,...e.overtaken===void 0?{}:{overtaken:e.overtaken},tip:e.tip,only:e.only})}finally{await Promise.all(u.map(e=>e.close()))}}export{et as A,en as C,jt as D,N as E,Je as M,rt as O,$t as S,Zt as T,bn as _,co as a,tn as b,Ea as c,Ei as d,ri as f,wn as g,En as h,fo as i,Qe as j,Xe as k,Ta as l,ti as m,rc as n,so as o,ni as p,Ns as r,ka as s,Jc as t,Fi as u,an as v,Qt as w,on as x,nn as y};