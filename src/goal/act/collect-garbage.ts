import { lookAt } from "../../deploy/look-at.ts";
import { asciiJson } from "../../target/ascii-json.ts";
import { lastRecord } from "../../target/last-record.ts";
import { LedgerEntry } from "../../target/ledger.ts";
import type { Observation, Space } from "../../target/observation.ts";
import { excerpt } from "../../tools/excerpt.ts";
import type { ActionCase, Ended } from "./action-case.ts";
import { type ActionWorld, checksNow } from "./action-world.ts";
import { worseThan } from "./against-host.ts";
import { refusalOf } from "./alone-program.ts";
import { collectGarbageProgram } from "./collect-garbage-program.ts";

/** Below that share of the store's file system, and only where what is left is no large number in itself, is it worth to delete what may have to be fetched again. */
const lowShare = 0.15;
const plentyBytes = 50 * 2 ** 30;
/** So much is to be free afterwards, and so much is deleted at most in one run. */
const [wantedShare, mostBytes] = [0.25, 200 * 2 ** 30];
/** What is less than this share of the file system was not worth the action. */
const worthShare = 0.01;

/** Why no garbage is collected now, as sentences; empty where it may be. Pure. */
function againstCollection({
  space,
  current,
  booted,
  profile,
  identity,
}: Pick<Observation, "space" | "current" | "booted" | "profile" | "identity">): readonly string[] {
  const { store } = space;
  if (store === undefined || !(store.sizeBytes > 0))
    return [`How full the file system of /nix/store is cannot be told on ${identity.name}.`];
  const reasons: string[] = [];
  if (store.freeBytes >= store.sizeBytes * lowShare || store.freeBytes >= plentyBytes)
    reasons.push(`There is room: ${roomText(store)} are free where the store is; below ${lowShare * 100} % it would be collected.`);
  if (current === undefined || booted === undefined || profile === undefined)
    reasons.push("What runs, what was booted and what boots cannot all be told, so they could not be protected.");
  return reasons;
}

/** How many bytes are deleted at most. Pure. */
const mostToFree = ({ sizeBytes, freeBytes }: Space): number =>
  Math.min(mostBytes, Math.max(2 ** 20, Math.ceil(sizeBytes * wantedShare - freeBytes)));

export type Collected = { readonly sizeBytes: number; readonly freeBefore: number; readonly freeAfter: number };

/** What `stat -f` said before and after; undefined where one of them cannot be understood. Pure. */
function collectedOf(before: string, after: string): Collected | undefined {
  const [first, last] = [before, after].map((line) => /^([1-9][0-9]{0,9}) ([1-9][0-9]{0,17}) ([0-9]{1,18})$/.exec(line.trim()));
  if (first === null || first === undefined || last === null || last === undefined) return undefined;
  const bytes = (found: RegExpExecArray, nth: number): number => Number(found[1]) * Number(found[nth]);
  return { sizeBytes: bytes(last, 2), freeBefore: bytes(first, 3), freeAfter: bytes(last, 3) };
}

/** Whether anything that could be gone back to went away, as sentences; empty where all is as it was. Pure. */
function missingAfter(before: Observation, after: Observation, gone: string): readonly string[] {
  const kept = new Set(after.generations.map(({ number, toplevel }) => `${number} ${toplevel}`));
  return [
    ...(gone.trim() === "" ? [] : [`Systems that should be in the store are not valid there any more: ${gone.trim().slice(0, 600)}.`]),
    ...before.generations
      .filter(({ number, toplevel }) => !kept.has(`${number} ${toplevel}`))
      .map(({ number }) => `Generation ${number} is gone.`),
    ...(["current", "booted", "profile"] as const)
      .filter((name) => before[name] !== after[name])
      .map((name) => `Its ${name} system is another than before.`),
  ];
}

const limitSeconds = 900;

/** Collects what nothing refers to where the store's disk is nearly full, and measures what that freed. */
export async function collectGarbage(
  { host, address, observation }: ActionCase,
  world: ActionWorld,
  begin: () => string | undefined,
): Promise<Ended> {
  const { deploy, goal } = world;
  const { store } = observation.space;
  const against = againstCollection(observation);
  if (against.length > 0 || store === undefined) return { end: "refused", reasons: against };
  const checks = await checksNow(host, address, world);
  const not = begin();
  if (not !== undefined) return { end: "refused", reasons: [not] };

  const at = Math.floor(observation.at.getTime() / 1000);
  const entry = asciiJson(LedgerEntry.parse({ v: 1, event: "action", at, kind: "collect-garbage", goal }));
  const done = await deploy.targets.run({
    address,
    program: collectGarbageProgram,
    verb: "act-garbage",
    arguments: [observation.bootId, String(mostToFree(store)), String(limitSeconds), entry],
    connection: "shared",
    timeoutSeconds: limitSeconds + 300,
  });
  const record = (name: string): string => lastRecord(done.records, name) ?? "";
  if (record("end") === "refused") return { end: "refused", reasons: [refusalOf(record("reason"), host)] };
  if (!done.ok)
    return {
      end: "failed",
      reasons: [`What the collection came to is not known: ${host} could not be spoken to any more (${done.trouble}).`],
    };
  const said = excerpt(record("said").trim(), { bytes: 600, keep: "tail" }).text.split("\n").slice(-3).join(" / ");
  const collected = collectedOf(record("before"), record("after"));
  if (record("end") !== "done" || collected === undefined)
    return {
      end: "failed",
      reasons: [`What the collection came to is not known: ${host} did not say.`, ...(said === "" ? [] : [`It says: ${said}`])],
    };

  const after = await lookAt({ address }, deploy);
  if (after.kind === "silent") return { end: "failed", reasons: [`Garbage was collected, and then ${host} did not answer any more.`] };
  const missing = missingAfter(observation, after.observation, record("gone"));
  const worse = worseThan({ observation, checks }, { observation: after.observation, checks: await checksNow(host, address, world) });
  const freed = Math.max(0, collected.freeAfter - collected.freeBefore);
  const room = roomText({ sizeBytes: collected.sizeBytes, freeBytes: collected.freeAfter });
  const sentence = `It freed ${bytesText(freed)}; ${room} are free now.`;
  if (missing.length > 0 || worse.length > 0) return { end: "failed", reasons: [sentence, ...missing, ...worse] };
  const notes = [
    ...(record("written") === "yes" ? [] : ["That could not be written into its ledger."]),
    ...(record("said.exit") === "0" ? [] : [`nix-store ended with ${record("said.exit").slice(0, 10)}: ${said}`]),
  ];
  if (freed < collected.sizeBytes * worthShare)
    return {
      end: "no-effect",
      reasons: [
        sentence,
        "There is hardly anything that nothing refers to: generations, or what is beside the store, take the room.",
        ...notes,
      ],
    };
  return { end: "done", reasons: [sentence, "All generations are there as before.", ...notes] };
}

const roomText = ({ sizeBytes, freeBytes }: Pick<Space, "sizeBytes" | "freeBytes">): string =>
  `${((100 * freeBytes) / sizeBytes).toFixed(1)} % (${bytesText(freeBytes)})`;

function bytesText(bytes: number): string {
  const [unit, by] = bytes >= 2 ** 30 ? ["GiB", 2 ** 30] : ["MiB", 2 ** 20];
  return `${(bytes / Number(by)).toFixed(1)} ${unit}`;
}
