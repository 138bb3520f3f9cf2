/** What makes the page handier where scripts run: a filter, copying, folding. A constant, so that the page can name it by its hash and forbid every other. */
export const script = `
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
`;
