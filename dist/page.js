import{A as e,C as t,D as n,E as r,O as i,S as a,T as o,_ as s,b as c,c as l,f as u,g as d,h as f,j as p,l as m,m as h,o as g,p as ee,v as te,w as ne,x as re,y as ie}from"./show-plan.js";import{b as ae,m as oe}from"./judge-and-apply.js";import{D as se,R as _,T as ce,a as v,d as y,f as le,g as ue,h as b,i as de,l as x,m as fe,w as pe}from"./prepare.js";import{createHash as me}from"node:crypto";const he={characters:6e5,lines:12e3};function ge(e,t=he){let n=[],r=[],i=[...h(e).flatMap(t=>g(e,t)),...e.hosts.flatMap(t=>l(e,t))];for(let e of i){r.push(e.lines.length);for(let{text:t}of e.texts)n.push(t.length)}return{characters:S(n,t.characters),lines:S(r,t.lines)}}function S(e,t){let n=t,r=e.toSorted((e,t)=>e-t);for(let[e,t]of r.entries()){let i=n/(r.length-e);if(t>i)return Math.max(0,Math.floor(i));n-=t}return 1/0}const C=Symbol(`markup`);function w(e,...t){let n=O.get(e)??ve(e);return{[C]:t.reduce((e,t,r)=>e+D(t)+n[r+1],n[0]??``)}}const _e=e=>e[C],T=(e,t)=>({[C]:`${e}${t}</${e.slice(1)}`}),E=(e,t)=>e.map(t);function D(e){return e===void 0?``:typeof e==`number`?String(e):typeof e==`string`?de(pe(e)):C in e?e[C]:e.map(D).join(``)}const O=/* @__PURE__ */ new WeakMap;function ve(e){for(let t=1;t<e.length;t+=1)ye(e.slice(0,t).join(`x`));let t=e.map(e=>e.replace(/\n\s*/g,`
`));return O.set(e,t),t}function ye(e){let t=e.lastIndexOf(`<`),n=t>e.lastIndexOf(`>`)?e.slice(t):``,r=/^<[a-z][a-z0-9]*\s/.test(n)&&n.split(`"`).length%2==0;if(n!==``&&!r)throw Error(`a value stands in a tag: ${n.slice(-80)}`);if(/\s(?:on[a-z]+|style|srcdoc)\s*=\s*"[^"]*$/i.test(n))throw Error(`a value stands in code: ${n.slice(-80)}`);if(/<(style|script)\b(?![^]*<\/\1>)/i.test(e))throw Error(`a value stands in a style or a script`)}function be(e){let t=[],[n,r]=[void 0,void 0],[i,a]=[[],[]],o=()=>{for(let e=0;e<Math.max(i.length,a.length);e+=1){let[n,r]=[i[e],a[e]];n!==void 0&&r!==void 0?t.push({kind:`replaced`,left:n,right:r}):n===void 0?r!==void 0&&t.push({kind:`added`,right:r}):t.push({kind:`removed`,left:n})}[i,a]=[[],[]]},s=(e,t)=>e===void 0?{text:t}:{number:e,text:t};for(let c of e.replace(/\n$/,``).split(`
`)){let e=/^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(c),l=c.slice(1);e===null&&c.startsWith(`-`)?(a.length>0&&o(),i.push(s(n,l)),n!==void 0&&(n+=1)):e===null&&c.startsWith(`+`)?(a.push(s(r,l)),r!==void 0&&(r+=1)):(o(),e===null?c.startsWith(` `)||c===``?(t.push({kind:`same`,left:s(n,l),right:s(r,l)}),n!==void 0&&(n+=1),r!==void 0&&(r+=1)):t.push({kind:`note`,text:c.startsWith(`\\ `)?c.slice(2):c}):([n,r]=[Number(e[1]),Number(e[2])],t.push({kind:`part`,text:c})))}return o(),t}function xe(e,t){let[n,r]=[Array.from(e),Array.from(t)],i=0;for(;i<n.length&&i<r.length&&n[i]===r[i];)i+=1;let a=0;for(;a<n.length-i&&a<r.length-i&&n[n.length-1-a]===r[r.length-1-a];)a+=1;return{head:n.slice(0,i).join(``),old:n.slice(i,n.length-a).join(``),fresh:r.slice(i,r.length-a).join(``),tail:n.slice(n.length-a).join(``)}}const k=e=>e===``?w`<code>&nbsp;</code>`:w`<code>${e}</code>`;function A(e){return E(e.spans,e=>Se(e))}function Se(e){return typeof e==`string`?e:`command`in e?Ce(e.command):`code`in e?k(e.code):w`<strong>${e.strong}</strong>`}const Ce=e=>w`<span class="run"><kbd class="command">${e}</kbd></span>`;function j(e,t=1/0){if(e.length===0)return;let n=e.slice(0,t),r=e.length-n.length;return w`<ul class="lines">
    ${E(n,e=>w`<li>${A(e)}${j(e.sub??[])}</li>`)}${r>0?w`<li class="cut">${r} more are left out here for size; plan.json has them.</li>`:void 0}
  </ul>`}const M=(e,t)=>t===void 0?[]:[[e,t]],N=e=>w`<dl>
    ${E(e,([e,t])=>w`<div>
          <dt>${e}</dt>
          <dd>${t}</dd>
        </div>`)}
  </dl>`,P=(e,t=v[e].word)=>w`<span class="badge ${F[v[e].hue]??`dim`}"
    ><span class="sign" aria-hidden="true">${v[e].sign[0]}</span> ${t}</span
  >`,F={31:`bad`,33:`warn`,35:`held`,36:`wait`,32:`good`,2:`dim`},I=e=>F[v[e].hue]??`dim`;function L(e,t,n){let r=e.summary===``||e.kind===`findings`||e.kind===`notes`?void 0:w` <span class="count">${e.summary}</span>`;return w`<section class="part ${e.kind}">
    <h4>${e.title}${r}</h4>
    ${n??j(e.lines,t.lines)}${E(e.texts,n=>we(n,e.kind,t))}
  </section>`}function we(e,t,n){if(t!==`units`&&t!==`files`)return w`<details>
      <summary>${e.title}</summary>
      ${R(e.title,w`<pre>${se(e.text.trimEnd(),n.characters)}</pre>`)}
    </details>`;let r=be(Te(e.text,n.characters)),[i,a]=[r.filter(e=>e.kind===`removed`||e.kind===`replaced`).length,r.filter(e=>e.kind===`added`||e.kind===`replaced`).length];return w`<details>
    <summary>
      ${k(e.title)} <span class="count"><ins>+${a}</ins> <del>−${i}</del></span>
    </summary>
    ${Ee(e.title,r)}
  </details>`}function Te(e,t){return e.length<=t?e:t<200?`… all of it is left out here for size; plan.json has it`:`${ce(e,t)}, left out here for size; plan.json has them`}const R=(e,t)=>w`<div class="scroll" role="group" tabindex="0" aria-label="${e}">${t}</div>`;function Ee(e,t){return w`<table class="diff">
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
      ${E(t,De)}
    </tbody>
  </table>`}function De(e){if(`text`in e)return w`<tr class="${e.kind}">
      <td colspan="4">${e.text}</td>
    </tr>`;let{left:t,right:n,kind:r}=e;if(r===`replaced`&&t!==void 0&&n!==void 0){let{head:e,old:r,fresh:i,tail:a}=xe(t.text,n.text);return w`<tr>
      ${z(t,`−`,w`${e}<del>${r}</del>${a}`)}${z(n,`+`,w`${e}<ins>${i}</ins>${a}`)}
    </tr>`}let i=r===`same`?[` `,` `]:[`−`,`+`];return w`<tr>
    ${z(t,i[0]??``,t?.text)}${z(n,i[1]??``,n?.text)}
  </tr>`}function z(e,t,n){if(e===void 0)return w`<td class="no"></td>
      <td class="none"></td>`;let r=t===`−`?`old`:t===`+`?`new`:`same`;return w`<td class="no">${e.number}</td>
    <td class="${r}"><span class="mark">${t}</span>${n}</td>`}function Oe(e){return[Ae(e.hosts),je(e.hosts),Me(e)]}const ke=e=>ue.flatMap(t=>{let n=e.filter(e=>b(e)===t);return n.length===0?[]:[{at:t,hosts:n}]});function Ae(e){return w`<ul class="counts" aria-label="Hosts by how they stand">
    ${E(ke(e),({at:e,hosts:t})=>w`<li class="${I(e)}">
          <span class="many">${t.length}</span>
          <span class="word"><span aria-hidden="true">${v[e].sign[0]}</span> ${v[e].word}</span>
        </li>`)}
  </ul>`}function je(e){if(!(e.length<2))return w`<nav class="tiles" aria-label="Hosts, worst first">
    <ul>
      ${E(e,e=>{let t=b(e);return w`<li>
          <a class="${I(t)}" href="#host-${e.host}"
            ><span class="sign" aria-hidden="true">${v[t].sign[0]}</span> ${e.host}<span class="unseen"
              >, ${v[t].word}</span
            ></a
          >
        </li>`})}
    </ul>
  </nav>`}function Me(e){return w`<div class="tools" hidden data-script>
      <label
        >Show hosts with <input type="search" id="filter" placeholder="name, word or reason" autocomplete="off" spellcheck="false"
      /></label>
      <output id="shown" for="filter" aria-live="polite"></output>
    </div>
    <table class="data fleet" id="hosts-table">
      <caption class="unseen">
        ${_(e.hosts.length,`host`)}, worst first
      </caption>
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Stands</th>
          <th scope="col">What counts most</th>
          <th scope="col">${s(e)}</th>
        </tr>
      </thead>
      <tbody>
        ${E(e.hosts,t=>w`<tr>
              <th scope="row">
                <a href="#host-${t.host}">${t.host}</a>${y(t)?w` <small>not managed</small>`:void 0}
              </th>
              <td>${P(b(t),i(t))}</td>
              <td>${A(te(e,t))}</td>
              <td>${d(e,t)}</td>
            </tr>`)}
      </tbody>
    </table>`}function Ne(e,t,n){let r=e.reduce((e,t)=>e+t,0);if(r<=0)return[];let i=e.map(e=>e/r*t*n),a=[],o={x:0,y:0,width:t,height:n};for(let e=0;e<i.length;){let t=Math.max(Math.min(o.width,o.height),Number.MIN_VALUE),n=e+1,r=i[e],s=B(r,i[e],i[e],t);for(;n<i.length;){let a=r+i[n],o=B(a,i[e],i[n],t);if(o>s)break;[r,s,n]=[a,o,n+1]}let c=Math.min(r/t,Math.max(o.width,o.height)),l=o.width>=o.height,u=0;for(let t of i.slice(e,n)){let e=c===0?0:t/c;a.push(l?{x:o.x,y:o.y+u,width:c,height:e}:{x:o.x+u,y:o.y,width:e,height:c}),u+=e}o=l?{...o,x:o.x+c,width:Math.max(0,o.width-c)}:{...o,y:o.y+c,height:Math.max(0,o.height-c)},e=n}return a}const B=(e,t,n,r)=>Math.max(r*r*t/(e*e),e*e/(r*r*n)),V={width:960,height:420};function Pe(e){let{largest:t,others:i}=e,a=i.packages===0?[]:[{name:`${i.packages} others`,from:i.from,to:i.to}],o=[...t,...a].filter(e=>H(e)>0).toSorted((e,t)=>H(t)-H(e)),s=Ne(o.map(H),V.width,V.height);return w`<p class="legend">
      <span class="key same"></span>same size <span class="key grown"></span>▲ larger <span class="key shrunk"></span>▼ smaller
      <span class="key come"></span>+ new <span class="key gone"></span>− gone
    </p>
    ${R(`The closure as a picture; a table of the largest packages follows`,w`<svg
        class="treemap"
        viewBox="0 0 ${V.width} ${V.height}"
        role="img"
        aria-label="${`The largest packages of the closure by size: ${o.slice(0,8).map(e=>`${e.name} ${r(H(e))}`).join(`, `)}`}"
      >
        ${E(o,(e,t)=>{let n=s[t];if(n===void 0||n.width<1||n.height<1)return;let{x:i,y:a,width:o,height:c}=n,l=Ie(e),u=Math.floor((o-8)/6.4),d=`${l.sign}${e.name}`,f=u>=4&&c>=18;return w`<g class="${l.name}"
            ><title>${e.name}: ${Le(e)}</title
            ><rect
              x="${U(i)}"
              y="${U(a)}"
              width="${U(o-1)}"
              height="${U(c-1)}"
            />${f?w`<text x="${U(i+4)}" y="${U(a+13)}">${Fe(d,u)}</text>`:void 0}${f&&c>=34&&u>=8?w`<text class="size" x="${U(i+4)}" y="${U(a+27)}">${r(H(e))}</text>`:void 0}</g
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
        ${E([...t.slice(0,15),...a],e=>w`<tr>
              <th scope="row">${k(e.name)}</th>
              <td class="number">${e.from===0?`none`:r(e.from)}</td>
              <td class="number">${e.to===0?`none`:r(e.to)}</td>
              <td class="number">${e.from===e.to?``:n(e.to-e.from)}</td>
            </tr>`)}
      </tbody>
    </table>`}const H=({from:e,to:t})=>t>0?t:e,U=e=>Math.round(Math.max(0,e)*10)/10,Fe=(e,t)=>{let n=Array.from(e);return n.length<=t?e:`${n.slice(0,t-1).join(``)}…`};function Ie({from:e,to:t}){return e===0?{name:`come`,sign:`+ `}:t===0?{name:`gone`,sign:`− `}:Math.abs(t-e)<Math.max(e,t)/100?{name:`same`,sign:``}:t>e?{name:`grown`,sign:`▲ `}:{name:`shrunk`,sign:`▼ `}}const Le=({from:e,to:t})=>e===t?r(t):`${e===0?`none`:r(e)} → ${t===0?`none`:r(t)} (${n(t-e)})`;function Re(e,t,n){let r=ae(e,t.first);return E(g(e,t),i=>i.kind===`opinion`?ze(i,n):r===void 0?L(i,n):i.kind===`units`?L(i,n,Be(r,e.detail,n)):i.kind===`packages`?[L(i,n,Ve(r,n)),Ue(r,t)]:L(i,n))}const ze=(e,t)=>w`<section class="part opinion">
    <h4>${e.title}</h4>
    <p class="caution">A model wrote this about text that strangers may have written. It can raise a verdict and never lower one.</p>
    ${j(e.lines,t.lines)}
  </section>`,W=[[`stop`,`stops`],[`stop-start`,`stops and starts`],[`restart`,`restarts`],[`reload`,`reloads`],[`start`,`starts`],[`skip`,`keeps running the old version until a reboot`],[`nothing`,`nothing happens to it`]];function Be(e,t,n){let r=[...e.units.map(e=>({unit:e,of:`system`})),...e.userUnits.map(e=>({unit:e,of:`user`}))],i=W.flatMap(([e,t])=>r.filter(({unit:t})=>t.effect===e&&!t.hashOnly).map(e=>({...e,words:t}))),a=W.flatMap(([e,t])=>{let n=r.filter(({unit:t})=>t.effect===e&&t.hashOnly).map(({unit:e})=>e.name);return n.length===0?[]:[{spans:[`${t}, only store paths differ: `,...p(n,60)]}]}),o=i.slice(0,n.lines),s=t===`full`;return[i.length===0?void 0:w`<table class="data">
          <thead>
            <tr>
              <th scope="col">Unit</th>
              <th scope="col">What a switch does</th>
              ${s?w`<th scope="col">Why</th>`:void 0}
            </tr>
          </thead>
          <tbody>
            ${E(o,({unit:e,of:t,words:n})=>w`<tr>
                  <th scope="row">${k(e.name)}${t===`user`?w` <small>of users</small>`:void 0}</th>
                  <td>${e.change===`changed`?void 0:`${e.change}, `}<span class="effect ${e.effect}">${n}</span></td>
                  ${s?w`<td>${e.reason}</td>`:void 0}
                </tr>`)}
          </tbody>
        </table>`,i.length>o.length?w`<p class="cut">${i.length-o.length} more are left out here for size; plan.json has them.</p>`:void 0,j(a)]}function Ve(t,r){let{added:i,removed:a,changed:o,rebuilt:s}=e(t),c=e=>e.filter(e=>e!==``).join(`, `),l={down:`▼ down`,mixed:`◆ mixed`,up:`▲ up`,same:`changed`},u=[...[`down`,`mixed`,`up`,`same`].flatMap(e=>o.filter(t=>t.direction===e).map(t=>({name:t.name,how:l[e],from:c(t.from),to:c(t.to),bytes:t.sizeDelta,by:t.selectedBy}))),...i.map(e=>({name:e.name,how:`+ added`,from:``,to:c(e.versions),bytes:e.size,by:e.selectedBy})),...a.map(e=>({name:e.name,how:`− removed`,from:c(e.versions),to:``,bytes:-e.size,by:e.selectedBy}))],d=u.slice(0,r.lines),f=s.map(e=>e.name);return[d.length===0?void 0:w`<table class="data packages">
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
            ${E(d,e=>w`<tr>
                  <th scope="row">${k(e.name)}</th>
                  <td class="how">${e.how}</td>
                  <td>${e.from}</td>
                  <td>${e.to}</td>
                  <td class="number">${e.bytes===0?``:n(e.bytes)}</td>
                  <td>${e.by.map(e=>e===`system-path`?`system path`:e).join(`, `)||`a dependency`}</td>
                </tr>`)}
          </tbody>
        </table>`,u.length>d.length?w`<p class="cut">${u.length-d.length} more are left out here for size; plan.json has them.</p>`:void 0,f.length===0?void 0:w`<details>
          <summary>${f.length} rebuilt at the same version</summary>
          <p>${A({spans:p(f,400)})}</p>
        </details>`,He(t)]}function He(e){let t=e.closure?.chains??[];if(t.length!==0)return w`<details class="chains">
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
        ${E(t,({name:e,side:t,path:n})=>w`<tr>
              <th scope="row">${k(e)}</th>
              <td>${t===`to`?`new`:`old`}</td>
              <td>${E(n,(e,t)=>[t===0?void 0:w` <span aria-label="which refers to">→</span> `,k(e)])}</td>
            </tr>`)}
      </tbody>
    </table>
  </details>`}function Ue(e,{hosts:t}){if(e.closure!==void 0&&e.closure.largest.length!==0)return w`<section class="part closure">
    <h4>Closure <span class="count">${c(re(t))}</span></h4>
    <details>
      <summary>What it is made of, by size${t.length>1&&e.measuredOn!==void 0?`, on ${e.measuredOn}`:``}</summary>
      ${Pe(e.closure)}
    </details>
  </section>`}function We(e,t){let n=e.hosts.filter(e=>e.state===`unchanged`);return[E(h(e),(n,r)=>Ge(e,n,r,t)),n.length===0?void 0:w`<article class="change" aria-labelledby="unchanged">
          <h3 id="unchanged">${_(n.length,`host`)} with no change</h3>
          ${G(e,n,t)}
        </article>`]}function Ge(e,n,r,i){let a=`change-${r+1}`,{first:o}=n,s=f(n),c=[...y(o)?[`not managed`]:[],...t(e,o)].join(`, `),l=o.state===`removed`?void 0:Re(e,n,i),u=w`<summary>
      What changes${s.length>1?`, the same on ${s.length} hosts`:``}${c===``?``:`: ${c}`}
    </summary>
    ${l}`,d=l===void 0?void 0:Ke(e,o)?w`<details class="body" open>${u}</details>`:w`<details class="body">${u}</details>`;return s.length===1?w`<article class="change" id="${a}" aria-labelledby="title:host-${o.host}">
      ${K(e,o,i,`alone`)}${d}
    </article>`:w`<article class="change" id="${a}" aria-labelledby="title:${a}">
    <h3 id="title:${a}">${s.length<=3?s.join(`, `):`${s.slice(0,2).join(`, `)} and ${s.length-2} more`} ${P(fe(o),ie(o))}</h3>
    ${G(e,n.hosts,i)}${d}
  </article>`}function Ke(e,t){return x(e)?t.state===`failed`||t.decision.action===`hold`:![`clean`,`unbuilt`].includes(fe(t))}function G(e,t,n){let r=t=>K(e,t,n,`among`);if(t.length<=6)return E(t,r);let i=t.filter(t=>t.approval!==void 0||l(e,t).length>0),a=t.filter(e=>!i.includes(e)),o=w`<details class="fold">
    <summary>${i.length===0?`The`:`The other`} ${_(a.length,`host`)} one by one</summary>
    ${E(a,r)}
  </details>`;return[E(i,r),a.length===0?void 0:o]}function K(e,t,n,r){let{decision:a,reboot:o,approval:c}=t,u=a.reasons.filter(e=>e!==``),f=w`<ul>
    ${E(u,e=>w`<li>${e}</li>`)}
  </ul>`,p=[...M(s(e),le(t)?void 0:d(e,t)),...M(`Because`,u.length>1?f:u[0]),...M(`Reboot`,o?.when),...M(`Approval`,a.approval===void 0?void 0:`by ${a.approval.by}: ${a.approval.became}`),...M(`Waits since`,c&&w`<time datetime="${c.issuedAt}">${q(c.issuedAt)}</time>; digest ${k(c.digest)}`),...qe(t),...M(`Platform`,t.platform),...M(`Warnings`,t.warnings.length===0||r===`alone`?void 0:_(t.warnings.length,`warning`))],m=`title:host-${t.host}`,h=w`${t.host} ${P(b(t),i(t))}`;return w`<section class="host ${r}" id="host-${t.host}" tabindex="-1" aria-labelledby="${m}">
    ${r===`alone`?w`<h3 id="${m}">${h}</h3>`:w`<h4 id="${m}">${h}</h4>`}${N(p)}
    ${E(l(e,t),e=>L(e,n))}
  </section>`}function qe(e){let t=(e,t)=>M(e,t===void 0||t===``?void 0:k(t));switch(e.state){case`unchanged`:return t(`System`,e.toplevel);case`changed`:return[...t(`From`,e.from),...t(`To`,e.to),...M(`Closure`,c([e.closure]))];case`added`:return t(`To`,e.to);case`removed`:return t(`From`,e.from);case`failed`:return[]}}const q=e=>`${e.slice(0,16).replace(`T`,` `)} UTC`,J=`
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
`,Y=`
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
`,X={asking:`asked`,copying:`copied`,activating:`activated`,verifying:`verified`,ended:`done`};function Je(e){let{timeline:t}=e;if(t===void 0||t.hosts.length===0)return;let n=Date.parse(e.finishedAt),r=t.hosts.map(({host:e,steps:t})=>({host:e,spans:Ye(t,n)})),i=Math.min(...r.flatMap(({spans:e})=>e.map(({from:e})=>e))),a=Math.max(...r.flatMap(({spans:e})=>e.map(({to:e})=>e)),i+1e3),o=new Map(e.hosts.map(e=>[e.host,e]));return w`<p>From ${Z(i)} to ${Z(a)} UTC, ${Q(a-i)}. Before it: ${Qe(e,t,i)}.</p>
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
        ${E(r,({host:e,spans:t})=>{let n=o.get(e),r=Math.min(...t.map(({from:e})=>e)),s=Math.max(...t.map(({to:e})=>e));return w`<tr>
            <th scope="row"><a href="#host-${e}">${e}</a></th>
            <td>${Z(r)}</td>
            <td class="number">${Q(s-r)}</td>
            <td>${Ze(t,i,a)}<small>${t.map(({name:e,from:t,to:n})=>`${e} ${Q(n-t)}`).join(`, `)}</small></td>
            <td>${n===void 0?void 0:P(b(n))}</td>
          </tr>`})}
      </tbody>
    </table>`}function Ye(e,t){let n=e.flatMap(({step:n,at:r},i)=>{if(n===`ended`)return[];let a=Date.parse(r);return[{name:X[n],from:a,to:Math.max(a,Date.parse(e[i+1]?.at??``)||t)}]}),r=Date.parse(e[0]?.at??``)||t;return n.length>0?n:[{name:X.ended,from:r,to:r}]}const Xe=Object.fromEntries(Object.entries(X).map(([e,t])=>[t,e]));function Ze(e,t,n){let r=e=>Math.round((e-t)/(n-t)*1e4)/10;return w`<svg class="bar" viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    ${E(e,({name:e,from:t,to:n})=>w`<rect class="${Xe[e]??``}" x="${r(t)}" y="0" width="${Math.max(3,r(n)-r(t))}" height="12" />`)}
  </svg>`}function Qe(e,{stages:t},n){let r=t.filter(({at:e})=>Date.parse(e)<=n),i=r.map(({stage:e,at:t},i)=>`${e} ${Q(Math.min(n,Date.parse(r[i+1]?.at??``)||n)-Date.parse(t))}`);return i.length===0?`it began at ${Z(Date.parse(e.startedAt))}`:i.join(`, `)}const Z=e=>new Date(e).toISOString().slice(11,19);function Q(e){let t=Math.round(Math.max(0,e)/1e3);return t<60?`${t} s`:t<3600?`${Math.floor(t/60)} min ${t%60} s`:`${Math.floor(t/3600)} h ${Math.floor(t%3600/60)} min`}function $e(e,t){let n=t.detail===`names`?oe(e):e,r=ge(n),i=ee(n,{approve:t.approve,limit:1e3,characters:4e5}),s=nt(n),c=Je(n),l=[{id:`fleet`,title:`Fleet`,body:n.hosts.length===0?w`<p>No hosts.</p>`:Oe(n)},...i.length===0?[]:[{id:`needed`,title:`Needed from you`,body:j(i)}],...s===void 0?[]:[{id:`reboots`,title:`Reboots`,body:s}],...c===void 0?[]:[{id:`times`,title:`Timeline`,body:c}],...n.hosts.length===0?[]:[{id:`changes`,title:`Hosts and changes`,body:We(n,r)}],{id:`run`,title:`About this run`,body:rt(n,t)}],[d,...f]=[m(n),...o(n)].filter(e=>e!==void 0),p=`Deploy gate: ${u(n.hosts)}`;return`<!doctype html>\n${_e(w`<html lang="en" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${tt}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <meta name="format-detection" content="telephone=no, email=no, address=no" />
        <meta name="color-scheme" content="light dark" />
        <title>${p}</title>
        ${T(`<style>`,Y)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
          <p class="brand">Deploy gate${n.repository===void 0?void 0:w` <span>${n.repository}</span>`}</p>
          ${et(n)}
          <p>${d} ${A(t.compared??a(n))}</p>
          ${E(f,e=>w`<p class="caution">${e}</p>`)}${i.length>0?w`<p><a class="call" href="#needed">Something is needed from you</a></p>`:void 0}
        </header>
        <nav class="contents" aria-label="Parts of the report">
          <ul>
            ${E(l,({id:e,title:t})=>w`<li><a href="#${e}">${t}</a></li>`)}
          </ul>
          <div class="tools" hidden data-script>
            <button type="button" id="unfold">Unfold all</button> <button type="button" id="fold">Fold all</button>
          </div>
        </nav>
        <main id="main" tabindex="-1">
          ${E(l,({id:e,title:t,body:n})=>w` <section class="chapter" id="${e}" aria-labelledby="${e}-title">
                <h2 id="${e}-title">${t}</h2>
                ${n}
              </section>`)}
        </main>
        <footer>
          <p>
            nixos-deploy-gate ${n.tool.version}, made from plan.json, which is the record. This page loads nothing and sends nothing.
          </p>
        </footer>
        ${T(`<script>`,J)}
      </body>
    </html>`)}\n`}function et(e){let t=u(e.hosts).split(` · `),n=E(t,(e,n)=>w`<span>${e}${n<t.length-1?` ·`:``}</span> `);return t.length>7?w`<h1 class="long">${n}</h1>`:w`<h1>${n}</h1>`}const $=e=>`'sha256-${me(`sha256`).update(e).digest(`base64`)}'`,tt=`default-src 'none'; style-src ${$(Y)}; script-src ${$(J)}; base-uri 'none'; form-action 'none'`;function nt(e){let t=e.hosts.filter(e=>e.reboot!==void 0);if(t.length!==0)return w`<table class="data">
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
      ${E(t,t=>w`<tr>
            <th scope="row"><a href="#host-${t.host}">${t.host}</a></th>
            <td>${P(b(t))}</td>
            <td>${t.reboot?.when}${t.reboot?.byHand===!0?w` <strong>by hand</strong>`:void 0}</td>
            <td>
              ${t.reboot?.next===void 0?`none is known`:w`<time datetime="${t.reboot.next}">${q(t.reboot.next)}</time>`}
            </td>
            <td>
              ${t.reboot?.pendingHours===void 0?x(e)?`not known`:`not yet`:`${t.reboot.pendingHours} h`}${t.reboot?.missedWindows===void 0||t.reboot.missedWindows===0?void 0:`, ${t.reboot.missedWindows} windows missed`}${t.reboot?.overdue===!0?w` <strong>overdue</strong>`:void 0}
            </td>
          </tr>`)}
    </tbody>
  </table>`}function rt(e,t){let{session:n,revision:r,policy:i}=e,a=n.costUsd===void 0?``:`, $${n.costUsd.toFixed(2)}`,o=e=>e===void 0?void 0:k(e),s=[...M(`Run`,t.run!==void 0&&it(t.run)?w`<a href="${new URL(t.run).href}" rel="noreferrer">its page on the forge</a>`:void 0),...M(`Event`,e.event),...M(`Flake`,e.flake===``?void 0:k(e.flake)),...M(`Revision`,o(r.head)),...M(`Compared with`,o(r.base)),...M(`Began`,w`<time datetime="${e.startedAt}">${q(e.startedAt)}</time>, took ${ne(e.startedAt,e.finishedAt)}`),...M(`Policy`,i.source===`none`?`none: everything is only observed`:[`deployGate`,i.revision===void 0?void 0:[` of `,k(i.revision)]]),...M(`Session`,n.ran?`${n.model??`a Claude session`}${a}`:`none${n.note===``?``:`: ${n.note}`}`),...M(`Made by`,`nixos-deploy-gate ${e.tool.version}${e.tool.nix===void 0?``:`, Nix ${e.tool.nix}`}`)],c=w`<h3>Notes</h3>
    <ul class="lines">
      ${E(e.notes,e=>w`<li>${e}</li>`)}
    </ul>`;return[N(s),e.notes.length===0?void 0:c]}const it=e=>/^https?:\/\/[^\s]+$/.test(e)&&URL.canParse(e);export{$e as htmlReport};