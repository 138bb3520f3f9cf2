import{c as e,f as t,i as n,l as r,n as i,s as a,t as o}from"./headline.js";import{t as s}from"./names-only.js";import{a as c,c as l,i as u,l as d,n as f,s as p}from"./order.js";import{_ as m,a as h,c as ee,d as g,g as te,i as ne,l as _,n as v,o as re,r as ie,t as ae,u as y}from"./phrases.js";import{n as oe,t as b}from"./sections-outcome.js";import{r as x}from"./sections.js";import{t as S}from"./count.js";import{t as C}from"./standing-look.js";import{t as se}from"./html-escape.js";import{n as ce}from"./visible.js";import{r as le,t as ue}from"./cut.js";import{n as de}from"./plan.js";import{createHash as fe}from"node:crypto";const pe={characters:6e5,lines:12e3};function me(e,t=pe){let r=[],i=[],a=[...n(e).flatMap(t=>x(e,t)),...e.hosts.flatMap(t=>b(e,t))];for(let e of a){i.push(e.lines.length);for(let{text:t}of e.texts)r.push(t.length)}return{characters:w(r,t.characters),lines:w(i,t.lines)}}function w(e,t){let n=t,r=e.toSorted((e,t)=>e-t);for(let[e,t]of r.entries()){let i=n/(r.length-e);if(t>i)return Math.max(0,Math.floor(i));n-=t}return 1/0}const T=Symbol(`markup`);function E(e,...t){let n=A.get(e)??ge(e);return{[T]:t.reduce((e,t,r)=>e+k(t)+n[r+1],n[0]??``)}}const he=e=>e[T],D=(e,t)=>({[T]:`${e}${t}</${e.slice(1)}`}),O=(e,t)=>e.map(t);function k(e){return e===void 0?``:typeof e==`number`?String(e):typeof e==`string`?se(ce(e)):T in e?e[T]:e.map(k).join(``)}const A=/* @__PURE__ */ new WeakMap;function ge(e){for(let t=1;t<e.length;t+=1)_e(e.slice(0,t).join(`x`));let t=e.map(e=>e.replace(/\n\s*/g,`
`));return A.set(e,t),t}function _e(e){let t=e.lastIndexOf(`<`),n=t>e.lastIndexOf(`>`)?e.slice(t):``,r=/^<[a-z][a-z0-9]*\s/.test(n)&&n.split(`"`).length%2==0;if(n!==``&&!r)throw Error(`a value stands in a tag: ${n.slice(-80)}`);if(/\s(?:on[a-z]+|style|srcdoc)\s*=\s*"[^"]*$/i.test(n))throw Error(`a value stands in code: ${n.slice(-80)}`);if(/<(style|script)\b(?![^]*<\/\1>)/i.test(e))throw Error(`a value stands in a style or a script`)}function ve(e){let t=[],[n,r]=[void 0,void 0],[i,a]=[[],[]],o=()=>{for(let e=0;e<Math.max(i.length,a.length);e+=1){let[n,r]=[i[e],a[e]];n!==void 0&&r!==void 0?t.push({kind:`replaced`,left:n,right:r}):n===void 0?r!==void 0&&t.push({kind:`added`,right:r}):t.push({kind:`removed`,left:n})}[i,a]=[[],[]]},s=(e,t)=>e===void 0?{text:t}:{number:e,text:t};for(let c of e.replace(/\n$/,``).split(`
`)){let e=/^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(c),l=c.slice(1);e===null&&c.startsWith(`-`)?(a.length>0&&o(),i.push(s(n,l)),n!==void 0&&(n+=1)):e===null&&c.startsWith(`+`)?(a.push(s(r,l)),r!==void 0&&(r+=1)):(o(),e===null?c.startsWith(` `)||c===``?(t.push({kind:`same`,left:s(n,l),right:s(r,l)}),n!==void 0&&(n+=1),r!==void 0&&(r+=1)):t.push({kind:`note`,text:c.startsWith(`\\ `)?c.slice(2):c}):([n,r]=[Number(e[1]),Number(e[2])],t.push({kind:`part`,text:c})))}return o(),t}function ye(e,t){let[n,r]=[Array.from(e),Array.from(t)],i=0;for(;i<n.length&&i<r.length&&n[i]===r[i];)i+=1;let a=0;for(;a<n.length-i&&a<r.length-i&&n[n.length-1-a]===r[r.length-1-a];)a+=1;return{head:n.slice(0,i).join(``),old:n.slice(i,n.length-a).join(``),fresh:r.slice(i,r.length-a).join(``),tail:n.slice(n.length-a).join(``)}}const j=e=>e===``?E`<code>&nbsp;</code>`:E`<code>${e}</code>`;function M(e){return O(e.spans,e=>be(e))}function be(e){return typeof e==`string`?e:`command`in e?xe(e.command):`code`in e?j(e.code):E`<strong>${e.strong}</strong>`}const xe=e=>E`<span class="run"><kbd class="command">${e}</kbd></span>`;function N(e,t=1/0){if(e.length===0)return;let n=e.slice(0,t),r=e.length-n.length;return E`<ul class="lines">
    ${O(n,e=>E`<li>${M(e)}${N(e.sub??[])}</li>`)}${r>0?E`<li class="cut">${r} more are left out here for size; plan.json has them.</li>`:void 0}
  </ul>`}const P=(e,t)=>t===void 0?[]:[[e,t]],F=e=>E`<dl>
    ${O(e,([e,t])=>E`<div>
          <dt>${e}</dt>
          <dd>${t}</dd>
        </div>`)}
  </dl>`,I=(e,t=C[e].word)=>E`<span class="badge ${L[C[e].hue]??`dim`}"
    ><span class="sign" aria-hidden="true">${C[e].sign[0]}</span> ${t}</span
  >`,L={31:`bad`,33:`warn`,35:`held`,36:`wait`,32:`good`,2:`dim`},R=e=>L[C[e].hue]??`dim`;function z(e,t,n){let r=e.summary===``||e.kind===`findings`||e.kind===`notes`?void 0:E` <span class="count">${e.summary}</span>`;return E`<section class="part ${e.kind}">
    <h4>${e.title}${r}</h4>
    ${n??N(e.lines,t.lines)}${O(e.texts,n=>Se(n,e.kind,t))}
  </section>`}function Se(e,t,n){if(t!==`units`&&t!==`files`)return E`<details>
      <summary>${e.title}</summary>
      ${B(e.title,E`<pre>${le(e.text.trimEnd(),n.characters)}</pre>`)}
    </details>`;let r=ve(Ce(e.text,n.characters)),[i,a]=[r.filter(e=>e.kind===`removed`||e.kind===`replaced`).length,r.filter(e=>e.kind===`added`||e.kind===`replaced`).length];return E`<details>
    <summary>
      ${j(e.title)} <span class="count"><ins>+${a}</ins> <del>−${i}</del></span>
    </summary>
    ${we(e.title,r)}
  </details>`}function Ce(e,t){return e.length<=t?e:t<200?`… all of it is left out here for size; plan.json has it`:`${ue(e,t)}, left out here for size; plan.json has them`}const B=(e,t)=>E`<div class="scroll" role="group" tabindex="0" aria-label="${e}">${t}</div>`;function we(e,t){return E`<table class="diff">
    <caption class="unseen">
      ${e}: old and new side by side
    </caption>
    <colgroup>
      <col class="no" />
      <col />
      <col class="no" />
      <col />
    </colgroup>
    <thead class="unseen">
      <tr>
        <th scope="col">Old line</th>
        <th scope="col">Old</th>
        <th scope="col">New line</th>
        <th scope="col">New</th>
      </tr>
    </thead>
    <tbody>
      ${O(t,Te)}
    </tbody>
  </table>`}function Te(e){if(`text`in e)return E`<tr class="${e.kind}">
      <td colspan="4">${e.text}</td>
    </tr>`;let{left:t,right:n,kind:r}=e;if(r===`replaced`&&t!==void 0&&n!==void 0){let{head:e,old:r,fresh:i,tail:a}=ye(t.text,n.text);return E`<tr>
      ${V(t,`−`,E`${e}<del>${r}</del>${a}`)}${V(n,`+`,E`${e}<ins>${i}</ins>${a}`)}
    </tr>`}let i=r===`same`?[` `,` `]:[`−`,`+`];return E`<tr>
    ${V(t,i[0]??``,t?.text)}${V(n,i[1]??``,n?.text)}
  </tr>`}function V(e,t,n){if(e===void 0)return E`<td class="no"></td>
      <td class="none"></td>`;let r=t===`−`?`old`:t===`+`?`new`:`same`;return E`<td class="no">${e.number}</td>
    <td class="${r}"><span class="mark">${t}</span>${n}</td>`}function Ee(e){return[Oe(e.hosts),ke(e.hosts),Ae(e)]}const De=e=>d.flatMap(t=>{let n=e.filter(e=>l(e)===t);return n.length===0?[]:[{at:t,hosts:n}]});function Oe(e){return E`<ul class="counts" aria-label="Hosts by how they stand">
    ${O(De(e),({at:e,hosts:t})=>E`<li class="${R(e)}">
          <span class="many">${t.length}</span>
          <span class="word"><span aria-hidden="true">${C[e].sign[0]}</span> ${C[e].word}</span>
        </li>`)}
  </ul>`}function ke(e){if(!(e.length<2))return E`<nav class="tiles" aria-label="Hosts, worst first">
    <ul>
      ${O(e,e=>{let t=l(e);return E`<li>
          <a class="${R(t)}" href="#host-${e.host}"
            ><span class="sign" aria-hidden="true">${C[t].sign[0]}</span> ${e.host}<span class="unseen"
              >, ${C[t].word}</span
            ></a
          >
        </li>`})}
    </ul>
  </nav>`}function Ae(n){return E`<div class="tools" hidden data-script>
      <label
        >Show hosts with <input type="search" id="filter" placeholder="name, word or reason" autocomplete="off" spellcheck="false"
      /></label>
      <output id="shown" for="filter" aria-live="polite"></output>
    </div>
    <table class="data fleet" id="hosts-table">
      <caption class="unseen">
        ${S(n.hosts.length,`host`)}, worst first
      </caption>
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Stands</th>
          <th scope="col">What counts most</th>
          <th scope="col">${r(n)}</th>
        </tr>
      </thead>
      <tbody>
        ${O(n.hosts,r=>E`<tr>
              <th scope="row">
                <a href="#host-${r.host}">${r.host}</a>${u(r)?E` <small>not managed</small>`:void 0}
              </th>
              <td>${I(l(r),g(r))}</td>
              <td>${M(t(n,r))}</td>
              <td>${e(n,r)}</td>
            </tr>`)}
      </tbody>
    </table>`}function je(e,t,n){let r=e.reduce((e,t)=>e+t,0);if(r<=0)return[];let i=e.map(e=>e/r*t*n),a=[],o={x:0,y:0,width:t,height:n};for(let e=0;e<i.length;){let t=Math.max(Math.min(o.width,o.height),Number.MIN_VALUE),n=e+1,r=i[e],s=H(r,i[e],i[e],t);for(;n<i.length;){let a=r+i[n],o=H(a,i[e],i[n],t);if(o>s)break;[r,s,n]=[a,o,n+1]}let c=Math.min(r/t,Math.max(o.width,o.height)),l=o.width>=o.height,u=0;for(let t of i.slice(e,n)){let e=c===0?0:t/c;a.push(l?{x:o.x,y:o.y+u,width:c,height:e}:{x:o.x+u,y:o.y,width:e,height:c}),u+=e}o=l?{...o,x:o.x+c,width:Math.max(0,o.width-c)}:{...o,y:o.y+c,height:Math.max(0,o.height-c)},e=n}return a}const H=(e,t,n,r)=>Math.max(r*r*t/(e*e),e*e/(r*r*n)),U={width:960,height:420};function Me(e){let{largest:t,others:n}=e,r=n.packages===0?[]:[{name:`${n.packages} others`,from:n.from,to:n.to}],i=[...t,...r].filter(e=>W(e)>0).toSorted((e,t)=>W(t)-W(e)),a=je(i.map(W),U.width,U.height);return E`<p class="legend">
      <span class="key same"></span>same size <span class="key grown"></span>▲ larger <span class="key shrunk"></span>▼ smaller
      <span class="key come"></span>+ new <span class="key gone"></span>− gone
    </p>
    ${B(`The closure as a picture; a table of the largest packages follows`,E`<svg
        class="treemap"
        viewBox="0 0 ${U.width} ${U.height}"
        role="img"
        aria-label="${`The largest packages of the closure by size: ${i.slice(0,8).map(e=>`${e.name} ${_(W(e))}`).join(`, `)}`}"
      >
        ${O(i,(e,t)=>{let n=a[t];if(n===void 0||n.width<1||n.height<1)return;let{x:r,y:i,width:o,height:s}=n,c=Pe(e),l=Math.floor((o-8)/6.4),u=`${c.sign}${e.name}`,d=l>=4&&s>=18;return E`<g class="${c.name}"
            ><title>${e.name}: ${Fe(e)}</title
            ><rect
              x="${G(r)}"
              y="${G(i)}"
              width="${G(o-1)}"
              height="${G(s-1)}"
            />${d?E`<text x="${G(r+4)}" y="${G(i+13)}">${Ne(u,l)}</text>`:void 0}${d&&s>=34&&l>=8?E`<text class="size" x="${G(r+4)}" y="${G(i+27)}">${_(W(e))}</text>`:void 0}</g
          >`})}
      </svg>`)}
    <table class="data sizes">
      <thead>
        <tr>
          <th scope="col">Package</th>
          <th scope="col" class="number">Old</th>
          <th scope="col" class="number">New</th>
          <th scope="col" class="number">Change</th>
        </tr>
      </thead>
      <tbody>
        ${O([...t.slice(0,15),...r],e=>E`<tr>
              <th scope="row">${j(e.name)}</th>
              <td class="number">${e.from===0?`none`:_(e.from)}</td>
              <td class="number">${e.to===0?`none`:_(e.to)}</td>
              <td class="number">${e.from===e.to?``:y(e.to-e.from)}</td>
            </tr>`)}
      </tbody>
    </table>`}const W=({from:e,to:t})=>t>0?t:e,G=e=>Math.round(Math.max(0,e)*10)/10,Ne=(e,t)=>{let n=Array.from(e);return n.length<=t?e:`${n.slice(0,t-1).join(``)}…`};function Pe({from:e,to:t}){return e===0?{name:`come`,sign:`+ `}:t===0?{name:`gone`,sign:`− `}:Math.abs(t-e)<Math.max(e,t)/100?{name:`same`,sign:``}:t>e?{name:`grown`,sign:`▲ `}:{name:`shrunk`,sign:`▼ `}}const Fe=({from:e,to:t})=>e===t?_(t):`${e===0?`none`:_(e)} → ${t===0?`none`:_(t)} (${y(t-e)})`;function Ie(e,t,n){let r=de(e,t.first);return O(x(e,t),i=>i.kind===`opinion`?Le(i,n):r===void 0?z(i,n):i.kind===`units`?z(i,n,Re(r,e.detail,n)):i.kind===`packages`?[z(i,n,ze(r,n)),Ve(r,t)]:z(i,n))}const Le=(e,t)=>E`<section class="part opinion">
    <h4>${e.title}</h4>
    <p class="caution">A model wrote this about text that strangers may have written. It can raise a verdict and never lower one.</p>
    ${N(e.lines,t.lines)}
  </section>`,K=[[`stop`,`stops`],[`stop-start`,`stops and starts`],[`restart`,`restarts`],[`reload`,`reloads`],[`start`,`starts`],[`skip`,`keeps running the old version until a reboot`],[`nothing`,`nothing happens to it`]];function Re(e,t,n){let r=[...e.units.map(e=>({unit:e,of:`system`})),...e.userUnits.map(e=>({unit:e,of:`user`}))],i=K.flatMap(([e,t])=>r.filter(({unit:t})=>t.effect===e&&!t.hashOnly).map(e=>({...e,words:t}))),a=K.flatMap(([e,t])=>{let n=r.filter(({unit:t})=>t.effect===e&&t.hashOnly).map(({unit:e})=>e.name);return n.length===0?[]:[{spans:[`${t}, only store paths differ: `,...m(n,60)]}]}),o=i.slice(0,n.lines),s=t===`full`;return[i.length===0?void 0:E`<table class="data">
          <thead>
            <tr>
              <th scope="col">Unit</th>
              <th scope="col">What a switch does</th>
              ${s?E`<th scope="col">Why</th>`:void 0}
            </tr>
          </thead>
          <tbody>
            ${O(o,({unit:e,of:t,words:n})=>E`<tr>
                  <th scope="row">${j(e.name)}${t===`user`?E` <small>of users</small>`:void 0}</th>
                  <td>${e.change===`changed`?void 0:`${e.change}, `}<span class="effect ${e.effect}">${n}</span></td>
                  ${s?E`<td>${e.reason}</td>`:void 0}
                </tr>`)}
          </tbody>
        </table>`,i.length>o.length?E`<p class="cut">${i.length-o.length} more are left out here for size; plan.json has them.</p>`:void 0,N(a)]}function ze(e,t){let{added:n,removed:r,changed:i,rebuilt:a}=te(e),o=e=>e.filter(e=>e!==``).join(`, `),s={down:`▼ down`,mixed:`◆ mixed`,up:`▲ up`,same:`changed`},c=[...[`down`,`mixed`,`up`,`same`].flatMap(e=>i.filter(t=>t.direction===e).map(t=>({name:t.name,how:s[e],from:o(t.from),to:o(t.to),bytes:t.sizeDelta,by:t.selectedBy}))),...n.map(e=>({name:e.name,how:`+ added`,from:``,to:o(e.versions),bytes:e.size,by:e.selectedBy})),...r.map(e=>({name:e.name,how:`− removed`,from:o(e.versions),to:``,bytes:-e.size,by:e.selectedBy}))],l=c.slice(0,t.lines),u=a.map(e=>e.name);return[l.length===0?void 0:E`<table class="data packages">
          <thead>
            <tr>
              <th scope="col">Package</th>
              <th scope="col">Change</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col" class="number">Size</th>
              <th scope="col">Named by</th>
            </tr>
          </thead>
          <tbody>
            ${O(l,e=>E`<tr>
                  <th scope="row">${j(e.name)}</th>
                  <td class="how">${e.how}</td>
                  <td>${e.from}</td>
                  <td>${e.to}</td>
                  <td class="number">${e.bytes===0?``:y(e.bytes)}</td>
                  <td>${e.by.map(e=>e===`system-path`?`system path`:e).join(`, `)||`a dependency`}</td>
                </tr>`)}
          </tbody>
        </table>`,c.length>l.length?E`<p class="cut">${c.length-l.length} more are left out here for size; plan.json has them.</p>`:void 0,u.length===0?void 0:E`<details>
          <summary>${u.length} rebuilt at the same version</summary>
          <p>${M({spans:m(u,400)})}</p>
        </details>`,Be(e)]}function Be(e){let t=e.closure?.chains??[];if(t.length!==0)return E`<details class="chains">
    <summary>What brings them in: the shortest chain of references for each</summary>
    <table class="data">
      <thead>
        <tr>
          <th scope="col">Package</th>
          <th scope="col">System</th>
          <th scope="col">Chain, from the toplevel down</th>
        </tr>
      </thead>
      <tbody>
        ${O(t,({name:e,side:t,path:n})=>E`<tr>
              <th scope="row">${j(e)}</th>
              <td>${t===`to`?`new`:`old`}</td>
              <td>${O(n,(e,t)=>[t===0?void 0:E` <span aria-label="which refers to">→</span> `,j(e)])}</td>
            </tr>`)}
      </tbody>
    </table>
  </details>`}function Ve(e,{hosts:t}){if(e.closure!==void 0&&e.closure.largest.length!==0)return E`<section class="part closure">
    <h4>Closure <span class="count">${v(ie(t))}</span></h4>
    <details>
      <summary>What it is made of, by size${t.length>1&&e.measuredOn!==void 0?`, on ${e.measuredOn}`:``}</summary>
      ${Me(e.closure)}
    </details>
  </section>`}function He(e,t){let r=e.hosts.filter(e=>e.state===`unchanged`);return[O(n(e),(n,r)=>Ue(e,n,r,t)),r.length===0?void 0:E`<article class="change" aria-labelledby="unchanged">
          <h3 id="unchanged">${S(r.length,`host`)} with no change</h3>
          ${q(e,r,t)}
        </article>`]}function Ue(e,t,n,r){let i=`change-${n+1}`,{first:o}=t,s=a(t),c=[...u(o)?[`not managed`]:[],...h(e,o)].join(`, `),l=o.state===`removed`?void 0:Ie(e,t,r),d=E`<summary>
      What changes${s.length>1?`, the same on ${s.length} hosts`:``}${c===``?``:`: ${c}`}
    </summary>
    ${l}`,f=l===void 0?void 0:We(e,o)?E`<details class="body" open>${d}</details>`:E`<details class="body">${d}</details>`;return s.length===1?E`<article class="change" id="${i}" aria-labelledby="title:host-${o.host}">
      ${J(e,o,r,`alone`)}${f}
    </article>`:E`<article class="change" id="${i}" aria-labelledby="title:${i}">
    <h3 id="title:${i}">${s.length<=3?s.join(`, `):`${s.slice(0,2).join(`, `)} and ${s.length-2} more`} ${I(p(o),ae(o))}</h3>
    ${q(e,t.hosts,r)}${f}
  </article>`}function We(e,t){return f(e)?t.state===`failed`||t.decision.action===`hold`:![`clean`,`unbuilt`].includes(p(t))}function q(e,t,n){let r=t=>J(e,t,n,`among`);if(t.length<=6)return O(t,r);let i=t.filter(t=>t.approval!==void 0||b(e,t).length>0),a=t.filter(e=>!i.includes(e)),o=E`<details class="fold">
    <summary>${i.length===0?`The`:`The other`} ${S(a.length,`host`)} one by one</summary>
    ${O(a,r)}
  </details>`;return[O(i,r),a.length===0?void 0:o]}function J(t,n,i,a){let{decision:o,reboot:s,approval:u}=n,d=o.reasons.filter(e=>e!==``),f=E`<ul>
    ${O(d,e=>E`<li>${e}</li>`)}
  </ul>`,p=[...P(r(t),c(n)?void 0:e(t,n)),...P(`Because`,d.length>1?f:d[0]),...P(`Reboot`,s?.when),...P(`Approval`,o.approval===void 0?void 0:`by ${o.approval.by}: ${o.approval.became}`),...P(`Waits since`,u&&E`<time datetime="${u.issuedAt}">${Y(u.issuedAt)}</time>; digest ${j(u.digest)}`),...Ge(n),...P(`Platform`,n.platform),...P(`Warnings`,n.warnings.length===0||a===`alone`?void 0:S(n.warnings.length,`warning`))],m=`title:host-${n.host}`,h=E`${n.host} ${I(l(n),g(n))}`;return E`<section class="host ${a}" id="host-${n.host}" tabindex="-1" aria-labelledby="${m}">
    ${a===`alone`?E`<h3 id="${m}">${h}</h3>`:E`<h4 id="${m}">${h}</h4>`}${F(p)}
    ${O(b(t,n),e=>z(e,i))}
  </section>`}function Ge(e){let t=(e,t)=>P(e,t===void 0||t===``?void 0:j(t));switch(e.state){case`unchanged`:return t(`System`,e.toplevel);case`changed`:return[...t(`From`,e.from),...t(`To`,e.to),...P(`Closure`,v([e.closure]))];case`added`:return t(`To`,e.to);case`removed`:return t(`From`,e.from);case`failed`:return[]}}const Y=e=>`${e.slice(0,16).replace(`T`,` `)} UTC`,Ke=`
"use strict";
const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
for (const one of all("[data-script]")) one.hidden = false;

const reveal = () => {
  let id = "";
  try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
  const target = id === "" ? null : document.getElementById(id);
  if (target === null) return;
  for (let at = target.parentElement; at !== null; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();

const fold = (open) => () => { for (const one of all("main details")) one.open = open; };
document.getElementById("unfold").addEventListener("click", fold(true));
document.getElementById("fold").addEventListener("click", fold(false));
let folded = [];
addEventListener("beforeprint", () => { folded = all("main details:not([open])"); for (const one of folded) one.open = true; });
addEventListener("afterprint", () => { for (const one of folded) one.open = false; folded = []; });

const filter = document.getElementById("filter");
if (filter !== null) {
  const rows = all("#hosts-table tbody tr").map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const shown = document.getElementById("shown");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let count = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) count += 1;
    }
    shown.textContent = words.length === 0 ? "" : count + " of " + rows.length + " hosts";
  });
}

for (const command of all("kbd.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the command " + command.textContent.slice(0, 80));
  button.addEventListener("click", () => {
    const done = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 2000); };
    const select = () => { getSelection().selectAllChildren(command); done("Selected"); };
    if (navigator.clipboard === undefined) select();
    else navigator.clipboard.writeText(command.textContent).then(() => done("Copied"), select);
  });
  command.after(button);
}
`,qe=`
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --link: #0a55b5; --focus: #0a55b5;
  --bad: #b3161b; --bad-back: #fdecec; --warn: #7a4b00; --warn-back: #fff3d6; --held: #6a2fb0; --held-back: #f3ebfd;
  --wait: #0b5f6e; --wait-back: #e1f5f8; --good: #17692f; --good-back: #e4f6e9; --dim: #57606a; --dim-back: #eceff2;
  --old: #ffebe9; --old-mark: #ffc1ba; --new: #e6ffec; --new-mark: #a4ecb5; --code: #eef1f4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1319; --card: #171c24; --ink: #e4e9ef; --soft: #a3adb9; --line: #323a45; --link: #7ab8ff; --focus: #7ab8ff;
    --bad: #ff9a93; --bad-back: #3d1a1c; --warn: #f0c065; --warn-back: #3a2c0d; --held: #d2b0ff; --held-back: #2e2145;
    --wait: #7fd8e6; --wait-back: #10323a; --good: #86dd9c; --good-back: #143020; --dim: #a3adb9; --dim-back: #242b35;
    --old: #3b1d20; --old-mark: #7c2f33; --new: #14301d; --new-mark: #23602f; --code: #222933;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer, nav.contents { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .2rem 0 .6rem; letter-spacing: -.01em; }
h1.long { font-size: 1.2rem; }
h1 span { display: inline-block; }
h2 { font-size: 1.25rem; margin: 0 0 .9rem; }
h3 { font-size: 1.08rem; margin: 0 0 .7rem; display: flex; flex-wrap: wrap; gap: .3rem .7rem; align-items: center; }
h4 { font-size: .95rem; margin: 0 0 .4rem; }
p { margin: .4rem 0; }
a { color: var(--link); text-underline-offset: 2px; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
main:focus, section.host:focus { outline: none; }
code, kbd, pre, .diff td { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; font-size: .88em; unicode-bidi: isolate; }
code { background: var(--code); border-radius: 4px; padding: .08em .32em; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 1rem; top: .6rem; z-index: 3; background: var(--card); padding: .4rem .8rem; border-radius: 6px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.brand { color: var(--soft); font-weight: 600; margin: 0; }
.brand span { font-weight: 400; }
.brand span::before { content: "· "; }
.caution { color: var(--soft); }
.call { font-weight: 600; color: var(--held); }
nav.contents { position: sticky; top: 0; z-index: 2; background: var(--page); border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: center; justify-content: space-between; padding-top: .45rem; padding-bottom: .45rem; margin-top: .8rem; }
nav.contents ul { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; list-style: none; margin: 0; padding: 0; }
nav.contents a { display: inline-block; padding: .15rem 0; }
.chapter { padding: 1.6rem 0 .4rem; }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; list-style: none; margin: 0 0 1rem; padding: 0; }
.counts li { background: var(--card); border: 1px solid var(--line); border-left: 5px solid currentColor; border-radius: 8px; padding: .45rem .9rem .45rem .7rem; min-width: 6.5rem; }
.counts .many { display: block; font-size: 1.5rem; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
.counts .word { font-size: .9rem; }
.bad { color: var(--bad); } .warn { color: var(--warn); } .held { color: var(--held); } .wait { color: var(--wait); } .good { color: var(--good); } .dim { color: var(--dim); }
.badge { display: inline-block; font-size: .84rem; font-weight: 600; line-height: 1.45; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .6rem; white-space: nowrap; }
.badge.bad, .tiles a.bad { background: var(--bad-back); } .badge.warn, .tiles a.warn { background: var(--warn-back); } .badge.held, .tiles a.held { background: var(--held-back); }
.badge.wait, .tiles a.wait { background: var(--wait-back); } .badge.good, .tiles a.good { background: var(--good-back); } .badge.dim, .tiles a.dim { background: var(--dim-back); }
.tiles ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .35rem; list-style: none; margin: 0 0 1.2rem; padding: 0; }
.tiles a { display: block; padding: .18rem .5rem; border-radius: 6px; border: 1px solid transparent; text-decoration: none; font-size: .86rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.tiles a:hover { border-color: currentColor; }
.tools { margin: .5rem 0; font-size: .92rem; color: var(--soft); }
nav .tools { margin: 0; }
input[type=search] { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--soft); border-radius: 6px; padding: .25rem .5rem; width: 15rem; max-width: 100%; }
button { font: inherit; font-size: .84rem; color: var(--ink); background: var(--card); border: 1px solid var(--soft); border-radius: 6px; padding: .1rem .6rem; cursor: pointer; }
button:hover { border-color: var(--ink); }
table.data { width: 100%; border-collapse: collapse; margin: .3rem 0 .6rem; background: var(--card); }
.data th, .data td { text-align: left; vertical-align: top; padding: .38rem .7rem; border-bottom: 1px solid var(--line); }
.data thead th { font-size: .82rem; color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--line); }
.data tbody th { font-weight: 600; }
.data .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.data td.how { white-space: nowrap; }
.chapter > .data { border: 1px solid var(--line); border-radius: 8px; border-collapse: separate; border-spacing: 0; overflow: hidden; }
.chapter > .data tbody tr:last-child > * { border-bottom: 0; }
.fleet tbody th { white-space: nowrap; }
.effect.stop, .effect.stop-start, .effect.restart { font-weight: 600; }
small, .count { color: var(--soft); font-weight: 400; font-size: .88em; }
.change { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.2rem; margin: 0 0 1.1rem; content-visibility: auto; contain-intrinsic-size: auto 24rem; }
.host { border-left: 3px solid var(--line); padding: .1rem 0 .1rem .9rem; margin: 0 0 .8rem; }
.host.alone { border-left: 0; padding-left: 0; margin-bottom: .4rem; }
.host:target { border-left-color: var(--focus); background: linear-gradient(90deg, var(--dim-back), transparent); }
dl { margin: .2rem 0; }
dl > div { display: grid; grid-template-columns: 8.5rem 1fr; gap: .2rem .8rem; padding: .1rem 0; }
dt { color: var(--soft); }
dd { margin: 0; }
dd ul { margin: 0; padding-left: 1.1rem; }
.part { margin: 1rem 0; }
ul.lines { margin: .2rem 0; padding-left: 1.2rem; }
ul.lines li { margin: .16rem 0; }
summary { cursor: pointer; padding: .15rem 0; border-radius: 4px; }
details.body > summary, details.fold > summary { font-weight: 600; color: var(--link); }
details details { margin: .25rem 0 .25rem .2rem; }
.cut { color: var(--soft); font-style: italic; }
.opinion { border: 2px dashed var(--line); border-radius: 8px; padding: .7rem 1rem; }
.opinion .caution { margin-top: 0; font-size: .9rem; }
.run { display: flex; align-items: flex-start; gap: .5rem; margin: .3rem 0; }
.command { flex: 1 1 auto; min-width: 0; background: var(--code); border: 1px solid var(--line); border-radius: 6px; padding: .4rem .6rem; white-space: pre-wrap; user-select: all; }
.copy { flex: none; margin-top: .25rem; }
.scroll { overflow-x: auto; max-width: 100%; }
pre { margin: .3rem 0; padding: .6rem .8rem; background: var(--code); border-radius: 6px; white-space: pre; width: max-content; min-width: 100%; }
.diff { width: 100%; table-layout: fixed; border-collapse: collapse; border: 1px solid var(--line); margin: .3rem 0 .7rem; position: relative; }
.diff td { vertical-align: top; padding: 0 .4rem; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.45; }
.diff col.no { width: 3.1rem; }
.diff td.no { text-align: right; color: var(--soft); user-select: none; font-variant-numeric: tabular-nums; }
.diff .part td, .diff .note td { color: var(--soft); background: var(--code); margin: 0; }
.diff .part { margin: 0; }
.diff .old { background: var(--old); } .diff .new { background: var(--new); } .diff .none { background: var(--dim-back); }
.diff del, .diff ins { text-decoration: none; border-radius: 3px; }
.diff .old del { background: var(--old-mark); text-decoration: underline; text-decoration-style: dotted; } .diff .new ins { background: var(--new-mark); text-decoration: underline; }
.mark { display: inline-block; width: 1.1em; user-select: none; color: var(--soft); }
summary ins { color: var(--good); text-decoration: none; } summary del { color: var(--bad); text-decoration: none; }
.legend { font-size: .88rem; color: var(--soft); }
.key { display: inline-block; width: .85rem; height: .85rem; border-radius: 3px; margin: 0 .15rem 0 .6rem; vertical-align: -1px; border: 1px solid var(--soft); }
.key:first-child { margin-left: 0; }
.treemap { display: block; width: 100%; min-width: 44rem; height: auto; font: 600 11px system-ui, sans-serif; }
.treemap rect { stroke: var(--card); }
.treemap text { fill: var(--ink); } .treemap .size { font-weight: 400; }
.same rect, .key.same { fill: var(--dim-back); background: var(--dim-back); } .grown rect, .key.grown { fill: var(--warn-back); background: var(--warn-back); }
.shrunk rect, .key.shrunk { fill: var(--wait-back); background: var(--wait-back); } .come rect, .key.come { fill: var(--good-back); background: var(--good-back); }
.gone rect, .key.gone { fill: var(--bad-back); background: var(--bad-back); }
.grown rect { stroke: var(--warn); } .shrunk rect { stroke: var(--wait); } .come rect { stroke: var(--good); } .gone rect { stroke: var(--bad); stroke-dasharray: 4 3; }
.bar { display: block; width: 100%; min-width: 12rem; height: .75rem; background: var(--code); border-radius: 3px; margin: .3rem 0 .15rem; }
.bar .asking, .key.asking { fill: #7d8590; background: #7d8590; } .bar .copying, .key.copying { fill: #3f83d6; background: #3f83d6; }
.bar .activating, .key.activating { fill: #d08a18; background: #d08a18; } .bar .verifying, .key.verifying { fill: #3a9d57; background: #3a9d57; }
.times td:nth-child(4) { width: 50%; }
footer { color: var(--soft); font-size: .88rem; padding-top: 1rem; padding-bottom: 2rem; }
@media (max-width: 46rem) {
  header, main, footer, nav.contents { padding-left: .8rem; padding-right: .8rem; }
  h1 { font-size: 1.3rem; }
  h1.long { font-size: 1.05rem; }
  nav.contents { position: static; }
  html { scroll-padding-top: .5rem; }
  .counts li { flex: 1 1 9rem; }
  .change { padding: .8rem .8rem; }
  dl > div { grid-template-columns: 1fr; gap: 0; padding: .2rem 0; }
  table.data, .data tbody, .data tr, .data th, .data td { display: block; border: 0; width: auto; }
  table.data { background: none; }
  .data thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .data tbody tr { border-bottom: 1px solid var(--line); padding: .5rem .2rem; }
  .data th, .data td { padding: .1rem 0; }
  .data td:empty { display: none; }
  .data .number { text-align: left; }
  .data.packages tbody tr, .data.sizes tbody tr { display: flex; flex-wrap: wrap; gap: 0 .7rem; }
  .data.packages tbody th, .data.sizes tbody th { flex: 1 0 100%; }
  .packages td:nth-child(4):not(:empty)::before, .sizes td:nth-child(3)::before { content: "→ "; }
  .times td:nth-child(4) { width: auto; }
  .diff, .diff tbody, .diff tr, .diff td { display: block; width: auto; }
  .diff td.no, .diff td.none, .diff td.same:last-child { display: none; }
}
@media print {
  body { background: #fff; font-size: 11px; }
  nav.contents, .tools, .copy, .skip { display: none; }
  .change { content-visibility: visible; border: 0; padding: 0; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  tr, .host { break-inside: avoid; }
  .scroll { overflow: visible; }
  pre { white-space: pre-wrap; width: auto; }
}
`,X={asking:`asked`,copying:`copied`,activating:`activated`,verifying:`verified`,ended:`done`};function Je(e){let{timeline:t}=e;if(t===void 0||t.hosts.length===0)return;let n=Date.parse(e.finishedAt),r=t.hosts.map(({host:e,steps:t})=>({host:e,spans:Ye(t,n)})),i=Math.min(...r.flatMap(({spans:e})=>e.map(({from:e})=>e))),a=Math.max(...r.flatMap(({spans:e})=>e.map(({to:e})=>e)),i+1e3),o=new Map(e.hosts.map(e=>[e.host,e]));return E`<p>From ${Z(i)} to ${Z(a)} UTC, ${Q(a-i)}. Before it: ${Qe(e,t,i)}.</p>
    <p class="legend">
      <span class="key asking"></span>asked <span class="key copying"></span>copied <span class="key activating"></span>activated
      <span class="key verifying"></span>verified
    </p>
    <table class="data times">
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Began</th>
          <th scope="col" class="number">Took</th>
          <th scope="col">What when</th>
          <th scope="col">Ended as</th>
        </tr>
      </thead>
      <tbody>
        ${O(r,({host:e,spans:t})=>{let n=o.get(e),r=Math.min(...t.map(({from:e})=>e)),s=Math.max(...t.map(({to:e})=>e));return E`<tr>
            <th scope="row"><a href="#host-${e}">${e}</a></th>
            <td>${Z(r)}</td>
            <td class="number">${Q(s-r)}</td>
            <td>${Ze(t,i,a)}<small>${t.map(({name:e,from:t,to:n})=>`${e} ${Q(n-t)}`).join(`, `)}</small></td>
            <td>${n===void 0?void 0:I(l(n))}</td>
          </tr>`})}
      </tbody>
    </table>`}function Ye(e,t){let n=e.flatMap(({step:n,at:r},i)=>{if(n===`ended`)return[];let a=Date.parse(r);return[{name:X[n],from:a,to:Math.max(a,Date.parse(e[i+1]?.at??``)||t)}]}),r=Date.parse(e[0]?.at??``)||t;return n.length>0?n:[{name:X.ended,from:r,to:r}]}const Xe=Object.fromEntries(Object.entries(X).map(([e,t])=>[t,e]));function Ze(e,t,n){let r=e=>Math.round((e-t)/(n-t)*1e4)/10;return E`<svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    ${O(e,({name:e,from:t,to:n})=>E`<rect class="${Xe[e]??``}" x="${r(t)}" y="0" width="${Math.max(3,r(n)-r(t))}" height="12" />`)}
  </svg>`}function Qe(e,{stages:t},n){let r=t.filter(({at:e})=>Date.parse(e)<=n),i=r.map(({stage:e,at:t},i)=>`${e} ${Q(Math.min(n,Date.parse(r[i+1]?.at??``)||n)-Date.parse(t))}`);return i.length===0?`it began at ${Z(Date.parse(e.startedAt))}`:i.join(`, `)}const Z=e=>new Date(e).toISOString().slice(11,19);function Q(e){let t=Math.round(Math.max(0,e)/1e3);return t<60?`${t} s`:t<3600?`${Math.floor(t/60)} min ${t%60} s`:`${Math.floor(t/3600)} h ${Math.floor(t%3600/60)} min`}function $e(e,t){let n=t.detail===`names`?s(e):e,r=me(n),a=i(n,{approve:t.approve,limit:1e3,characters:4e5}),c=nt(n),l=Je(n),u=[{id:`fleet`,title:`Fleet`,body:n.hosts.length===0?E`<p>No hosts.</p>`:Ee(n)},...a.length===0?[]:[{id:`needed`,title:`Needed from you`,body:N(a)}],...c===void 0?[]:[{id:`reboots`,title:`Reboots`,body:c}],...l===void 0?[]:[{id:`times`,title:`Timeline`,body:l}],...n.hosts.length===0?[]:[{id:`changes`,title:`Hosts and changes`,body:He(n,r)}],{id:`run`,title:`About this run`,body:rt(n,t)}],[d,...f]=[oe(n),...ee(n)].filter(e=>e!==void 0),p=`Deploy gate: ${o(n.hosts)}`;return`<!doctype html>\n${he(E`<html lang="en" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${tt}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <meta name="format-detection" content="telephone=no, email=no, address=no" />
        <meta name="color-scheme" content="light dark" />
        <title>${p}</title>
        ${D(`<style>`,qe)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
          <p class="brand">Deploy gate${n.repository===void 0?void 0:E` <span>${n.repository}</span>`}</p>
          ${et(n)}
          <p>${d} ${M(t.compared??ne(n))}</p>
          ${O(f,e=>E`<p class="caution">${e}</p>`)}${a.length>0?E`<p><a class="call" href="#needed">Something is needed from you</a></p>`:void 0}
        </header>
        <nav class="contents" aria-label="Parts of the report">
          <ul>
            ${O(u,({id:e,title:t})=>E`<li><a href="#${e}">${t}</a></li>`)}
          </ul>
          <div class="tools" hidden data-script>
            <button type="button" id="unfold">Unfold all</button> <button type="button" id="fold">Fold all</button>
          </div>
        </nav>
        <main id="main" tabindex="-1">
          ${O(u,({id:e,title:t,body:n})=>E` <section class="chapter" id="${e}" aria-labelledby="${e}-title">
                <h2 id="${e}-title">${t}</h2>
                ${n}
              </section>`)}
        </main>
        <footer>
          <p>
            nixos-deploy-gate ${n.tool.version}, made from plan.json, which is the record. This page loads nothing and sends nothing.
          </p>
        </footer>
        ${D(`<script>`,Ke)}
      </body>
    </html>`)}\n`}function et(e){let t=o(e.hosts).split(` · `),n=O(t,(e,n)=>E`<span>${e}${n<t.length-1?` ·`:``}</span> `);return t.length>7?E`<h1 class="long">${n}</h1>`:E`<h1>${n}</h1>`}const $=e=>`'sha256-${fe(`sha256`).update(e).digest(`base64`)}'`,tt=`default-src 'none'; style-src ${$(qe)}; script-src ${$(Ke)}; base-uri 'none'; form-action 'none'`;function nt(e){let t=e.hosts.filter(e=>e.reboot!==void 0);if(t.length!==0)return E`<table class="data">
    <thead>
      <tr>
        <th scope="col">Host</th>
        <th scope="col">Stands</th>
        <th scope="col">Reboots</th>
        <th scope="col">Next window</th>
        <th scope="col">Pending since</th>
      </tr>
    </thead>
    <tbody>
      ${O(t,t=>E`<tr>
            <th scope="row"><a href="#host-${t.host}">${t.host}</a></th>
            <td>${I(l(t))}</td>
            <td>${t.reboot?.when}${t.reboot?.byHand===!0?E` <strong>by hand</strong>`:void 0}</td>
            <td>
              ${t.reboot?.next===void 0?`none is known`:E`<time datetime="${t.reboot.next}">${Y(t.reboot.next)}</time>`}
            </td>
            <td>
              ${t.reboot?.pendingHours===void 0?f(e)?`not known`:`not yet`:`${t.reboot.pendingHours} h`}${t.reboot?.missedWindows===void 0||t.reboot.missedWindows===0?void 0:`, ${t.reboot.missedWindows} windows missed`}${t.reboot?.overdue===!0?E` <strong>overdue</strong>`:void 0}
            </td>
          </tr>`)}
    </tbody>
  </table>`}function rt(e,t){let{session:n,revision:r,policy:i}=e,a=n.costUsd===void 0?``:`, $${n.costUsd.toFixed(2)}`,o=e=>e===void 0?void 0:j(e),s=[...P(`Run`,t.run!==void 0&&it(t.run)?E`<a href="${new URL(t.run).href}" rel="noreferrer">its page on the forge</a>`:void 0),...P(`Event`,e.event),...P(`Flake`,e.flake===``?void 0:j(e.flake)),...P(`Revision`,o(r.head)),...P(`Compared with`,o(r.base)),...P(`Began`,E`<time datetime="${e.startedAt}">${Y(e.startedAt)}</time>, took ${re(e.startedAt,e.finishedAt)}`),...P(`Policy`,i.source===`none`?`none: everything is only observed`:[`deployGate`,i.revision===void 0?void 0:[` of `,j(i.revision)]]),...P(`Session`,n.ran?`${n.model??`a Claude session`}${a}`:`none${n.note===``?``:`: ${n.note}`}`),...P(`Made by`,`nixos-deploy-gate ${e.tool.version}${e.tool.nix===void 0?``:`, Nix ${e.tool.nix}`}`)],c=E`<h3>Notes</h3>
    <ul class="lines">
      ${O(e.notes,e=>E`<li>${e}</li>`)}
    </ul>`;return[F(s),e.notes.length===0?void 0:c]}const it=e=>/^https?:\/\/[^\s]+$/.test(e)&&URL.canParse(e);export{$e as htmlReport};