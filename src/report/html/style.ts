/** How the page looks: light and dark, on paper and on a phone. Every colour stands beside a word or a sign. A constant, like the script. */
export const style = `
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
`;
