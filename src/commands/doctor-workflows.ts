import { type Check, rowsOf } from "../doctor/check.ts";
import { placeholderLines } from "../init/workflows.ts";
import type { LocalFlake } from "./checkout.ts";
import { standing, workflowFilesIn } from "./init-files.ts";

/** Which workflow files start the gate, and whether they can: a forge runs none that still names the place in which an address belongs. */
export function checkWorkflows({ checkout }: LocalFlake): Check[] {
  const row = rowsOf("workflows");
  const all = [".forgejo", ".github"].map((folder) => ({
    folder: `${folder}/workflows`,
    files: gateFiles(checkout.root, `${folder}/workflows`),
  }));
  const used = all.find(({ files }) => files.length > 0);
  if (used === undefined) return [row("warn", "workflows", "No workflow of this repository starts the gate.", "nixos-deploy-gate init")];
  const open = used.files.filter(({ text }) => placeholderLines(text).length > 0);
  const [first] = open;
  if (first !== undefined)
    return [
      row(
        "fail",
        "address",
        `${open.map(({ name }) => `${used.folder}/${name}`).join(", ")} still ${open.length === 1 ? "names" : "name"} no commit of the gate, so that no run begins.`,
        `grep -n nixos-deploy-gate@ ${used.folder}/*.yml   # put the address of your mirror there and the commit that you have read`,
      ),
    ];
  const names = used.files.map(({ name }) => name);
  return [row("ok", "workflows", `${names.join(", ")} in ${used.folder} ${names.length === 1 ? "starts" : "start"} the gate.`)];
}

/** Git keeps any link and any text: only plain files of a workflow's size are read. */
function gateFiles(root: string, folder: string): { readonly name: string; readonly text: string }[] {
  return workflowFilesIn(root, folder)
    .slice(0, 200)
    .flatMap((name) => {
      const found = standing(root, `${folder}/${name}`);
      return found.kind === "file" && startsGate(found.text) ? [{ name, text: found.text }] : [];
    });
}

const startsGate = (text: string): boolean =>
  text.split("\n").some((line) => line.length < 1_000 && /^\s*-?\s*uses:\s*\S*deploy-gate[\w.-]*@/.test(line));
