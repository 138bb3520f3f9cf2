import{$ as e,nt as t}from"./prepare.js";import{$ as n,B as r,F as i,G as a,H as o,J as s,K as c,Ot as l,U as u,V as d,W as f,X as p,Y as m,Z as h,at as g,ot as _,q as v,rt as y,tt as b,z as x}from"./judge-and-apply.js";import{F as S,G as C,I as w,K as T,L as ee,N as E,R as D,U as te,W as O,w as ne,z as k}from"./gate.js";import{t as re}from"./transition.js";import{a as ie,i as ae,n as oe,t as se}from"./right-host.js";import{r as ce}from"./ssh-trouble.js";import{t as le}from"./known-cause.js";import{t as ue}from"./recovery.js";import{createHash as de}from"node:crypto";const A=e=>typeof e==`string`?[]:e;function fe(e,t){return A(t).flatMap(t=>t.event===`rejected`&&t.issuedAt!==void 0&&re({...e,issuedAt:t.issuedAt})===t.digest?[{by:t.by,at:t.at}]:[]).reduce((e,t)=>e===void 0||t.at>=e.at?t:e,void 0)}function pe(e,t){let n=Object.hasOwn(e.hosts,t)?e.hosts[t]:void 0,r=n?.group!==void 0&&Object.hasOwn(e.groups,n.group)?e.groups[n.group]:void 0;return[...e.apply.checks,...r?.checks??[],...n?.checks??[]]}const me=2**53-1;function he({hosts:e,policy:t,runnerBootId:n,bootIds:r}){let i=g(t),a=[...new Set(e)].map(e=>{let a=Object.hasOwn(t.hosts,e)?t.hosts[e]:void 0,o=a?.group===void 0?void 0:i.get(a.group),s=n!==void 0&&n!==``&&r.get(e)===n||(a?.carries.length??0)>0,c=a?.canary===!0&&!s;return{host:e,stage:s?me:c?-1:o?.order??100,canary:c,carries:s,group:o}}),o=e=>e.carries?r.get(e.host)===n||ge(t,e.host)?2:1:0;return a.toSorted((e,t)=>e.stage-t.stage||o(e)-o(t))}const ge=(e,t)=>Object.hasOwn(e.hosts,t)&&(e.hosts[t]?.carries.includes(`runner`)??!1),_e=`
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
`;function ve(e){return e.flatMap(e=>{let t=ye(e);return[e.type,e.retries,e.intervalSeconds,e.timeoutSeconds,t.length,...t].map(String)})}function ye(e){switch(e.type){case`command`:return e.command;case`unit`:return[e.unit];case`tcp`:return[e.address.replace(/^\[|\]$/g,``),String(e.port)];case`http`:{let t=new URL(e.url),n=t.port===``?t.protocol===`https:`?`443`:`80`:t.port,r=[t.href,t.hostname.replace(/^\[|\]$/g,``),n,`${t.pathname}${t.search}`,t.host,e.status.join(`,`)];return e.contains===void 0?r:[...r,e.contains]}}}const be=ve;function j(e){if(e.name!==void 0)return e.name;switch(e.type){case`http`:return`http ${ke(e.url)}`;case`tcp`:return`tcp ${e.address} port ${e.port}`;case`command`:return`command ${e.command[0]??``}`;case`unit`:return`unit ${e.unit}`}}function xe(e){let t=/* @__PURE__ */ new Map;return e.map(e=>{let n=j(e),r=(t.get(n)??0)+1;return t.set(n,r),r===1?n:`${n} (${r})`})}const Se=e=>e.type===`http`||e.type===`tcp`?e.from:`host`,Ce=e=>(e.retries+1)*e.timeoutSeconds+e.retries*e.intervalSeconds;function we(e,t,n){let r=n.at(-1);if(r?.kind!==`healthy`&&n.length<=e.retries)return{again:!0,afterSeconds:n.length===0?0:e.intervalSeconds};let i=(r,i)=>({again:!1,result:{key:t,name:j(e),outcome:r,sentence:i,tries:n.length}});return r===void 0?i(`error`,`It was never asked.`):r.kind===`healthy`?i(`passed`,r.sentence):r.kind===`redirected`?i(`failed`,`It leads from one redirect to the next.`):i(r.kind===`ill`?`failed`:`inconclusive`,r.sentence)}function Te(e,t,n){let r=ke(t);if(n.kind===`none`)return De(r,n.why,n.detail,e.timeoutSeconds);if(!e.status.includes(n.status)){let i=`${e.status.join(` or `)} is wanted`;if(n.status<300||n.status>399||n.location===void 0)return{kind:`ill`,sentence:`${r} answered ${n.status}; ${i}.`};let a=Oe(t,n.location);return a===void 0?{kind:`ill`,sentence:`${r} answered ${n.status} and points elsewhere, to ${ke(n.location)}; ${i}, and no redirect to another origin is followed.`}:{kind:`redirected`,url:a}}return e.contains===void 0?{kind:`healthy`,sentence:`${r} answered ${n.status}.`}:Buffer.from(n.body).includes(e.contains)?{kind:`healthy`,sentence:`${r} answered ${n.status} with the text that is wanted.`}:n.encoded?{kind:`impossible`,sentence:`${r} answered compressed, so that its text cannot be looked for.`}:n.cut?{kind:`impossible`,sentence:`The text that is wanted is not in the first MiB of what ${r} answered.`}:{kind:`ill`,sentence:`${r} answered ${n.status} without the text that is wanted.`}}function Ee(e,t){let n=`${e.address} port ${e.port}`;return t.kind===`connected`?{kind:`healthy`,sentence:`${n} accepts connections.`}:De(n,t.why,t.detail,e.timeoutSeconds)}function De(e,t,n,r){let i=n===``?``:` (${n})`;switch(t){case`refused`:return{kind:`ill`,sentence:`${e} refuses connections${i}.`};case`timed-out`:return{kind:`ill`,sentence:`${e} did not answer within ${r} s${i}.`};case`certificate`:return{kind:`ill`,sentence:`The certificate of ${e} is not to be trusted${i}.`};case`broken`:return{kind:`ill`,sentence:`${e} broke off the connection or answered what is no answer${i}.`};case`name`:return{kind:`impossible`,sentence:`The name of ${e} cannot be looked up here${i}.`};case`no-route`:return{kind:`impossible`,sentence:`There is no way from here to ${e}${i}.`};case`local`:return{kind:`impossible`,sentence:`${e} could not be asked from here${i}.`};case`cancelled`:return{kind:`impossible`,sentence:`The run was cancelled before ${e} had answered.`}}}function Oe(e,t){if(!URL.canParse(t,e))return;let n=new URL(t,e);return n.origin===new URL(e).origin?n.href:void 0}function ke(e){if(!URL.canParse(e))return e.slice(0,200);let t=new URL(e);return`${t.origin}${t.pathname}`.slice(0,300)}async function Ae(e,t){let n=xe(e),r=e.map((e,t)=>({check:e,key:n[t]??j(e)})),i=r.filter(({check:e})=>Se(e)===`host`),[a,o]=await Promise.all([Promise.all(r.filter(({check:e})=>Se(e)===`gate`).map(e=>je(e,t))),Fe(i,t)]),s=new Map([...a,...o].map(e=>[e.key,e]));return r.map(({check:e,key:t})=>s.get(t)??{key:t,name:j(e),outcome:`error`,sentence:`It was never asked.`,tries:0})}async function je({check:e,key:t},n){let r=[];for(;;){let i=we(e,t,r);if(!i.again)return i.result;if(i.afterSeconds>0&&await n.wait(i.afterSeconds),r.push(n.signal?.aborted===!0?{kind:`impossible`,sentence:`The run was cancelled before it was asked.`}:await Ne(e,n)),n.signal?.aborted===!0)return Me(e,t,r)}}function Me(e,t,n){return{key:t,name:j(e),outcome:`inconclusive`,sentence:`The run was cancelled before it was answered.`,tries:n.length}}async function Ne(e,{probe:t,signal:n}){let r=n===void 0?{}:{signal:n};if(e.type===`tcp`)return Ee(e,await t.tcp({address:e.address.replace(/^\[|\]$/g,``),port:e.port,timeoutSeconds:e.timeoutSeconds,...r}));if(e.type!==`http`)return{kind:`impossible`,sentence:`It is not asked from here.`};let i=e.url,a=e.contains===void 0?0:1048576;for(let n=0;n<=5;n++){let n=Te(e,i,await t.http({url:i,timeoutSeconds:e.timeoutSeconds,maxBytes:a,...r}));if(n.kind!==`redirected`)return n;i=n.url}return{kind:`redirected`,url:i}}const Pe=C().max(4e3).transform(e=>e.split(`
`)).pipe(T([C().regex(/^[0-9]{1,3}$/),E([`passed`,`failed`,`inconclusive`]),C().regex(/^[0-9]{1,4}$/)]).rest(C()));async function Fe(e,{targets:t,address:n,signal:r}){if(e.length===0)return[];let i=t=>e.map(({check:e,key:n})=>({key:n,name:j(e),outcome:`inconclusive`,sentence:t,tries:0}));if(r?.aborted===!0)return i(`The run was cancelled before it was asked.`);let a=e.map(({check:e})=>e),o=Math.max(...a.map(e=>Ce(e)+(e.retries+1)*14)),s=await t.run({address:n,program:_e,verb:`check`,arguments:ve(a),connection:`shared`,timeoutSeconds:o+30,maxBytes:262144}),c=/* @__PURE__ */ new Map,l=/* @__PURE__ */ new Set;for(let e of s.records){let t=e.name===`check`?Pe.safeParse(e.value):void 0;if(t?.success!==!0)continue;let n=Number(t.data[0]);c.has(n)&&l.add(n),c.set(n,t.data)}return e.map(({check:e,key:t},n)=>{let r=c.get(n),i=j(e);if(r===void 0||l.has(n))return{key:t,name:i,outcome:`inconclusive`,sentence:s.ok?`The host did not say what became of it.`:`The host could not be asked (${s.trouble}).`,tries:0};let[,a,o,...u]=r,d=u.join(` `).trim().slice(0,600);return{key:t,name:i,outcome:a,sentence:`On the host, ${i}: ${d===``?a:d.replace(/[\s.]+$/,``)}.`,tries:Number(o)}})}function M(e,t){return e.findLast(e=>e.name===t)?.value}async function Ie(e,t,n){await e.run({address:t,program:`
limit=$1
shift
for unit do
  systemctl reset-failed -- "$unit" 2>/dev/null
  if timeout -k 5 "$limit" systemctl --no-ask-password restart -- "$unit" 2>&1; then put restarted "$unit"; else put failed "$unit"; fi
done
`,verb:`restart`,arguments:[`90`,...n],connection:`shared`,timeoutSeconds:30+n.length*100})}const N={failedUnits:[],needNewKernel:[],holders:[]},Le=()=>[],Re=[{strategy:`boot`,reason:({last:e,mode:t,reversible:n})=>{if(e.standing===`old`&&e.trouble===`inhibitor`)return`A component that cannot be exchanged while the system runs would change, so the new system becomes the boot default and a reboot brings it in.`;if(e.standing===`old`&&e.trouble===`init-interface`)return`The new system speaks to another init than the one that runs, so it becomes the boot default and a reboot brings it in.`;let{failedUnits:r,needNewKernel:i}=e.evidence;if(e.trouble===`units-failed`&&r.length>0&&r.every(e=>i.includes(e))&&t!==`boot-only`&&(e.standing===`old`||e.standing===`new`&&n))return`${Be(r)} ${r.length===1?`wants`:`want`} a module that only the new kernel has, so a reboot has to bring the new system in.`},units:Le},{strategy:`stop-then-switch`,reason:({last:e,onlyBoot:t,reversible:n})=>!t&&e.trouble!==void 0&&e.evidence.holders.length>0&&(e.standing===`old`||e.standing===`new`&&n)?`A file system could not be unmounted because ${Be(e.evidence.holders)} ${e.evidence.holders.length===1?`uses`:`use`} it, so that is stopped first.`:void 0,units:({last:e})=>e.evidence.holders},{strategy:`restart-units`,reason:({last:e,onlyBoot:t})=>!t&&e.trouble===`units-failed`&&e.standing===`new`&&e.evidence.failedUnits.length>0?`The new system runs and ${Be(e.evidence.failedUnits)} failed on it; a start may fail for reasons that pass.`:void 0,units:({last:e})=>e.evidence.failedUnits},{strategy:`rollback`,reason:({last:e,mode:t,reversible:n})=>n&&t!==`boot-only`&&e.trouble!==void 0&&e.trouble!==`loader-failed`&&e.standing===`new`?`The new system is active and not well: ${P[e.trouble]}`:void 0,units:Le}],P={inhibitor:`a switch inhibitor refused the switch.`,"init-interface":`it needs another init.`,"pre-switch-check":`a check of the system itself refused the switch.`,"lock-held":`another activation holds the lock.`,moved:`the host was switched by somebody else meanwhile.`,"not-begun":`the activation could not begin.`,"units-failed":`units failed that had not failed before.`,"script-failed":`its activation script failed, so that it is half activated.`,"timed-out":`the activation did not end within its time limit.`,"not-confirmed":`it was not confirmed: a check fails, or no new connection came about.`,killed:`the activation or its supervisor was killed.`,"loader-failed":`profile or boot loader could not be set.`,"return-failed":`going back failed.`,unreachable:`the host does not answer.`,unknown:`what became of the activation is not known.`};function ze(e){let{attempts:t,mode:n}=e,r=t.at(-1);if(r===void 0)return n===`boot-only`?{kind:`try`,strategy:`boot`,units:[],returnFirst:!1,reasons:[`Only a boot brings this change in.`]}:{kind:`try`,strategy:`switch`,units:[],returnFirst:!1,reasons:[`The change can be brought in while the system runs.`]};if(r.strategy===`escalate`)return F(`It is with a person already.`);if(r.standing===`other`)return{kind:`end`,how:`later`,reasons:[`Somebody else has switched the host meanwhile, and what they did is left alone.`]};if(r.strategy===`rollback`)return r.trouble===void 0&&r.standing===`old`?{kind:`end`,how:`back`,reasons:[`The host runs its old system again.`]}:F(`The host could not be brought back: ${P[r.trouble??`unknown`]}`);if(r.trouble===void 0)return{kind:`end`,how:`done`,reasons:[`It was brought in.`]};if(r.trouble===`unreachable`||r.standing===`unknown`)return F(`Nothing can be done from here: ${P[r.trouble]}`,`Its supervisor goes back by itself where nobody confirms, and the next run reads what became of it.`);if(r.trouble===`moved`||r.trouble===`lock-held`)return r.standing===`old`?{kind:`end`,how:`later`,reasons:[`Nothing was changed: ${P[r.trouble]}`]}:F(`It is in the middle: ${P[r.trouble]}`);let i=n===`boot-only`||t.some(e=>e.strategy===`boot`||e.trouble===`inhibitor`||e.trouble===`init-interface`),a={...e,last:r,onlyBoot:i};for(let n of Re){if(t.some(e=>e.strategy===n.strategy))continue;let i=n.reason(a);if(i===void 0)continue;let o=n.strategy===`boot`||n.strategy===`stop-then-switch`;return{kind:`try`,strategy:n.strategy,units:n.units(a),returnFirst:o&&r.standing===`new`&&e.reversible,reasons:[i]}}return r.standing===`new`&&r.trouble===`loader-failed`?F(`The new system is active and was confirmed, and the boot loader could not be set: the next boot brings the old one back.`,`Going back would need the same boot loader, so it is left as it is until a person has looked at it.`):r.standing===`new`&&!e.reversible?F(`The new system is active and not well: ${P[r.trouble]}`,`It may have migrated data, so it is not taken back while the host answers.`):r.standing===`old`&&r.trouble!==`return-failed`?{kind:`end`,how:`back`,reasons:[`The host runs its old system: ${P[r.trouble]}`]}:F(`No other way is left: ${P[r.trouble]}`)}const F=(...e)=>({kind:`escalate`,strategy:`escalate`,reasons:e});function Be(e){return e.length<=4?e.join(`, `):`${e.slice(0,4).join(`, `)} and ${e.length-4} more`}const I=C().regex(/^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211}(?:\/specialisation\/[A-Za-z0-9+\-._]{1,64})?$/),Ve=C().regex(/^[0-9a-f]{32}$/),L=O({id:C().regex(/^[a-z0-9][a-z0-9-]{7,63}$/),host:ne,repository:C().max(200).optional(),revision:C().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/).optional(),committedAt:D().optional(),digest:Ve.optional(),approvedBy:C().max(100).optional(),operation:E([`switch`,`boot`,`rollback`,`reboot`]),from:O({current:I.optional(),profile:I.optional()}),to:I}),He=E([`deployed`,`staged`,`refused`,`rolled-back`,`rollback-failed`,`live-but-old-boots`,`left-unconfirmed`,`superseded`]),R=D(),z=ee(`event`,[O({v:k(1),event:k(`started`),at:R,bootId:C().max(64),attempt:L,failedUnits:S(C().max(256)).max(64).optional()}),O({v:k(1),event:k(`ended`),at:R,id:L.shape.id,outcome:He,reason:C().max(100),exit:D().optional()}),O({v:k(1),event:k(`rejected`),at:R,digest:Ve,issuedAt:D().optional(),by:C().max(100)}),O({v:k(1),event:k(`rebooted`),at:R,id:L.shape.id,seconds:D().nonnegative(),ok:w()}),O({v:k(1),event:k(`held`),at:R,since:R,revision:L.shape.revision,rules:S(C().max(64)).max(16)}),O({v:k(1),event:k(`let-go`),at:R}),O({v:k(1),event:k(`told`),at:R,to:I}),O({v:k(1),event:k(`waits-for-boot`),at:R,to:I,reasons:S(O({part:C().max(256),found:C().max(300),wanted:C().max(300),sentence:C().max(500)})).min(1).max(8)}),O({v:k(1),event:k(`action`),at:R,kind:E([`restart-unit`,`collect-garbage`]),unit:C().max(256).optional(),goal:C().max(64)})]);function Ue(e){let t=[];for(let[n,r]of e.entries()){if(r.trim()===``)continue;let e=We(r);if(e===void 0)return{ok:!1,line:n+1};t.push(e)}return{ok:!0,entries:t}}function We(e){try{return z.safeParse(JSON.parse(e)).data}catch{return}}function Ge(e){return e.flatMap(e=>e.event===`rebooted`&&e.ok?[e.seconds]:[])}function Ke(e){if(e.ledgerState===`absent`)return`none`;let t=e.ledger===void 0?void 0:Ue(e.ledger);return t?.ok===!0?t.entries:`unreadable`}const qe=e=>e.replace(/-[0-9]+$/,``);function Je(e,t,n,r){let{booted:i,profile:a,current:o,generation:s}=t;if(i===void 0)return{missing:`What it booted cannot be told.`};if(a===void 0)return{missing:`What it boots next cannot be told.`};let c=`reboot-${de(`sha256`).update(JSON.stringify([e,i,a,s??null])).digest(`hex`).slice(0,32)}`,l=L.safeParse({id:`${c}-${r.filter(e=>qe(e.attempt.id)===c).length+1}`,host:e,operation:`reboot`,from:{profile:a,...o===void 0?{}:{current:o}},to:a});return l.success?{attempt:l.data,release:n}:{missing:`What it boots next is not the path of a system.`}}function Ye(e){let t=[],n=/* @__PURE__ */ new Map,r=(e,r)=>{let i=n.get(e),a=i===void 0?void 0:t[i];i!==void 0&&a!==void 0&&a.end===void 0&&(t[i]={...a,end:r})};for(let i of e)i.event===`started`&&i.attempt.operation===`reboot`?(n.set(i.attempt.id,t.length),t.push({attempt:i.attempt,startedAt:/* @__PURE__ */ new Date(i.at*1e3),bootId:i.bootId,failedBefore:i.failedUnits,end:void 0})):i.event===`rebooted`?r(i.id,{kind:`rebooted`,ok:i.ok,seconds:i.seconds}):i.event===`ended`&&r(i.id,{kind:`given-up`,reason:i.reason});return t}function Xe(e,t){let n=/* @__PURE__ */ new Map,r;for(let i of e){if(i.event===`started`&&n.set(i.attempt.id,i.attempt),i.event!==`ended`||i.outcome!==`staged`&&i.outcome!==`deployed`)continue;let e=n.get(i.id);e!==void 0&&e.operation!==`reboot`&&(r=e.to===t?r??/* @__PURE__ */ new Date(i.at*1e3):void 0)}return r}const Ze=/* @__PURE__ */ new Set([`group-busy`,`window`,`target-changed`,`cancelled`]),Qe=(e,t)=>e.filter(({attempt:e,end:n})=>qe(e.id)===t&&n?.kind===`given-up`&&!Ze.has(n.reason)).length;function $e(e,{profile:t,booted:n},r){let i=e.at(-1);return i?.end?.kind!==`rebooted`||i.end.ok?!1:i.attempt.to===t&&!(n===t&&r)}function B(e){return JSON.stringify(e).replace(/[^\x20-\x7e]/g,e=>`\\u${e.charCodeAt(0).toString(16).padStart(4,`0`)}`)}const V=`
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
`,et=`
pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}
`,tt=`${et}
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
`,H=`${V}
boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\\"$1\\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}
`,nt=`${H}
[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
mkdir -p "$ledger_home" || { say no ledger; exit 0; }
exec 8>>"$ledger_home/reboot.lock"
if have flock; then flock -w 30 8 || { say no ledger; exit 0; }; fi
if any_open; then say no under-way; exit 0; fi
if append_ledger "$2"; then say yes begun; else say no ledger; fi
`,rt=`${tt}
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
`,it=`${H}${rt}
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
`,at=`${H}${tt}
unpin_entry
if [ -e "$pin_mark" ]; then say no pinned; else say yes settled; fi
`,ot=`${H}${tt}
[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
unpin_entry
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$2"; then say yes given-up; exit 0; fi
if append_ledger "$2"; then say yes given-up; else say no ledger; fi
`,st=`${V}
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
put() { printf '%s: %s\\n' "$1" "$2"; }
${H}${rt}
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
`,ct=`${H}
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
`,lt=st,ut=e=>e===void 0?``:String(Math.floor(e.getTime()/1e3)),dt=e=>/* @__PURE__ */ new Date(e.getTime()-6e4);var ft=class{#e;#t;constructor(e,t){this.#e=e,this.#t=t}begin({bootId:e,entry:t}){return this.#r(`reboot-begin`,nt,[e,B(z.parse(t))])}giveUp({bootId:e,entry:t}){return this.#r(`reboot-give-up`,ot,[e,B(z.parse(t))])}reboot(e,{bootId:t,latest:n}){return this.#r(`reboot`,it,pt(e,t,void 0,n))}arm(e,{bootId:t,fireAt:n,latest:r}){let{notWhileLoggedIn:i,commandSeconds:a,inhibit:o}=e.policy;return this.#r(`reboot-arm`,ct,[...pt(e,t,dt(n),r),i?`1`:`0`,ut(n),String(a),lt,...o.flatMap(e=>[String(e.length),...e])])}settle(){return this.#r(`reboot-settle`,at,[])}cancelTimers(e=``){return this.#r(`reboot-cancel`,`
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
`,[e])}async reconnect(){for(let e=0;e<3;e++)if((await this.#n(`ping`,`:`,[],25)).ok)return}#n(e,t,n,r){return this.#e.run({address:this.#t,program:t,verb:e,arguments:n,connection:`shared`,timeoutSeconds:r})}async#r(e,t,n){let r=await this.#n(e,t,n,120),i=M(r.records,`result`),a=M(r.records,`reason`);return i===`yes`||i===`no`?{kind:i,reason:(a??``).slice(0,60)}:r.ok?{kind:`lost`,reason:r.stderr.trim().slice(-300)}:{kind:r.trouble===`lost`||r.trouble===`timed-out`||r.trouble===`not-understood`?`lost`:`unreached`,reason:r.trouble}}};function pt(e,t,n,r){let{attempt:i,policy:a}=e;return[i.id,t,i.to,ut(n),ut(r),a.bootEntry,a.tryOnce?`once`:`default`]}async function mt(e,n,r){let i=await e.run({address:n,program:ht,verb:`record`,arguments:[B(z.parse(r))],connection:`shared`,timeoutSeconds:60});return i.ok?M(i.records,`appended`)===`yes`?{ok:!0}:{ok:!1,failure:t(`ledger-unwritable`,{host:n.host},i.stderr)}:{ok:!1,failure:ie(n,i.trouble,i.detail)}}const ht=`${V}
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$1"; then put appended yes; exit 0; fi
if append_ledger "$1"; then put appended yes; else put appended no; fi
`,gt={LABEL:`by-label`,UUID:`by-uuid`,PARTLABEL:`by-partlabel`,PARTUUID:`by-partuuid`,ID:`by-id`},_t=/* @__PURE__ */ new Set([`btrfs`,`bcachefs`]),vt=/* @__PURE__ */ new Set([`nfs`,`nfs4`,`cifs`,`smb3`,`ceph`,`9p`]);function yt(e){if(e.startsWith(`/dev/`))return e;let t=/^([A-Z]+)=(?:"([^"]*)"|(.*))$/.exec(e),n=gt[t?.[1]??``];if(t===null||n===void 0)return;let r=t[2]??t[3]??``;return`/dev/disk/${n}/${n===`by-label`||n===`by-partlabel`?bt(r):r}`}const bt=e=>e.replace(/[^A-Za-z0-9#+\-.:=@_\u0080-\u{10ffff}]/gu,e=>`\\x${e.charCodeAt(0).toString(16).padStart(2,`0`)}`),U=(e,t)=>e.get(t)??t,xt=e=>e.startsWith(`/dev/disk/`);function St(e,t,n){if(e.options.includes(`bind`)||e.options.includes(`rbind`))return wt(e,t,n);if(vt.has(e.fsType)||e.fsType===`zfs`){let[n,r]=[Ct(e.device),Ct(t.source)];return n===r?{kind:`same`}:{kind:`other`,expected:e.device,found:t.source}}let r=yt(e.device);if(r===void 0)return{kind:`same`};let i=U(n.devices,t.source);return U(n.devices,r)===i?{kind:`same`}:xt(r)&&!n.devices.has(r)?n.devices.size===0?{kind:`unknown`,why:`the host has no links below /dev/disk`}:{kind:`absent`,expected:r}:_t.has(t.type)?{kind:`unknown`,why:`a ${t.type} of several devices goes by any of them`}:!i.startsWith(`/dev/`)||i===`/dev/root`||i===`/dev/fuse`?{kind:`unknown`,why:`the mount table calls it ${t.source}`}:{kind:`other`,expected:e.device,found:t.source}}const Ct=e=>e.length>1?e.replace(/\/+$/,``):e;function wt(e,t,n){let r=Ct(e.device),i;for(let e of n.mounts)(e.target===`/`||r===e.target||r.startsWith(`${e.target}/`))&&e!==t&&(i===void 0||e.target.length>=i.target.length)&&(i=e);if(i===void 0)return{kind:`unknown`,why:`what holds ${r} cannot be told`};let a=i.target===`/`?r:r.slice(i.target.length),o=`${i.root===`/`?``:i.root}${a}`||`/`;return o===t.root&&i.source===t.source?{kind:`same`}:{kind:`unknown`,why:`${e.device} should show as ${o} of ${i.source}, and ${t.root} of ${t.source} is there`}}const Tt=/^(?:defaults|auto|noauto|user|users|nouser|owner|group|nofail|_netdev|comment=.*|x-.*|X-.*|loop|loop=.*|offset=.*|bind|rbind|r?(?:private|shared|slave|unbindable)|remount|silent|loud|suid|dev|exec|async|atime|iversion|noiversion|helper=.*|uhelper=.*|credentials=.*|cred=.*|password=.*|pass=.*|username=.*|user=.*|domain=.*|lookup=.*|addr=.*|zfsutil|bg|fg|retry=.*|encryption=.*|fsck|pri=.*)$/,Et=/* @__PURE__ */ new Set([`ro`,`nosuid`,`nodev`,`noexec`,`noatime`,`nodiratime`,`relatime`,`strictatime`,`sync`,`dirsync`,`nosymfollow`]),Dt=/* @__PURE__ */ new Set([`iso9660`,`squashfs`,`erofs`,`udf`,`cramfs`]),Ot=/^(?:subvol|subvolid|data|uid|gid|umask|fmask|dmask|vers|nfsvers|minorversion|proto|port|sec|rsize|wsize|clientaddr|iocharset|nls|codepage|journal_\w+|logdev|logbsize|nobarrier|huge|lowerdir|upperdir|workdir|degraded|device|mapall|trans|msize|cache|soft|hard)(?:=|$)/;function kt(e,t,n){let r=/* @__PURE__ */ new Set([...t.options,...t.superOptions]),i=[],a=(e,t,n)=>{i.push({option:e,expected:t,found:n,kind:`wrong`,remount:!Ot.test(e)})},o=new Set(e.options),s=new Set(n?.options);for(let e of o)if(Et.has(e))r.has(e)||a(e,e,`without ${e}`);else if(e.startsWith(`subvol=`)){let t=jt(r,`subvol`);t!==void 0&&`/${e.slice(7).replace(/^\/+/,``)}`!==t&&a(e,e,`subvol=${t}`)}else if(n!==void 0&&!s.has(e)&&!Tt.test(e)&&e!==`rw`){let t=Mt(e,r);t!==void 0&&i.push({...t,remount:!Ot.test(e)})}!o.has(`ro`)&&!Dt.has(t.type)&&(t.options.includes(`ro`)||t.superOptions.includes(`ro`))&&a(`rw`,`writable`,`read-only`);for(let t of s)o.has(t)||Tt.test(t)||t===`ro`||t===`rw`||[...o].some(e=>At(e)===At(t))||/^no(?:suid|dev|exec)$/.test(t)&&e.options.some(e=>/^(?:user|users|owner|group)$/.test(e))||t!==`relatime`&&r.has(t)&&a(t,`without ${t}`,t);return i}const At=e=>e.split(`=`,1)[0]??e;function jt(e,t){for(let n of e)if(n.startsWith(`${t}=`))return n.slice(t.length+1)}function Mt(e,t){if(t.has(e))return;let n=At(e),r=jt(t,n);return r===void 0?{option:e,expected:e,found:`not shown by the kernel`,kind:`unknown`}:e===n||Pt(n,e.slice(n.length+1),r)?void 0:{option:e,expected:e,found:`${n}=${r}`,kind:`wrong`}}const Nt={"":1,k:1024,m:2**20,g:2**30,t:2**40};function Pt(e,t,n){if(t===n||n.startsWith(`${t}:`)||t.endsWith(`%`))return!0;let r=/^(?:mode|umask|fmask|dmask)$/.test(e),i=e=>{let t=/^(\d+)([kmgt]?)$/i.exec(e);if(t!==null)return Number.parseInt(t[1]??``,r?8:10)*(Nt[(t[2]??``).toLowerCase()]??1)},[a,o]=[i(t),i(n)];return a!==void 0&&a===o}const Ft=/* @__PURE__ */ new Set([`/`,`/nix`,`/nix/store`,`/usr`,`/var`,`/etc`]),It=/* @__PURE__ */ new Set([`bind`,`rbind`]);function Lt(e,t,n,r){if(r.mounts.length===0)return[];let i=Rt(e?.mounts??[]),a=Rt(t.mounts),o=[];for(let[t,s]of a)o.push(...Ht(s,i.get(t),e!==void 0,n,r));for(let[e,n]of i){let i=a.has(e)?void 0:Bt(r,e);if(i===void 0||Ft.has(e)||t.units.has(Vt(e)))continue;let s=`${i.source} (${i.type})`,c=`${e} is no longer in fstab and is still mounted; something may hold it.`;i.source!==n.device&&/^(?:tmpfs|proc|sysfs)$/.test(i.type)||o.push({family:`mount`,subject:e,expected:`not mounted`,found:s,needs:`person`,sentence:c})}return o}function Rt(e){let t=/* @__PURE__ */ new Map;for(let n of e)n.mountPoint.startsWith(`/`)&&t.set(zt(n.mountPoint),n);return t}const zt=e=>e.length>1?e.replace(/\/+$/,``)||`/`:e;function Bt(e,t){return e.mounts.findLast(e=>e.target===t&&e.type!==`autofs`)}function Vt(e){let t=e.replace(/^\/+|\/+$/g,``);return t===``?`-.mount`:`${[...Buffer.from(t)].map((e,t)=>{let n=String.fromCharCode(e);return n===`/`?`-`:/[A-Za-z0-9:_.]/.test(n)&&(t!==0||n!==`.`)?n:`\\x${e.toString(16).padStart(2,`0`)}`}).join(``)}.mount`}function Ht(e,t,n,r,i){let a=zt(e.mountPoint),o=Bt(i,a),s=Bt(r,a),c=t=>e.options.includes(t),l=`${e.device} (${e.fsType})`,u=(e,t,n,r=l)=>({family:`mount`,subject:a,expected:r,found:e,needs:t,sentence:n});if(o===void 0){if(c(`noauto`))return[];if(c(`x-systemd.automount`))return i.mounts.some(e=>e.target===a)?[]:[u(`no automount`,`restart`,`${a} should be mounted on demand and nothing waits there.`)];if(c(`nofail`)&&s===void 0&&(t!==void 0||!n))return[];let e=s===void 0&&t!==void 0?` It was so before the deploy.`:``;return[u(`not mounted`,`person`,`${a} is in fstab and is not mounted: systemctl status '${Vt(a)}'.${e}`)]}let d=[],f=Ft.has(a)?`reboot`:`restart`,p=n&&(t===void 0||t.device!==e.device||t.options.join()!==e.options.join());Wt(e,o)||d.push(u(o.type,f,`${a} is mounted as ${o.type} and not as ${e.fsType}.`,e.fsType));let m=St(e,o,i);m.kind===`other`&&d.push(u(m.found,f,`${a} is another device than fstab names.`,m.expected)),m.kind===`absent`&&d.push(u(o.source,`person`,`${a} names a device that is not on this machine; the next boot would not find it.`,m.expected)),m.kind===`unknown`&&p&&d.push(u(`not known`,`nothing`,`Whether ${a} is the device that fstab names cannot be told: ${m.why}.`));for(let n of kt(e,o,t)){let e=n.kind===`unknown`?`nothing`:n.remount?`remount`:f,r=s!==void 0&&t!==void 0&&t.options.includes(n.option)&&Ut(s,o)?` It was so before the deploy.`:``,i=n.kind===`unknown`?`Whether ${a} has the option ${n.option} cannot be told.`:`${a} is mounted ${n.found.startsWith(`without`)||n.found===`read-only`?n.found:`with ${n.found}`}, and fstab says ${n.expected}${n.remount?``:`; a remount cannot change that`}.${r}`;d.push(u(n.found,e,i,n.expected))}return d}const Ut=(e,t)=>e.options.join()===t.options.join()&&e.superOptions.join()===t.superOptions.join();function Wt(e,t){let{fsType:n}=e;return n===`auto`||n===`none`||n===t.type||e.options.some(e=>It.has(e))||n.split(`,`).includes(t.type)?!0:t.type.startsWith(`fuse`)?!/^(?:ext[234]|xfs|btrfs|vfat|zfs|tmpfs|f2fs|bcachefs)$/.test(n):n===`nfs`&&t.type===`nfs4`||n===`cifs`&&t.type===`smb3`||n===`smb3`&&t.type===`cifs`}const Gt=/ \(deleted\)$/,Kt=/* @__PURE__ */ new Set([`skip`,`nothing`]);function qt(e,t,n,r,i,a=/* @__PURE__ */ new Map){let s=Jt(t,r),c=new Map(n.units.map(e=>[e.unit,e]));for(let l of r.units){let r=Yt(t,l.unit),d=r===void 0?void 0:t.units.get(r);if(r===void 0||d===void 0||l.mainPid===0||l.activeState!==`active`)continue;let f=e?.units.get(r),p=f!==void 0&&f!==d&&o(f,d).needs===`restart`,m=p?Xt(f,d,l,n,i):Zt(l,c.get(l.unit));if(m===void 0)continue;let h=!p||e===void 0?void 0:a.get(r)??u(r,e.units,t.units).effect;s.push(Qt(l.unit,d,m,h))}return s}function Jt(e,t){let n=t.units.filter(t=>t.needDaemonReload&&Yt(e,t.unit)!==void 0).map(e=>e.unit),[r]=n;if(r===void 0)return[];let i=n.slice(0,5).join(`, `);return[{family:`process`,subject:r,expected:`systemd has read the new unit files`,found:n.length===1?`one unit that it has not read`:`${n.length} units that it has not read`,needs:`daemon-reload`,sentence:`systemd has not read the new files of ${i}${n.length>5?` and ${n.length-5} more`:``}.`}]}function Yt(e,t){if(e.units.has(t))return t;let n=s(t);return n!==void 0&&e.units.has(n)?n:void 0}function Xt(e,t,n,r,i){let a=e=>new Set(y(e,i,2e3).map(e=>e.root)),o=a(t.text),s=new Set([...a(e.text)].filter(e=>!o.has(e))),c=[n.executable?.replace(Gt,``),...n.runs].flatMap(e=>e===void 0?[]:l(e,i)??[]).find(e=>s.has(e));if(c!==void 0)return c;if(n.activeSince!==void 0&&n.activeSince.getTime()<r.at.getTime()-1e3)return`a process from ${n.activeSince.toISOString()}, before the deploy`}function Zt(e,t){let{executable:n}=e;if(n!==void 0&&Gt.test(n)&&t?.executable!==n)return n}function Qt(e,t,n,r){let i=h(t,`Service`,`ExecStart`).at(-1)?.split(/\s/)[0]?.slice(0,300)??`the new unit`;return r!==void 0&&Kt.has(r)?{family:`process`,subject:e,expected:i,found:n,needs:`reboot`,sentence:`${e} changed and is left running by design; the next boot starts the new one.`}:{family:`process`,subject:e,expected:i,found:n,needs:`restart`,sentence:Gt.test(n)?`${e} runs a program that is no longer in the store.`:`${e} still runs the old version.`}}function $t(e,t){let{booted:n,profile:r,current:i}=e,a=[],o=e.systems.booted??nn(t,n),s=en(e,t),c=s===r?e.systems.profile??nn(t,r):nn(t,s),l=r!==void 0&&i!==void 0&&i!==r&&e.specialisation===void 0,u=tn(t,s),d={running:e.kernel.release,wanted:u===void 0||t===void 0?void 0:m(t,u.kernel,u.kernelModules)};if(o===void 0||c===void 0)return a.push(o===void 0?`What the host booted cannot be told.`:`What the host would boot cannot be told.`),{needed:l,staged:l,reasons:[],release:d,unknown:a};let f=n!==void 0&&n===s?[]:[...an(o,c,a),...cn(o,c,a)];return l&&f.push(...ln(e.systems.current,c)),{needed:l||f.some(e=>e.required),staged:l,reasons:f,release:d,unknown:a}}function en(e,t){let{specialisation:n,profile:r}=e;return n===void 0?r:tn(t,r)?.specialisations.get(n)??r}function tn(e,t){return e===void 0||t===void 0||v(e,t)!==void 0?void 0:c(e,t)}function nn(e,t){if(e===void 0||t===void 0||v(e,t)!==void 0)return;let n=n=>e.read(`${t}/${n}`,65536)?.text;return{kernel:e.resolve(`${t}/kernel`),initrd:e.resolve(`${t}/initrd`),kernelModules:e.resolve(`${t}/kernel-modules`),firmware:e.resolve(`${t}/firmware`),systemd:e.resolve(`${t}/systemd`),kernelParams:n(`kernel-params`)?.trim(),initInterfaceVersion:n(`init-interface-version`)?.trim(),switchInhibitors:n(`switch-inhibitors`),rebootTriggers:n(`reboot-triggers`)}}const rn=[{part:`kernel`,of:e=>e.kernel,required:!0,says:`Another kernel than the one that runs would boot.`},{part:`kernel-modules`,of:e=>e.kernelModules,required:!0,says:`The running system loads its kernel modules from the old tree until it is rebooted.`},{part:`kernel-params`,of:e=>e.kernelParams,required:!0,says:`Kernel parameters take effect at boot only.`},{part:`initrd`,of:e=>e.initrd,required:!1,says:`The initrd differs; it is used at boot only.`},{part:`firmware`,of:e=>e.firmware,required:!1,says:`Firmware that is loaded already stays the old one.`},{part:`init-interface`,of:e=>e.initInterfaceVersion,required:!0,says:`The new system cannot take over from the running init (init-interface-version).`}];function an(e,t,n){return rn.flatMap(({part:r,of:i,required:a,says:o})=>{let[s,c]=[i(e),i(t)];return s===c?[]:s===void 0||c===void 0?((r===`kernel`||r===`initrd`||r===`kernel-modules`)&&n.push(`The ${r} of ${s===void 0?`the booted system`:`the next boot`} cannot be told.`),[]):[{part:r,booted:s,wanted:c,required:a,sentence:o}]})}const on=te(C(),C());function W(e){if(e!==void 0)try{return new Map(Object.entries(on.parse(JSON.parse(e))))}catch{return}}const sn=/* @__PURE__ */ new Set([`kernel`,`kernel-params`]);function cn(e,t,n){let[r,i]=[W(e.rebootTriggers),W(t.rebootTriggers)];return r===void 0||i===void 0?((r!==i||e.rebootTriggers!==void 0||t.rebootTriggers!==void 0)&&n.push(`The reboot triggers can be read on one side at most, so that paths alone decided.`),[]):un(r,i).filter(({key:e})=>!sn.has(e)).map(({key:e,old:t,now:n})=>({part:e,booted:t,wanted:n,required:!0,sentence:`The system says itself that a change of ${e} needs a reboot (reboot-triggers).`}))}function ln(e,t){let[n,r]=[W(e?.switchInhibitors),W(t.switchInhibitors)];return n===void 0||r===void 0?[]:un(n,r).map(({key:e,old:t,now:n})=>({part:e,booted:t,wanted:n,required:!0,sentence:`The new system refuses to be switched to while ${e} differs (switch-inhibitors).`}))}function un(e,t){return[...e].flatMap(([e,n])=>{let r=t.get(e);return r===void 0||r===n?[]:[{key:e,old:n,now:r}]})}function dn(e,t){let n=$t(e,t);if(n.staged||e.booted===void 0||e.booted===e.current)return n;let r=(`devices`in e?fn(e,t):void 0)??pn(e),i=new Set(n.reasons.map(({part:e})=>e)),a=r.filter(({part:e})=>!i.has(e));return a.length===0?n:{...n,needed:!0,reasons:[...n.reasons,...a]}}function fn(e,t){let[n,r]=[_n(t,e.booted),_n(t,e.current)];if(n===void 0||r===void 0)return;let i={...e,at:/* @__PURE__ */ new Date(e.at.getTime()-e.uptimeSeconds*1e3)},a=new Set(Lt(void 0,n,e,e).map(hn));return[...Lt(n,r,e,e).filter(e=>!a.has(hn(e))),...qt(n,r,i,e,t.prefix)].flatMap(e=>e.needs===`reboot`?[gn(e)]:[])}function pn({ledger:e,profile:t}){let n=e===void 0?void 0:Ue(e),r=(n?.ok===!0?n.entries:[]).findLast(e=>e.event===`waits-for-boot`&&e.to===t);return r?.event===`waits-for-boot`?r.reasons.map(({part:e,found:t,wanted:n,sentence:r})=>({part:e,booted:t,wanted:n,required:!0,sentence:r})):[]}function mn(e,t,n){let r=t.filter(({family:e,needs:t})=>t===`reboot`&&e!==`kernel`).map(gn).map(({part:e,booted:t,wanted:n,sentence:r})=>({part:e.slice(0,256),found:t.slice(0,300),wanted:n.slice(0,300),sentence:r.slice(0,500)})).slice(0,8);return r.length===0?void 0:{v:1,event:`waits-for-boot`,at:Math.floor(n.getTime()/1e3),to:e,reasons:r}}const hn=({subject:e,found:t,expected:n})=>JSON.stringify([e,t,n]),gn=({family:e,subject:t,found:n,expected:r,sentence:i})=>({part:e===`mount`?`mount ${t}`:t,booted:n,wanted:r,required:!0,sentence:i}),_n=(e,t)=>t===void 0||v(e,t)!==void 0?void 0:c(e,t),vn=`stays up`,yn=/^nixos-deploy-gate-/;function bn(e,t){let n=[],r=new Set(e.failedUnits),i=new Map(e.units.map(e=>[e.unit,e])),a=new Map(t.units.map(e=>[e.unit,e]));for(let e of new Set(t.failedUnits))r.has(e)||yn.test(e)||n.push({family:`unit`,subject:e,expected:`not failed`,found:`failed${xn(a.get(e))}`,needs:`restart`,sentence:`${e} has failed since the deploy.`});for(let e of t.units){if(e.activeState===`failed`||yn.test(e.unit))continue;let t=i.get(e.unit),a=e.subState.startsWith(`auto-restart`),o=t===void 0||t.restarts>e.restarts?e.restarts:e.restarts-t.restarts;t?.subState.startsWith(`auto-restart`)===!0||r.has(e.unit)||!a&&o<2||n.push({family:`unit`,subject:e.unit,expected:vn,found:`${e.activeState} (${e.subState}), restarted ${o===1?`once`:`${o} times`}${xn(e)}`,needs:`restart`,sentence:`${e.unit} does not stay up: systemd keeps restarting it.`})}return n}function xn(e){return e===void 0||e.result===``||e.result===`success`?``:e.result===`exit-code`?` with exit status ${e.execMainStatus}`:` (${e.result})`}function Sn(e,t,n,r,i){return[...Cn(e,r,i),...r.booted===e.current?wn(n,r,i):[],...En(t,n,r,i)]}function Cn(e,t,n){if(t.profile!==e.profile)return[];let r=$t(t,n),i=r.release.wanted===void 0?``:` ${r.release.running} runs, ${r.release.wanted} would.`;return r.reasons.filter(e=>e.required).map(e=>({family:`kernel`,subject:e.part,expected:e.wanted.slice(0,4e3),found:e.booted.slice(0,4e3),needs:`reboot`,sentence:e.part===`kernel`?`${e.sentence}${i}`:e.sentence}))}function wn(e,t,n){let r=[],{release:i,commandLine:a}=t.kernel,o=m(n,e.kernel,e.kernelModules);o!==void 0&&i!==``&&i!==o&&r.push({family:`kernel`,subject:`release`,expected:o,found:i,needs:`reboot`,sentence:`The planned system has booted, but with the kernel ${i} and not ${o}.`});let s=Tn(a),c=a.match(/(?:^|\s)init=(\S+)/)?.[1]===void 0||t.booted===void 0?[]:e.kernelParams.filter(e=>!s.has(e));return c.length>0&&r.push({family:`kernel`,subject:`kernel-params`,expected:c.join(` `).slice(0,4e3),found:`not on the command line`,needs:`reboot`,sentence:`The boot loader did not give the kernel ${c.length===1?`the parameter`:`the parameters`} ${c.slice(0,5).join(` `)}.`}),r}const Tn=e=>new Set(e.match(/(?:[^\s"]|"[^"]*"?)+/g)??[]);function En(e,t,n,r){if(e===void 0||n.kernel.modules.length===0)return[];let i=Dn(r,e),a=new Set(n.kernel.modules),o=[...Dn(r,t)].filter(e=>!i.has(e)&&!a.has(e));if(o.length===0)return[];let s=On(r,t,n.kernel.release);return o.filter(e=>!s.has(e)).slice(0,500).map(e=>({family:`kernel`,subject:e,expected:`loaded`,found:`not loaded`,needs:n.booted===t.toplevel?`restart`:`reboot`,sentence:`The kernel module ${e} should be loaded from now on and is not.`}))}function Dn(e,t){let r=/* @__PURE__ */ new Set;for(let[i,a]of n(e,t.etc,`modules-load.d`))if(i.endsWith(`.conf`))for(let t of(b(e,a)??``).split(`
`)){let e=t.trim();e!==``&&!/^[#;]/.test(e)&&r.add(e.replaceAll(`-`,`_`))}return r}function On(e,t,n){let r=t.kernelModules,i=r===void 0?void 0:b(e,`${r.path}/lib/modules/${n}/modules.builtin`);return new Set((i??``).split(`
`).map(e=>e.replace(/^.*\//,``).replace(/\.ko.*$/,``).replaceAll(`-`,`_`)))}function kn(e,t,n,r,i){if(r.listening.length===0)return[];let a=jn(r.listening),o=Mn(e,t,n),s=[];for(let[e,r]of jn(n.listening)){let n=a.get(e);if(n===r||n===`network`)continue;let[c=``,l=``]=e.split(`/`),u=Number(l),d=Nn(t.firewall.open,c,u);if(!d&&(u>=32768||o.length>0||Pn(i,c,u)))continue;let f=n===void 0?`Something listened on ${e} before the deploy and nothing does now.${d?` The firewall still lets it through.`:``}`:`${e} was open to the network before the deploy and only listens on this machine now.`;s.push({family:`port`,subject:e,expected:r===`network`?`listens to the network`:`listens on the machine itself`,found:n===void 0?`nobody listens`:`listens on the machine itself`,needs:`person`,sentence:f})}return s}const An=e=>e.startsWith(`127.`)||e===`::1`;function jn(e){let t=/* @__PURE__ */ new Map;for(let{protocol:n,address:r,port:i}of e){let e=`${n}/${i}`;An(r)?t.has(e)||t.set(e,`machine`):t.set(e,`network`)}return t}function Mn(e,t,n){return n.units.filter(e=>/\.(?:service|socket)$/.test(e.unit)&&e.activeState===`active`&&e.subState!==`exited`).map(e=>e.unit).filter(n=>e?.units.has(n)===!0&&(t.units.get(n)?.masked??!0))}function Nn(e,t,n){return[...e].some(e=>{let r=/^(tcp|udp|any)\/(\d{1,5})(?:-(\d{1,5}))?(?=[@ ]|$)/.exec(e);if(r===null||r[1]!==`any`&&r[1]!==t)return!1;let i=Number(r[2]);return n>=i&&n<=(r[3]===void 0?i:Number(r[3]))})}function Pn(e,t,n){if(e===void 0)return!1;if(Nn(new Set(e.settings.portsClosed),t,n))return!0;let r=RegExp(`^-.*(?<![0-9])${n}(?![0-9])`,`m`);return[...e.units,...e.files].some(e=>r.test(e.diff))}const Fn={challengeresponseauthentication:`kbdinteractiveauthentication`,skeyauthentication:`kbdinteractiveauthentication`,keepalive:`tcpkeepalive`,dsaauthentication:`pubkeyauthentication`,pubkeyacceptedkeytypes:`pubkeyacceptedalgorithms`,hostbasedacceptedkeytypes:`hostbasedacceptedalgorithms`},In=/* @__PURE__ */ new Set([`allowusers`,`allowgroups`,`denyusers`,`denygroups`,`acceptenv`,`setenv`]),Ln=/^[+^-]/,Rn=/* @__PURE__ */ new Set([`logingracetime`,`clientaliveinterval`,`unusedconnectiontimeout`]);function zn(e,t,n,r,i){let a=d(e,n);if(t===void 0||a===void 0)return[];let o=d(e,t);if(o===a)return[];if(i.sshd.length===0)return r.sshd.length===0?[]:[{family:`sshd`,subject:`sshd_config`,expected:`accepted by sshd -T`,found:`no answer`,needs:`person`,sentence:`sshd no longer tells its settings: it does not accept its configuration, or it is gone. The next login may fail.`}];let s=Vn(i.sshd),[c,l]=[Bn(o??``),Bn(a)],u=[];for(let[e,t]of l){if(c.get(e)?.join(`
`)===t.join(`
`)||t.some(e=>Ln.test(e)))continue;let n=s.get(e);n!==void 0&&t.filter(e=>!n.has(e)).length!==0&&u.push({family:`sshd`,subject:e,expected:t.join(`, `).slice(0,4e3),found:[...n].join(`, `).slice(0,4e3),needs:`restart`,sentence:`sshd does not have the new value of ${e}.`})}return u}function Bn(e){let t=/* @__PURE__ */ new Map;for(let[n,i]of r(e).get(``)?.directives??[]){let e=n.startsWith(`subsystem `)?`subsystem`:Fn[n]??n;if(e===`include`)continue;let r=In.has(e)?i.values.flatMap(e=>e.split(` `)):i.values;t.set(e,[...t.get(e)??[],...r.map(t=>Hn(e,t))])}return t}function Vn(e){let t=/* @__PURE__ */ new Map;for(let n of e){let e=n.indexOf(` `),r=e===-1?n:n.slice(0,e),i=t.get(r)??/* @__PURE__ */ new Set;i.add(Hn(r,e===-1?``:n.slice(e+1))),t.set(r,i)}return t}function Hn(e,t){let n=t.trim().replaceAll(`"`,``).replace(/\s+/g,` `).toLowerCase();return n===`prohibit-password`?`without-password`:n===`true`?`yes`:n===`false`?`no`:e===`listenaddress`?n.replace(/^\[([^\]]*)\](?::\d+)?$/,`$1`).replace(/^([^:]*):\d+$/,`$1`):e===`loglevel`||e===`syslogfacility`?n:Rn.has(e)?String(Wn(n)):n}const Un={"":1,s:1,m:60,h:3600,d:86400,w:604800};function Wn(e){if(!/^(?:\d{1,9}[smhdw]?)+$/.test(e))return e;let t=0;for(let n of e.matchAll(/(\d+)([smhdw]?)/g))t+=Number(n[1])*(Un[n[2]??``]??1);return t}const Gn=/* @__PURE__ */ new Set([`active`,`reloading`,`refreshing`]),Kn=/* @__PURE__ */ new Set([`activating`,`deactivating`]),qn=/^(?:Condition|Assert)/;function Jn(e,t,n,r){if(r.units.length===0)return[];let i=new Map(n.units.map(e=>[e.unit,e])),a=new Map(r.units.map(e=>[e.unit,e])),o=e===void 0?void 0:f(e.units),s=[];for(let[e,n]of f(t.units)){let r=t.units.get(e);if(r===void 0||r.aliasOf!==void 0||r.masked||n.note!==void 0||n.ended===!0)continue;let c=a.get(e);if(c!==void 0&&(Gn.has(c.activeState)||Kn.has(c.activeState)||c.activeState===`failed`))continue;let l=a.get(n.by);if(n.by.endsWith(`.target`)&&l!==void 0&&!Gn.has(l.activeState))continue;let u=i.get(e),d=u!==void 0&&Gn.has(u.activeState),f=o!==void 0&&!o.has(e)&&Yn(c)&&Xn(r);if(!d&&!f)continue;let p=c===void 0?`not loaded`:`${c.activeState} (${c.subState})`,m=d?`${e} was active before the deploy and ${n.by} still wants it, but it is down.`:`${e} is new and ${n.by} wants it, but it was never started.`;s.push({family:`unit`,subject:e,expected:`active`,found:p,needs:`restart`,sentence:m})}return s}const Yn=e=>e===void 0||e.activeSince===void 0;function Xn(e){return![`RefuseManualStart`,`X-OnlyManualStart`].some(t=>p(e,`Unit`,t,!1))&&![...e.sections.get(`Unit`)?.keys()??[]].some(e=>qn.test(e))}function Zn(e,t,n){let r=new Set(n.swaps.map(e=>U(n.devices,e))),i=[],a=(e,t,n,r,a)=>{i.push({family:`mount`,subject:e,expected:t,found:n,needs:r,sentence:a})},o=/* @__PURE__ */ new Set;for(let{device:i,options:s}of t.swaps){let t=yt(i)??i;if(o.add(U(n.devices,t)),r.has(U(n.devices,t))||s.includes(`noauto`))continue;let c=e?.swaps.some(e=>e.device===i)??!0;s.includes(`nofail`)&&c||(xt(t)&&!n.devices.has(t)?n.devices.size>0?a(i,`in use`,`no such device`,`person`,`The swap ${i} is not on this machine.`):c||a(i,`in use`,`not known`,`nothing`,`Whether the swap ${i} is in use cannot be told.`):a(i,`in use`,`not in use`,`restart`,`The swap ${i} is in fstab and not in use.`))}for(let{device:t}of e?.swaps??[]){let e=U(n.devices,yt(t)??t);r.has(e)&&!o.has(e)&&a(t,`not in use`,`in use`,`person`,`The swap ${t} is no longer in fstab and still in use: swapoff ${e}.`)}return i}const Qn=/^kernel\.(?:kexec_load_disabled|modules_disabled|unprivileged_bpf_disabled|yama\.ptrace_scope|perf_event_paranoid|randomize_va_space)$/;function $n(e,t,n){let r=t===void 0?/* @__PURE__ */ new Map:x(e,t.etc);return new Map([...x(e,n.etc)].filter(([e,t])=>r.get(e)!==t&&!/[*?[]/.test(e)))}function er(e,t,n,r){return t===void 0?[]:[...$n(e,t,n)].flatMap(([e,t])=>{let n=r.sysctl.get(e),i=`sysctl`;if(n===void 0)return[{family:i,subject:e,expected:t,found:`not known`,needs:`nothing`,sentence:`The kernel setting ${e} cannot be read.`}];if(tr(t,n))return[];let a=Qn.test(e)?`reboot`:`restart`;return[{family:i,subject:e,expected:t,found:n,needs:a,sentence:`The kernel setting ${e} is ${n} and should be ${t}: ${a===`reboot`?`it only goes back at boot`:`systemctl restart systemd-sysctl.service`}.`}]})}function tr(e,t){if(e===t)return!0;let n=/^(?:-?\d{1,15}|0x[0-9a-f]{1,13})$/i;return n.test(e)&&n.test(t)&&Number(e)===Number(t)}function nr(e,t,n){let r=[],i=(e,t,n,i)=>{r.push({family:`toplevel`,subject:e,expected:t,found:n??`nothing that could be read`,needs:`person`,sentence:i})};if(n.current!==e.current){let r=n.current===void 0?`What is active on the host cannot be told.`:n.current===t.current?`The switch said that it succeeded, but nothing happened: the system from before is still active.`:`Another system is active than the one that was deployed: somebody or something switched the host meanwhile.`;i(`current-system`,e.current,n.current,r)}if(n.profile!==e.profile){let r=n.profile===t.profile?`The boot default was not changed: the next boot brings the old system back.`:`The boot default is neither the system that was deployed nor the one from before.`;i(`profile`,e.profile,n.profile,r)}if(e.booted!==void 0&&n.booted!==e.booted){let r=n.bootId===t.bootId?`The host was to reboot and has not: it is still the same boot.`:n.booted===t.booted?`The host rebooted into the system that had been booted before, not into the new one.`:`The host rebooted into another system than the planned one.`;i(`booted-system`,e.booted,n.booted,r)}return r}function rr({planned:e,before:t,after:n,store:r,diff:i,cache:o=a()}){let s=[...nr(e,t,n),...bn(t,n)],l=v(r,e.current);if(l!==void 0){let t=`What ${e.current} promises cannot be compared: ${l.message}`;return s.push({family:`toplevel`,subject:`store`,expected:e.current,found:`not readable`,needs:`person`,sentence:t}),sr(s)}if(n.current!==e.current)return sr(s);let u=c(r,e.current,o),d=ar(r,t,o),f=new Map((i?.units??[]).map(e=>[e.name,e.effect]));return s.push(...Jn(d,u,t,n),...qt(d,u,t,n,r.prefix,f),...Lt(d,u,t,n),...Zn(d,u,n),...Sn(e,d,u,n,r),...er(r,d,u,n),...zn(r,d,u,t,n),...kn(d,u,t,n,i)),sr(s)}function ir(e,t,n,r=a()){if(v(n,e.current)!==void 0)return[];let i=ar(n,t,r);return i===void 0?[]:[...$n(n,i,c(n,e.current,r)).keys()]}function ar(e,t,n){let{current:r}=t;return r===void 0||v(e,r)!==void 0?void 0:c(e,r,n)}const or=[`toplevel`,`sshd`,`unit`,`mount`,`port`,`process`,`kernel`,`sysctl`,`check`];function sr(e){let t=e=>{let t=or.indexOf(e.family);return(e.needs===`nothing`?100:0)+(t===-1?or.length:t)};return e.toSorted((e,n)=>t(e)-t(n))}const cr=/^[0-9]{1,5}$/,lr=/^\/nix\/store\/[A-Za-z0-9+\-._?=/]{1,300}$/,ur=/^[a-z0-9-]{1,100}$/;function dr(e){let[t=``,n=``,r=``,i=``]=e.trim().split(` `);switch(t){case`starting`:case`activating`:case`installing`:case`returning`:return{phase:t};case`waiting`:return{phase:`waiting`,exit:fr(n),current:lr.test(r)?r:void 0};case`ended`:{let e=He.safeParse(n);return e.success?{phase:`ended`,outcome:e.data,reason:ur.test(r)?r:`unknown`,exit:fr(i)}:void 0}default:return}}const fr=e=>cr.test(e)?Number(e):void 0;async function pr(t,n,r,i){let{until:a,timeoutSeconds:o,onLog:s,clock:c,pause:l}=i,u=c.now().getTime()+o*1e3,d=``,f=0,p=``,m=t=>{if(t.name===`log`){let n=e(t.value);d=`${d}${n}`.slice(-262144),s?.(n)}t.name===`log-at`&&(f=Number.parseInt(t.value,10)||f)},h;for(;;){let e=Math.ceil((u-c.now().getTime())/1e3),i=Math.max(0,Math.min(e,240)),o=await t.run({address:n,program:`
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
    if [ "$missing" -ge 12 ] || [ "$up" -ge "$deadline" ]; then
      if [ -r /var/lib/nixos-deploy-gate/ledger.jsonl ]; then
        ended=$(grep -F "\\"id\\":\\"$id\\",\\"outcome\\":" /var/lib/nixos-deploy-gate/ledger.jsonl | tail -n 1)
        [ -z "$ended" ] || put ledger "$ended"
      fi
      put gone yes
      exit 0
    fi
  fi
  sleep 0.2 2>/dev/null || sleep 1
done
`,verb:`follow`,arguments:[r,a,String(f),String(i)],connection:`shared`,timeoutSeconds:i+45,maxBytes:6<<20,onRecord:m}),s=hr(r,o);if(s.kind===`gone`)return s;if(s.kind===`phase`){if(h=s.phase,h.phase===`ended`||a===`waiting`&&h.phase===`waiting`)return{...s,log:d}}else if(p=s.detail,!o.ok&&!mr.has(o.trouble))return{kind:`lost`,detail:p};if(c.now().getTime()>=u)return s.kind===`phase`?{...s,log:d}:{kind:`lost`,detail:p};s.kind===`lost`&&await l(Math.min(3,Math.max(.1,(u-c.now().getTime())/1e3)))}}const mr=/* @__PURE__ */ new Set([`unreachable`,`lost`,`timed-out`,`jump-failed`,`not-understood`,`access-refused`]);function hr(e,t){let n=M(t.records,`phase`),r=n===void 0?void 0:dr(n);if(r!==void 0)return{kind:`phase`,phase:r,log:``};if(!t.ok)return{kind:`lost`,detail:`${t.trouble}: ${t.detail}`};let i=gr(M(t.records,`ledger`));return i?.event===`ended`&&i.id===e?{kind:`phase`,phase:{phase:`ended`,outcome:i.outcome,reason:i.reason,exit:i.exit},log:``}:M(t.records,`gone`)===void 0?{kind:`lost`,detail:t.stderr.trim()||`the program on the host ended with exit code ${t.exitCode}`}:{kind:`gone`}}function gr(e){if(e!==void 0)try{return z.safeParse(JSON.parse(e)).data}catch{return}}const _r=`
set -u
umask 077
unset IFS CDPATH
mode=$1 state=$2
case $state in /run/nixos-deploy-gate/[a-z0-9]*) ;; *) exit 2 ;; esac
${`${V}
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
# A switch ends by writing a file; the shorter this is, the less is added to it. It costs a process, no question to systemd.
nap() { sleep 0.1 2>/dev/null || sleep 1; }
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
    if [ $((looks % 20)) -eq 0 ]; then
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
${`${et}
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
`}
# ---- steps of a switch
# refuse REASON EXIT: nothing is active that was not before.
refuse() {
  start_stopped
  give_back_default || finish rollback-failed "$1-and-not-restored" "$2"
  finish refused "$1" "$2"
}
# What cannot be undone boots from before its first step on: data that it has migrated must not be met by the old system after a loss of power. A boot loader that
# fails is found out while nothing is migrated yet.
take_default_first() {
  : >"$state/default-first"
  install_default checks
  [ -n "$failed" ] || return 0
  reason=$failed its_exit=$exit_code
  [ "$reason" = loader-failed ] && said "pre-switch check" && reason=pre-switch-check
  give_back_default || finish rollback-failed "$reason-and-not-restored" "$its_exit"
  finish refused "$reason" "$its_exit"
}
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
      100) refuse init-interface-version 100 ;;
      1)
        # These words come before anything is changed. Without them something may have been stopped, which going back sets right.
        if ! said "activating the configuration" && ! said "stopping the following units" && ! said "stopping swap device"; then
          if said "changes to critical components" || said "Pre-switch check 'switchInhibitors' failed"; then refuse inhibitor 1; fi
          if said "pre-switch check"; then refuse pre-switch-check 1; fi
        fi ;;
    esac
    if said "Could not acquire lock"; then refuse lock-held "$code"; fi
    if said "This is not a NixOS installation"; then refuse not-nixos "$code"; fi
  fi
  [ "$current" = "$activated" ] || go_back "exit-$code" "$code"
}
# What is between two attempts to start has failed as well.
# Not what tells of other units' failures: that it reached nobody is no fault of the system.
failed_units() {
  ask_systemd list-units --all --state=failed,auto-restart --no-legend --plain 2>/dev/null | while read -r unit rest; do
    case $unit in nixos-deploy-gate-failed@*) ;; *) line "$unit" ;; esac
  done
}
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
    [ $((looks % 40)) -ne 0 ] || trim_log
    nap
  done
}
install_confirmed() {
  phase installing
  profile
  if [ -e "$state/default-first" ]; then
    [ "$profile" = "$to" ] || finish superseded profile-changed "$code"
    finish deployed confirmed 0
  fi
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
  [ "$reversible" = yes ] || take_default_first
  phase activating
  : >"$state/touched"
  if ! stop_first; then refuse stop-first-failed -; fi
  if ! begin_operation "$activate" test checks; then refuse unit-not-started -; fi
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
  told copy-root
  case \${told#copy-} in "$told" | *[!0-9a-f]*) ;; *) rm -rf "$roots/$told" ;; esac
  # Until the next deploy that goes well, but of attempts that do not go well one after the other only the newest: a disk is not filled with them.
  ls -1t "$roots" | grep -v '^copy-' | tail -n +4 | while read -r old; do rm -rf "$roots/$old"; done
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
  [ -e "$state/touched" ] || refuse supervisor-killed -
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
  [ ! -d "$state/begun" ] || [ -e "$state/touched" ] || [ -e "$state/default-first" ] || resume
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
`;async function vr(e,t,n,r){let{attempt:i}=n,a={kind:`lost`,trouble:`lost`,detail:``};for(let o=0;o<3;o+=1){let o=await e.run({address:t,program:`
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
  # Of this process alone: a first answer that was lost may still be at work on the same.
  new=$base/.new-$id.$$
  rm -rf "$new"
  mkdir "$new" && printf '%s\\n' "$supervisor" >"$new/program" || refuse failed "$base cannot be written"
  while [ $# -gt 1 ]; do
    case $1 in '' | *[!a-z0-9-]*) refuse failed "a name is not one" ;; esac
    printf '%s\\n' "$2" >"$new/$1" || { rm -rf "$new"; refuse failed "$base cannot be written"; }
    shift 2
  done
  # Into its place or not at all, never into one that is there by now.
  if ! mv -T "$new" "$state" 2>/dev/null; then
    rm -rf "$new"
    known=
    if [ -e "$state/nonce" ]; then read -r known <"$state/nonce" || :; fi
    [ "$known" = "$nonce" ] || refuse failed "$base cannot be written"
    put start started
    exit 0
  fi
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
`,verb:`start`,arguments:[i.id,r,_r,...yr(t,n,r).flat()],connection:`shared`,timeoutSeconds:120,maxBytes:262144});if(!o.ok){if(a={kind:`lost`,trouble:o.trouble,detail:o.detail},o.trouble===`lost`||o.trouble===`timed-out`)continue;return a}switch(M(o.records,`start`)){case`started`:return{kind:`started`};case`busy`:return{kind:`busy`,by:M(o.records,`by`)};case void 0:return{kind:`failed`,detail:o.stderr.trim()||`the program ended with exit code ${o.exitCode}`};default:return{kind:`failed`,detail:M(o.records,`detail`)??o.stderr.trim()}}}return a}function yr(e,t,n){let{attempt:r,limits:i,confirmation:a}=t,o=a.by===`self`?[[`self-program`,a.program],...a.arguments.map((e,t)=>[`self-argument-${t+1}`,e])]:[],s=t.copyRoot===void 0?[]:[[`copy-root`,t.copyRoot]],c=t.stopFirst.length===0?[]:[[`stop-first`,t.stopFirst.join(`
`)]];return[[`id`,r.id],[`nonce`,n],[`attempt`,B(r)],[`operation`,t.operation],[`from-current`,t.from.current],[`from-profile`,t.from.profile],[`to`,t.to],[`activate`,t.activate],[`reversible`,t.reversible?`yes`:`no`],[`activation-seconds`,String(i.activationSeconds)],[`confirm-seconds`,String(i.confirmSeconds)],[`loader-seconds`,String(i.loaderSeconds)],[`confirm-by`,a.by],[`ssh-port`,String(a.by===`self`?a.sshPort:e.port)],...c,...s,...o]}const br={inhibitor:`inhibitor`,"init-interface-version":`init-interface`,"pre-switch-check":`pre-switch-check`,"lock-held":`lock-held`,busy:`lock-held`,"moved-on":`moved`,"switched-meanwhile":`moved`,"profile-changed":`moved`,"activation-limit":`timed-out`,"not-confirmed":`not-confirmed`,"self-check-failed":`not-confirmed`,returned:`not-confirmed`,"switch-killed":`killed`,"supervisor-killed":`killed`,"loader-failed":`loader-failed`,"profile-failed":`loader-failed`};function xr(e){if(e.outcome===`deployed`||e.outcome===`staged`)return;if(e.outcome===`rollback-failed`)return`return-failed`;if(e.outcome===`superseded`)return`moved`;if(e.outcome===`live-but-old-boots`)return`loader-failed`;let t=e.reason.replace(/-and-.*$/,``),n=Object.hasOwn(br,t)?br[t]:void 0;return e.outcome===`refused`?n??`not-begun`:t.startsWith(`unreachable-`)?`unreachable`:n!==void 0&&n!==`not-confirmed`?n:e.exit===2?`script-failed`:e.exit===4?`units-failed`:n??`unknown`}async function Sr(e,t,n,r){return await wr(e,t,{word:`confirm`,id:n,nonce:r,endWithinSeconds:20,connection:`new`})}async function Cr(e,t,n,r){return await wr(e,t,{word:`return`,id:n,nonce:r,endWithinSeconds:0,connection:`shared`})}async function wr(e,t,{word:n,id:r,nonce:i,endWithinSeconds:a,connection:o}){let s=await e.run({address:t,program:`
umask 077
state=/run/nixos-deploy-gate/$1
case $1 in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $3 in confirm | return) ;; *) exit 2 ;; esac
case $4 in '' | *[!0-9]*) exit 2 ;; esac
uptime() { read -r up rest </proc/uptime; up=\${up%%.*}; }
nonce= told=
if [ -e "$state/nonce" ]; then read -r nonce <"$state/nonce" || :; fi
if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
if [ "$nonce" = "$2" ]; then
  case $3:$told in
    confirm:waiting* | return:waiting* | return:starting* | return:activating*)
      printf '%s\\n' "$1 $2" >"$state/$3.new" && mv -f "$state/$3.new" "$state/$3" && put said "$3" ;;
  esac
  if [ -e "$state/$3" ]; then
    uptime; deadline=$((up + $4))
    while [ "$up" -lt "$deadline" ]; do
      if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
      case $told in ended*) break ;; esac
      sleep 0.1 2>/dev/null || sleep 1
      uptime
    done
  fi
fi
put phase "$told"
`,verb:`say`,arguments:[r,i,n,String(a)],connection:o,timeoutSeconds:60}),c=dr(M(s.records,`phase`)??``);return M(s.records,`said`)===n?{kind:`said`,...c?.phase===`ended`?{end:c}:{}}:s.ok?{kind:`not-waiting`,phase:c}:{kind:`lost`,trouble:s.trouble,detail:s.detail}}const Tr=e=>e.units.filter(e=>e.subState.startsWith(`auto-restart`)).map(e=>e.unit),Er=(e,t)=>({failedUnits:e.failedUnits,restarting:Tr(e),checks:t});function Dr(e){let t=(e,t,n=[],r=0)=>({kind:e,units:n,afterSeconds:r,reasons:t}),{look:n}=e;if(n.kind===`silent`)return t(`return`,[`No new connection came about (${n.trouble}), so nobody could mend what is not well.`]);let{observation:r}=n;if(r.current!==void 0&&r.current!==e.activate&&r.current!==e.from)return t(`leave`,[`Somebody else has switched the host to ${r.current} meanwhile.`]);let i=[...Or(e),...kr(e,r)],a=Ar(e,r),o=jr(e);if(i.length===0&&a.length===0&&o.length===0){let n=Mr(e,r);return e.earlier===void 0&&e.soakSeconds>0?t(`look-again`,[`All is well so far; it is looked at again after ${e.soakSeconds} s.`,...n],[],e.soakSeconds):t(`confirm`,[`The new system is active, answers a new connection and nothing failed that had not failed before.`,...n])}if(i.length===0&&a.length>0&&!e.restarted&&e.earlier===void 0)return t(`restart`,[`${G(a)} failed and had not before; a restart may settle it.`],a);let[s,...c]=[...i,...a.length===0?[]:[`${G(a)} failed and had not before.`],...o],l=[s??`It is not well.`,...c];return e.reversible?t(`return`,l):t(`stay`,[...l,`The change cannot be undone, so it stays and needs a person.`])}function Or({exit:e,scriptFailed:t}){return e===void 0?[`The activation did not end by itself.`]:e===2||t?[`The activation script failed, so the system is half activated.`]:e===0||e===4?[]:[`The activation ended with ${e}, which says that it is not whole.`]}function kr({from:e,activate:t},n){let{current:r,systemState:i}=n,a=[];return r===void 0?a.push(`What is active cannot be told.`):r!==t&&a.push(r===e?`The old system is still active.`:`Another system is active.`),(i===`maintenance`||i===`stopping`)&&a.push(`The system is in the state "${i}".`),a}function Ar({baseline:e,waitForReboot:t,earlier:n},r){let i=/* @__PURE__ */ new Set([...e.failedUnits,...e.restarting]),a=new Map((n?.units??[]).map(e=>[e.unit,e.restarts])),o=r.units.filter(e=>e.restarts>(a.get(e.unit)??1/0)).map(e=>e.unit);return[.../* @__PURE__ */ new Set([...r.failedUnits,...Tr(r),...o])].filter(e=>!i.has(e)&&!t.includes(e))}function jr({baseline:e,checks:t}){let n=new Map(e.checks.map(e=>[e.key,e.outcome])),r=new Set(t.map(e=>e.key));return[...t.filter(e=>e.outcome!==`passed`&&(n.get(e.key)??`passed`)===`passed`).map(e=>`The check "${e.name}" is ${e.outcome}: ${e.sentence}`),...e.checks.filter(e=>e.outcome===`passed`&&!r.has(e.key)).map(e=>`The check "${e.name}" was not asked again.`)]}function Mr(e,t){let{baseline:n,checks:r,exit:i,waitForReboot:a}=e,o=[],s=t.failedUnits.filter(e=>n.failedUnits.includes(e));s.length>0&&o.push(`${G(s)} had failed before and still ${s.length===1?`does`:`do`}.`);let c=t.failedUnits.filter(e=>a.includes(e));c.length>0&&o.push(`${G(c)} ${c.length===1?`waits`:`wait`} for the reboot.`),i===4&&s.length+c.length===0&&o.push(`The activation ended with 4, but no unit is failed now: something could not be reloaded or was late.`);let l=r.filter(e=>e.outcome!==`passed`);return l.length>0&&o.push(`Not green before either: ${G(l.map(e=>e.name))}.`),o}function G(e){return e.length<=5?e.join(`, `):`${e.slice(0,5).join(`, `)} and ${e.length-5} more`}const Nr=`
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
`;async function Pr(e,t,n){let r=n.units.filter(ce).slice(0,12),a=await e.run({address:t,program:Nr,verb:`evidence`,arguments:[n.since===void 0?``:String(Math.floor(n.since)),...r],connection:`shared`,timeoutSeconds:180,maxBytes:524288}),o=new Map(a.records.map(e=>[e.name,e.value])),s=(o.get(`failed`)??``).split(`
`).map(e=>e.trim()),c=[...o].flatMap(([e,t])=>/^unit\.\d+\.holders$/.test(e)?[...t.matchAll(/^held \S+ by (\S+\.service)$/gm)].map(e=>e[1]??``):[]),l=[.../* @__PURE__ */ new Set([...r,...s.slice(0,60),...c])].filter(ce),u=[...n.failure?.detail===void 0?[]:[Fr(n.failure.detail)],...n.log===void 0?[]:[K(`activation-log`,``,`program`,n.log)],...a.ok?[]:[{kind:`connection`,subject:a.trouble,origin:`program`,text:a.detail||a.trouble,keep:`head`}],...Ir(o),...Lr(l,n.unitDiffs??[]),...Rr(o)],d=i({stage:n.stage,host:t.host,failure:n.failure===void 0?void 0:{code:n.failure.code,message:n.failure.message},exit:n.exit,since:n.since,derivation:void 0,units:l,atBase:n.atBase,items:u},n.limits),f=e=>/^\/nix\/store\/[^\s/]{1,250}(?:\/specialisation\/[^\s/]{1,64})?$/.test(o.get(e)??``)?o.get(e):void 0,p={current:f(`current`),profile:f(`profile`),booted:f(`booted`)};return{evidence:d,now:a.ok?p:void 0}}const K=(e,t,n,r)=>({kind:e,subject:t,origin:n,text:r,keep:`tail`}),Fr=e=>({kind:`message`,subject:``,origin:`tool`,text:e,keep:`head`});function Ir(e){return Array.from({length:12},(e,t)=>t).flatMap(t=>{let n=e.get(`unit.${t}`);if(n===void 0||!ce(n))return[];let r=n=>e.get(`unit.${t}.${n}`)??``,i=/\.(?:mount|automount|swap)$/.test(n);return[K(`unit-manager`,n,`tool`,r(`manager`)),K(`executable`,n,`tool`,r(`executable`)),K(`unit-journal`,n,i?`tool`:`program`,r(`journal`)),K(`unit-status`,n,`program`,r(`show`)),K(`unit-file`,n,`program`,r(`file`)),K(`mounts`,n,`tool`,r(`holders`))]})}function Lr(e,t){return t.filter(({name:t,hashOnly:n})=>!n&&e.includes(t)).slice(0,12).map(({name:e,change:t,diff:n})=>({...K(`unit-diff`,e,`flake`,t===`added`?`The change adds this unit.\n${n}`:n),keep:`head`}))}function Rr(e){return[K(`kernel-log`,``,`tool`,e.get(`kernel`)??``),{...K(`disk`,``,`tool`,e.get(`disk`)??``),keep:`head`},K(`mounts`,``,`program`,e.get(`mounts`)??``)]}async function zr(e,{targets:t,store:n,evidence:r}){let{change:i,failedUnits:a,exit:o,since:s,log:c,observation:l}=e,u=[...new Set(c.match(/(?<=^|[\s,])[A-Za-z0-9:_.\\@-]{1,250}\.mount(?=$|[\s,])/gm)??[])].slice(0,6),{evidence:d}=await Pr(t,i.address,{stage:`activation`,failure:void 0,exit:o,since:s,units:[...a,...u],log:c,atBase:`unknown`,unitDiffs:i.diff?.units??[]});r.set(i.address.host,d);let f=le(d).find(e=>e.id===`mount-busy`),p=f?.remedy.kind===`stop-then-switch`?f.remedy.units:[];return{...N,failedUnits:a,holders:p.some(ue)?[]:p,needNewKernel:Vr(a,d,Hr(i.planned.to,l,n))}}const Br=[/Module (\S{1,100}) not found in directory/,/Failed to find module '([^'\n]{1,100})'/,/unknown filesystem type '([^'\n]{1,100})'/];function Vr(e,t,n){return n.size===0?[]:e.filter(e=>t.items.filter(t=>t.subject===e&&(t.kind===`unit-journal`||t.kind===`unit-manager`)).some(e=>Br.some(t=>n.has((t.exec(e.text)?.[1]??``).replaceAll(`-`,`_`)))))}function Hr(e,t,n){let r=n.resolve(`${e}/kernel-modules`);if(r===void 0||r===t.systems.booted?.kernelModules)return/* @__PURE__ */ new Set;let i=n.list(`${r}/lib/modules`).flatMap(e=>[`modules.dep`,`modules.builtin`].flatMap(t=>(n.read(`${r}/lib/modules/${e}/${t}`,16<<20)?.text??``).split(`
`).map(e=>e.replace(/:.*$/,``).replace(/^.*\//,``).replace(/\.ko.*$/,``).replaceAll(`-`,`_`))));return new Set(i.filter(e=>e!==``))}const Ur=async({address:e},{targets:t},n=[])=>Gr(await oe(t,e,{sysctl:n})),Wr=async({address:e},{targets:t},n=`brief`,r=`shared`)=>Gr(await oe(t,e,{much:n,connection:r}));function Gr(e){return e.ok?{kind:`observed`,observation:e.observation}:{kind:`silent`,trouble:e.trouble,detail:e.failure.detail??e.failure.message}}async function Kr(e,t,n,{baseline:r,log:i,id:a,nonce:o,begunAgo:s},c){let{targets:l,probe:u,pause:d}=c,{signal:f}=c.finishing,{address:p}=e,m,h=!1,g=c.clock.now().getTime(),_;for(;;){let v=await Wr(e,c,c.apply.soakSeconds>0?`health`:`brief`,`new`),y=(c.clock.now().getTime()-g)/1e3<c.apply.confirmSeconds/2;if(v.kind===`silent`&&y){await d(3);continue}let b=v.kind===`silent`?[]:await Ae(e.checks,{targets:l,address:p,probe:u,wait:d,signal:f}),x=/failed to run activate script/i.test(i),S=v.kind===`observed`?v.observation.failedUnits.filter(e=>!r.failedUnits.includes(e)):[];if(_===void 0&&v.kind===`observed`&&(S.length>0||n.exit===4)){let{observation:t}=v;_=await zr({change:e,observation:t,failedUnits:S,exit:n.exit,since:t.at.getTime()/1e3-s,log:i},c)}let C={..._??N,failedUnits:S},w={trouble:qr(n.exit,x,v,S),evidence:C};if(C.holders.length>0&&e.reversible&&t.strategy!==`stop-then-switch`){let e=await Cr(l,p,a,o),t=[`A file system could not be unmounted: ${C.holders.join(`, `)} held it.`];return{kind:e.kind===`said`?`told`:`silent`,judged:w,evidence:C,reasons:t}}let T=Dr({exit:n.exit,scriptFailed:x,look:v,from:t.from.current,activate:t.activate,baseline:r,checks:b,waitForReboot:e.planned.mode===`switch-then-reboot`?C.needNewKernel:[],restarted:h,reversible:e.reversible,soakSeconds:c.apply.soakSeconds,earlier:m});switch(T.kind){case`look-again`:await d(T.afterSeconds),m=v.kind===`observed`?v.observation:void 0;break;case`restart`:await Ie(l,p,T.units),h=!0;break;case`confirm`:{let e=await Sr(l,p,a,o),t=e.kind===`said`?e.end:void 0;return{kind:e.kind===`said`?`told`:`silent`,judged:void 0,evidence:C,reasons:T.reasons,end:t}}case`return`:return{kind:(await Cr(l,p,a,o)).kind===`said`?`told`:`silent`,judged:w,evidence:C,reasons:T.reasons};case`stay`:case`leave`:return{kind:`silent`,judged:w,evidence:C,reasons:T.reasons}}}}function qr(e,t,n,r){return e===void 0?`timed-out`:e===2||t?`script-failed`:n.kind===`silent`?`unreachable`:r.length>0?`units-failed`:`not-confirmed`}const Jr=e=>e?.phase===void 0?void 0:`/var/lib/nixos-deploy-gate/attempts/${e.id}/log`;async function Yr(e,t,n,r){let{targets:i,clock:a,pause:o}=r,{address:s}=e,c=r.random(),l=Xr(e,t,r),{id:u}=l.attempt,d=async(t,n)=>{let c=pr(i,s,u,{until:t,timeoutSeconds:n,clock:a,pause:o});return await(e.carries?Zr(c,r.signal):c)},{limits:f}=l,p=a.now().getTime(),m=await vr(i,s,l,c),h=t.strategy===`rollback`?`new`:`old`,g=(e,n,r=h)=>({id:u,ended:{strategy:t.strategy,trouble:e,standing:r,evidence:N},phase:void 0,log:``,reasons:[n],handedOver:!1});if(m.kind===`busy`)return g(`lock-held`,`Another activation${m.by===void 0?``:` (${m.by})`} has not ended on the host.`);if(m.kind===`failed`)return g(`not-begun`,`The supervisor could not be started: ${m.detail.slice(0,500)}`);if(m.kind===`lost`&&e.carries)return{...g(`unreachable`,`The connection ended when the activation began.`,`unknown`),handedOver:!0};let _=t.operation===`boot`?f.loaderSeconds:f.activationSeconds,v=await d(t.operation===`boot`||e.carries?`ended`:`waiting`,_+(e.reversible?0:f.loaderSeconds)+60+(e.carries?f.confirmSeconds+f.loaderSeconds:0)),y,b=[],x=N,S=v.kind===`phase`?v.log:``;if(v.kind===`phase`&&v.phase.phase===`waiting`){let i=await Kr(e,t,v.phase,{baseline:n,log:S,id:u,nonce:c,begunAgo:(a.now().getTime()-p)/1e3+5},r);({judged:y,reasons:b,evidence:x}=i),v=i.end?.outcome===`deployed`?{kind:`phase`,phase:i.end,log:S}:await d(`ended`,(i.kind===`silent`?f.confirmSeconds:0)+f.loaderSeconds+f.activationSeconds+60),v.kind===`phase`&&v.log.length>=S.length&&(S=v.log)}if(v.kind===`lost`&&e.carries)return{...g(`unreachable`,`The host confirms itself; the next run reads in its ledger what became of it.`,`unknown`),handedOver:!0};if(v.kind===`phase`&&v.phase.phase===`ended`){let{phase:e}=v,n=xr(e),r=e.outcome===`rolled-back`||e.outcome===`left-unconfirmed`?y:void 0;return{id:u,ended:{strategy:t.strategy,trouble:r?.trouble??n,standing:$r(e.outcome,t.strategy),evidence:r?.evidence??x},phase:e,log:S,reasons:e.outcome===`deployed`&&b.length>0?b:[...b,`The host ended it as ${e.outcome} (${e.reason}).`],handedOver:!1}}let C=await Wr(e,r),w=C.kind===`observed`?C.observation.current:void 0,T=C.kind===`silent`||w===void 0?`unknown`:w===t.activate?`new`:w===t.from.current?`old`:`other`,ee=t.strategy===`rollback`?Qr[T]??T:T;return{...g(C.kind===`silent`?`unreachable`:v.kind===`gone`?`killed`:`timed-out`,v.kind===`gone`?`The supervisor is gone and left no result: the host lost power, or it was killed.`:v.kind===`lost`?`The host could not be followed: ${v.detail.slice(0,300)}`:`The supervisor did not come to an end in time.`,ee),log:S}}function Xr(e,t,{apply:n,random:r}){let{planned:i,address:a}=e,o=Math.max(0,...e.checks.map(Ce)),s=t.strategy===`rollback`;return{attempt:{id:`${t.operation}-${r().slice(0,20)}`,host:e.host,...e.repository===void 0?{}:{repository:e.repository},...i.revision===void 0||s?{}:{revision:i.revision},...i.approval===void 0||s?{}:{digest:i.approval.digest,approvedBy:i.approval.by.slice(0,100)},operation:s?`rollback`:t.operation,from:t.from,to:t.to},operation:t.operation,from:t.from,to:t.to,activate:t.activate,limits:{activationSeconds:n.activationSeconds,confirmSeconds:n.confirmSeconds+n.soakSeconds+2*o,loaderSeconds:n.loaderSeconds},confirmation:e.carries?{by:`self`,program:_e,arguments:be(e.checks),sshPort:a.port}:{by:`gate`},reversible:e.reversible,stopFirst:t.stopFirst,...t.copyRoot===void 0?{}:{copyRoot:t.copyRoot}}}async function Zr(e,t){let n=new AbortController,r=new Promise(e=>{let r=()=>e({kind:`lost`,detail:`the run was told to stop`});t.aborted?r():t.addEventListener(`abort`,r,{once:!0,signal:n.signal})});try{return await Promise.race([e,r])}finally{n.abort(),e.catch(()=>{})}}const Qr={old:`new`,new:`old`};function $r(e,t){let n=ei(e);return t===`rollback`?Qr[n]??n:n}const ei=e=>{switch(e){case`deployed`:case`live-but-old-boots`:case`left-unconfirmed`:return`new`;case`staged`:case`refused`:case`rolled-back`:return`old`;case`superseded`:return`other`;case`rollback-failed`:return`unknown`}},q=e=>({outcome:`passed`,sentence:e}),J=(e,t)=>({outcome:`failed`,sentence:e,next:t}),Y=(e,t)=>({outcome:`inconclusive`,sentence:e,next:t}),X=(e,t)=>({on:`gate`,command:e,...t===void 0?{}:{remark:t}}),Z=(e,t)=>({on:`host`,command:e,...t===void 0?{}:{remark:t}});function ti({on:e,command:t,remark:n},r){let i=t.replaceAll(`HOST`,r.host),a=r.sudo?`sudo ${i.replaceAll(` && `,` && sudo `)}`:i;return`${e===`gate`?i:`${ae(r)} '${a}'`}${n===void 0?``:`   # ${n}`}`}function ni(e){let t=new Map(e.flatMap(e=>e.event===`ended`?[[e.id,e]]:[]));return e.flatMap(e=>{if(e.event!==`started`)return[];let n=t.get(e.attempt.id),r=n===void 0?void 0:{outcome:n.outcome,reason:n.reason,at:n.at};return[{attempt:e.attempt,bootId:e.bootId,at:e.at,ended:r}]})}const ri=/* @__PURE__ */ new Set([`deployed`,`staged`,`live-but-old-boots`,`left-unconfirmed`]),ii=e=>({outcome:`error`,sentence:`The host's ledger cannot be read, so ${e} cannot be shown.`,next:Z(`tail /var/lib/nixos-deploy-gate/ledger.jsonl`)});function ai(e){return ni(e).findLast(({attempt:e,ended:t})=>e.operation!==`reboot`&&t!==void 0&&ri.has(t.outcome))?.attempt}function oi(e,t,n,r){if(e===`unreadable`)return ii(`whether this revision is newer than what was applied last`);let i=ai(A(e));if(i===void 0)return r?q(`No gate has applied anything on this host before.`):Y(`No gate has applied anything on this host before, and it does not run what was planned for.`,X(`nixos-deploy-gate deploy --dry-run --hosts HOST`,`compares with what it runs now`));if(i.operation===`rollback`&&i.revision===void 0)return q(`What was applied last was a rollback, which has no revision to be compared with.`);if(i.revision===void 0||t===void 0)return Y(`The revision of ${t===void 0?`what is to be applied`:`what was applied last`} is not known, so their order cannot be shown.`,X(`nixos-deploy-gate deploy --hosts HOST --despite order`,`where it is the newer one`));let a=e=>e.slice(0,9);if(i.revision===t)return q(`The revision ${a(t)} was applied last, too.`);let o=n(i.revision,t);if(o===!0)return q(`The revision ${a(t)} follows on ${a(i.revision)}, which was applied last.`);let s=n(t,i.revision),c=X(`git log --graph --oneline ${a(i.revision)} ${a(t)}`);return s===!0?J(`The revision ${a(t)} is older than ${a(i.revision)}, which was applied last.`,X(`nixos-deploy-gate rollback HOST`,`if going back is what you want`)):o===`unknown`||s===`unknown`?Y(`Whether ${a(t)} follows on ${a(i.revision)}, which was applied last, cannot be told: the history is not all here.`,X(`git fetch --unshallow`)):J(`The revision ${a(t)} does not follow on ${a(i.revision)}, which was applied last: history was rewritten, or another branch was applied.`,c)}function si(e,t,n,r){if(e===`unreadable`)return ii(`how often this system was tried`);let i,a=0,o=0,s=0,c;for(let n of ni(A(e))){let{attempt:e,ended:r}=n;if(e.operation!==`reboot`){if(e.to!==t)e.operation===`rollback`&&r?.outcome===`deployed`&&(e.from.current===t||e.from.profile===t)&&(i=`A person went back from it (attempt ${e.id}).`);else if(c=n,r===void 0)a+=1;else switch(r.outcome){case`deployed`:case`staged`:[i,a,o,s]=[void 0,0,0,0];break;case`rolled-back`:if(r.reason.startsWith(`not-confirmed`)&&(s+=1),s===1&&r.reason.startsWith(`not-confirmed`))break;i=`It was tried and taken back (attempt ${e.id}: ${r.reason}).`;break;case`rollback-failed`:i=`It was tried and could not be taken back (attempt ${e.id}: ${r.reason}).`;break;case`left-unconfirmed`:i=`It was left running unconfirmed (attempt ${e.id}: ${r.reason}).`;break;case`live-but-old-boots`:o+=1,o>1&&(i=`Twice the boot loader could not be set for it (attempt ${e.id}: ${r.reason}).`)}}}if(a>1&&(i??=`It was tried ${a} times and no attempt came to its end.`),i!==void 0)return r?q(`${i} A person has approved another try since.`):J(`${i} It is not tried again by itself.`,X(`nixos-deploy-gate deploy --hosts HOST --despite attempts`,`or push a commit that corrects it`));if(s===1&&c!==void 0)return q(`The attempt ${c.attempt.id} at it was not confirmed in time, by whatever fault; it is tried once more.`);if(a===1&&c!==void 0){let e=c.bootId===n?`broke off without a result`:`was cut off by a reboot or a loss of power`;return q(`The attempt ${c.attempt.id} at it ${e}; it is tried once more.`)}return q(c===void 0?`It was not tried here before.`:`Nothing that became of it before speaks against it.`)}function ci(e,t){if(t===void 0)return q(`It needs no approval.`);if(e===`unreadable`)return ii(`whether the approval was used before`);for(let n of A(e)){if(n.event===`rejected`&&n.digest===t.digest)return J(`This very change was rejected by ${n.by}.`,X(`nixos-deploy-gate plan --hosts HOST`,`then push a commit that settles it`));if(n.event===`started`&&n.attempt.digest===t.digest)return J(`The approval of ${t.by} was used before, by attempt ${n.attempt.id}.`,X(`nixos-deploy-gate deploy --dry-run --hosts HOST`,`then approve the token that it shows`))}return q(`${t.by} approved it, and nothing has used the approval before.`)}const li=(e,t)=>t.current!==void 0&&t.profile!==void 0&&(t.current!==e.from.current||t.profile!==e.from.profile);function ui(e,t){let{from:n}=e;if(t.current===void 0||t.profile===void 0)return Y(`What it runs and boots cannot be told.`,Z(`readlink -f /run/current-system /nix/var/nix/profiles/system`));let r=X(`nixos-deploy-gate deploy --dry-run --hosts HOST`,`compares with what it runs now`);return n.current===void 0||n.profile===void 0?Y(`What it ran when the change was judged is not known.`,r):t.current===n.current?t.profile===n.profile?q(`It runs and boots what the change was judged against.`):J(`It boots ${t.profile} now; the change was judged while it booted ${n.profile}.`,r):J(`It runs ${t.current} now; the change was judged against ${n.current}.`,r)}function di(e,t){let n=e.from.specialisation;return t.specialisation===n?n===void 0?e.activate===void 0?{outcome:`error`,sentence:`What is to be activated is not known.`,next:X(`nixos-deploy-gate plan --hosts HOST`)}:q(`It is in no specialisation.`):e.activate===void 0||e.activate===e.to?J(`It is in the specialisation ${n}, which the new system does not have.`,X(`ls ${e.to}/specialisation`)):q(`It is in the specialisation ${n}, and the new system has one of that name.`):J(`It is in ${fi(t.specialisation)}; the change was judged for ${fi(n)}.`,X(`nixos-deploy-gate deploy --dry-run --hosts HOST`,`compares with what it runs now`))}const fi=e=>e===void 0?`no specialisation`:`the specialisation ${e}`;function pi(e){let{activations:t,switchLock:n,systemState:r}=e;return t.length>0?J(`Another activation runs: ${t.slice(0,5).join(`, `)}.`,Z(`systemctl status ${/^[A-Za-z0-9:_.@-]{1,200}$/.test(t[0]??``)?t[0]:``}`.trim())):n===`held`?J(`Something holds the lock of switch-to-configuration.`,Z(`fuser -v /run/nixos/switch-to-configuration.lock`)):n===`unknown`?Y(`Whether something holds the lock of switch-to-configuration cannot be told.`,Z(`fuser -v /run/nixos/switch-to-configuration.lock`)):r===`maintenance`?J(`The host is in its rescue or emergency mode.`,Z(`systemctl --failed`)):q(`No other activation runs.`)}function mi(e){return e.systemState===`stopping`?J(`The host is shutting down.`,X(`nixos-deploy-gate status --hosts HOST`,`when it is back`)):e.scheduledShutdown===void 0?q(`No shutdown is scheduled.`):J(`A shutdown is scheduled for ${e.scheduledShutdown.toISOString()}, by the host's own clock.`,Z(`shutdown -c`,`if it is not wanted`))}function hi(e){if(e.length===0)return`No unit had failed before.`;let t=e.slice(0,5).join(`, `);return`${e.length===1?`One unit`:`${e.length} units`} had failed before: ${t}${e.length>5?` and others`:``}. That is not blamed on the change.`}const gi=X(`nixos-deploy-gate plan --hosts HOST`),_i=e=>Math.min(512*1024**2,e/20),vi=4*1024**2;function yi(e,t){let{store:n}=e.space;if(t.copyBytes===void 0)return Y(`How much has to be copied is not known.`,gi);if(n===void 0)return Y(`The host did not say how much room there is on /nix.`,Z(`df -B1 /nix/store`));let r=t.copyBytes===0?0:Math.ceil(t.copyBytes*1.15+_i(n.sizeBytes)),i=`${Q(n.freeBytes)} are free on /nix and ${Q(r)} are wanted for ${Q(t.copyBytes)} that come`;return n.freeBytes>=r?q(`${i}.`):J(`${i}: a store that fills up during a copy takes services down with it.`,Z(`nix-collect-garbage --delete-older-than 14d`))}function bi(e,t){let{store:n}=e.space;if(n===void 0||t.copyPaths===void 0)return Y(`Whether there are inodes enough on /nix is not known.`,Z(`df -i /nix/store`));if(n.freeInodes===void 0)return q(`The file system of /nix has no fixed number of inodes.`);let r=t.copyPaths===0?0:t.copyPaths*150+5e3,i=`${n.freeInodes} inodes are free on /nix and up to ${r} are wanted for ${t.copyPaths} store paths`;return n.freeInodes>=r?q(`${i}.`):J(`${i}.`,Z(`nix-collect-garbage --delete-older-than 14d`))}const xi=/* @__PURE__ */ new Set([`/boot`,`/efi`,`/boot/efi`,`/boot/EFI`]);function Si(e,t){if(t.bootBytes===void 0)return Y(`How large the new kernel and initrd are is not known.`,gi);if(t.bootBytes===0)return q(`No kernel or initrd has to be written for the boot loader.`);let{boot:n}=e.space,r=Math.ceil(t.bootBytes*1.05)+vi;if(n===void 0)return e.mounts.length===0||e.mounts.some(e=>xi.has(e.target))?Y(`The host did not say how much room there is on its boot partition.`,Z(`df -B1 /boot`)):q(`There is no boot partition; kernel and initrd stay on the disk of the system.`);let i=`${Q(n.freeBytes)} are free on ${n.mountPoint} and ${Q(r)} are wanted for the new kernel and initrd`;return n.freeBytes>=r?q(`${i}.`):J(`${i}: a boot loader that is half written may not boot at all.`,Z(`nix-env -p /nix/var/nix/profiles/system --delete-generations +3 && /run/current-system/bin/switch-to-configuration boot`))}function Q(e){return e>=1024**3?`${(e/1024**3).toFixed(1)} GiB`:`${Math.ceil(e/1024**2)} MiB`}function Ci(e){let{address:t,look:n,planned:r}=e,i=[],a=(n,r)=>{let a=r.outcome!==`passed`&&e.despite.includes(n);return i.push({check:n,outcome:r.outcome,sentence:a?`${r.sentence} It was asked for in spite of that.`:r.sentence,...r.outcome===`passed`?{}:{next:ti(r.next,t)}}),r.outcome===`passed`};if(n.kind===`silent`)return a(`reachable`,J(`${t.hostname} could not be spoken to (${n.trouble}).`,X(`${ae(t)} true`))),$(i,`fail`,`unreachable`);let{observation:o}=n;a(`reachable`,q(`${t.hostname} answers.`));let s=se(t,o),c=t.identity.machineId===void 0?`; no machine id is pinned`:` and has the machine id that is pinned`;if(s?.code===`wrong-host`)return a(`host`,J(s.message,X(s.next))),$(i,`fail`,`failed`);if(a(`host`,q(`It calls itself "${t.identity.name}"${c}.`)),s!==void 0)return a(`nixos`,J(s.message,X(s.next))),$(i,`fail`,`failed`);a(`nixos`,q(`It is a NixOS that runs.`));let l=wi(r,o);if(l!==void 0)return a(`from`,q(l.sentence)),$(i,`done`,l.outcome);let u=A(e.ledger).filter(t=>t.event!==`started`||!e.ownAttempts.includes(t.attempt.id)),d=typeof e.ledger==`string`?e.ledger:u,f=a(`from`,ui(r,o));a(`specialisation`,di(r,o)),a(`activation`,pi(o)),a(`shutdown`,mi(o)),a(`store-space`,yi(o,r.need)),a(`inodes`,bi(o,r.need)),a(`boot-space`,Si(o,r.need)),a(`failed-units`,q(hi(o.failedUnits))),a(`checks`,Ti(e.checks)),a(`group`,Ei(e,t.host)),a(`order`,oi(d,r.revision,e.isAncestor,f)),a(`attempts`,si(d,r.to,o.bootId,r.approval!==void 0)),a(`approval`,ci(d,r.approval));let p=i.filter(t=>t.outcome!==`passed`&&!e.despite.includes(t.check));if(p.length>0)return $(i,`hold`,li(r,o)?`superseded`:`held`,p);let m=Er(o,e.checks);return{checks:i,summary:{may:`go`,reasons:[`Everything that was asked before the change is well.`,...i.filter(e=>e.outcome!==`passed`).map(e=>e.sentence)],baseline:m}}}function $(e,t,n,r=e.slice(-1)){let[i,...a]=r.map(e=>e.sentence),o=r.find(e=>e.next!==void 0)?.next;return{checks:e,summary:{may:t,outcome:n,reasons:[i??`It was not looked at.`,...a],...o===void 0?{}:{next:o}}}}function wi(e,t){if(e.activate!==void 0&&t.profile===e.to){if(t.current===e.activate)return{sentence:`It runs and boots what is asked for already.`,outcome:`unchanged`};if(e.mode===`boot-only`)return{sentence:`It boots what is asked for already; a reboot brings it in.`,outcome:`staged`}}}function Ti(e){if(e.length===0)return q(`There are no checks of the operator.`);let t=[`failed`,`error`,`inconclusive`,`passed`].find(t=>e.some(e=>e.outcome===t))??`passed`;if(t===`passed`)return q(e.length===1?`The operator's check passes.`:`All ${e.length} checks of the operator pass.`);let n=e.filter(e=>e.outcome!==`passed`);return{outcome:t,sentence:`Before any change, ${n.slice(0,3).map(e=>`the check "${e.name}" is ${e.outcome}: ${e.sentence}`).join(` Also `)}${n.length>3?` And ${n.length-3} more.`:``}`,next:X(`nixos-deploy-gate verify --hosts HOST`)}}function Ei(e,t){if(e.group===void 0)return q(`It is in no group.`);let{group:n,health:r}=e.group,i=new Set(n.members.filter(e=>r.get(e)?.healthy!==!0)),{allowed:a,sentence:o}=_(n,i,t);if(a)return q(o);let s=n.members.find(e=>e!==t&&i.has(e)),c=s===void 0?``:` ${s}: ${r.get(s)?.sentence??`nothing is known of it.`}`;return J(`${o}${c}`,X(s===void 0?`nixos-deploy-gate status`:`nixos-deploy-gate status --hosts ${s}`))}export{qe as A,pe as B,ft as C,Xe as D,Qe as E,ze as F,fe as H,Ie as I,M as L,Ke as M,Ge as N,Ye as O,z as P,Ae as R,mt as S,B as T,A as V,bn as _,ri as a,dn as b,Jr as c,Pr as d,Nr as f,nr as g,rr as h,ai as i,Je as j,$e as k,Wr as l,ir as m,mi as n,ni as o,Er as p,pi as r,Yr as s,Ci as t,Ur as u,vn as v,V as w,$t as x,mn as y,he as z};