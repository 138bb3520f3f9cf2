import{i as e,n as t,t as n}from"./failure.js";import{t as r}from"./nix-string.js";import{pathToFileURL as i}from"node:url";import{createHash as a}from"node:crypto";async function o(e,t,n){let r=t=>e.run({arguments:[`eval`,`--raw`,`--option`,`substitute`,`false`,`--expr`,t],trust:`unreviewed`,timeoutSeconds:n,maxBytes:65536}),i=[{expression:s(t,`/proc/${t.process.pid}/environ`,t.process.text,`with-builder`),what:`the environment of the gate's process`,builds:!0},{expression:s(t,t.file.path,t.file.text,`evaluator-only`),what:`files of the gate`,builds:!1}],a=await Promise.all(i.map(async({expression:e,what:n,builds:i})=>f(await r(e),t,n,i))),o=[];for(let[e,{expression:n,what:s,builds:c}]of i.entries()){let i=a[e]??[];o.push(...i.some(e=>e.startsWith(d))?f(await r(n),t,s,c):i)}let[c,...l]=[...new Set(o)];return c===void 0?{kind:`isolated`}:{kind:`exposed`,ways:[c,...l]}}function s(e,t,n,o){let s=(e,t)=>`builtins.fetchurl { url = ${r(i(e).href)}; sha256 = "${a(`sha256`).update(t).digest(`hex`)}"; name = "canary"; }`,l=o===`with-builder`?`builtins.trace ("canary-builder=" + builtins.readFile builder) secret`:`secret`;return`
let
  secret = builtins.seq (${s(t,n)}) "read";
  builder = derivation {
    name = "canary-${a(`sha256`).update(e.control.text).digest(`hex`).slice(0,16)}";
    system = ${r(e.system)};
    builder = "/bin/sh";
    preferLocalBuild = true;
    allowSubstitutes = false;
    args = [ "-c" ${r(c(e))} ];
  };
in builtins.trace ("canary-control=" + builtins.readFile (${s(e.control.path,e.control.text)})) (${l})`}function c(e){return`
found=ran
for each in /proc/[0-9]*/environ ${u(e.file.path)}; do
  line=
  { IFS= read -r line <"$each"; } 2>/dev/null
  case $line in
  *${l(e.process.secret)}*) found=$found,process ;;
  *${l(e.file.text)}*) found=$found,file ;;
  esac
done
printf %s. "$found" >"$out"`}function l(e){return`${e.slice(0,16)}''${e.slice(16)}`}function u(e){return`'${e.replaceAll(`'`,`'\\''`)}'`}const d=`it could not be shown`;function f(e,t,n,r){let i=`${e.stdout}\n${e.stderr}`,a=[];(i.includes(t.process.secret)||i.includes(t.file.text)||e.exitCode===0)&&a.push(`evaluation reads ${n}`);let o=/canary-builder=ran([a-z,]*)\./.exec(i)?.[1];if(o?.includes(`process`)===!0&&a.push(`a builder reads the environment of the gate's process`),o?.includes(`file`)===!0&&a.push(`a builder reads files of the gate`),a.length>0)return a;let s=i.includes(`canary-control=${t.control.text}`),c=/(?:Couldn't|Could not) (?:read|open) a file:\/\/ file|No such file or directory|Permission denied/i.test(i);if(s&&c&&(!r||o!==void 0))return[];let l=e.timedOut?`it did not end in time`:(e.stderr.trim().split(`
`).findLast(e=>e.trim()!==``)??`it said nothing`).trim();return[`${d} that evaluation cannot read ${n} (${l.slice(0,200)})`]}function p(e){let{trust:n,isolation:r,holdsSecrets:i,holdsWriteToken:a,policyIsolation:o}=e;return n===`deploy-branch`?{ok:!0,because:`it is on the deploy branch`}:r.kind===`isolated`?{ok:!0,because:`it cannot read the gate's process or files`}:!i&&!a?{ok:!0,because:`this run holds neither secrets nor a token that may write`}:o===`required`?{ok:!1,failure:t(`evaluation-exposed`,{how:r.ways.join(`; `)})}:{ok:!0,because:`the policy says: ${o}`}}function m(t){if(t.lockFindings.length!==0)throw e(`lock-refused`,{inputs:t.lockFindings.map(({input:e,reference:t,why:n})=>`${e.join(`.`)} (${t}: ${n})`)})}async function h({head:e,base:t},n){if(e.trust===`deploy-branch`&&(t===void 0||t.trust===`deploy-branch`))return;let r=n.plantBait();try{return await o(n.nix,r,60)}finally{r.remove()}}function g(e,t,r,i){if(e===void 0)return;let a=p({trust:`unreviewed`,isolation:e,holdsSecrets:t.secrets,holdsWriteToken:t.writeToken,policyIsolation:r.evaluation.isolation});if(!a.ok)throw new n(i===void 0?a.failure:{...a.failure,detail:`There is no isolation on this machine: ${i}`},4);return e.kind===`isolated`?void 0:`Unreviewed code was evaluated without isolation, because ${a.because}: ${e.ways.join(`; `)}.`}export{h as n,m as r,g as t};