import { failure } from "../failure.ts";
import type { Answer } from "./forge-client.ts";
import { findMarker, isLater, sameText, withMarker, type Found } from "./marker.ts";
import type { ForgeReport, Marker, Result, Written } from "./ports.ts";

/** One text that stands on the forge: a comment, a commit comment, an issue. */
export type Posted = {
  readonly id: number;
  readonly login: string;
  readonly userId: number | undefined;
  readonly body: string;
  readonly url: string | undefined;
};

/** A place where texts stand in order of their ids, ours among those of others. */
export type Place = {
  readonly host: string;
  /** As it goes into a sentence: "the comment". */
  readonly what: string;
  isOurs(posted: Posted): boolean;
  list(): Promise<Answer<readonly Posted[]>>;
  create(body: string): Promise<Answer<Posted>>;
  update(id: number, body: string): Promise<Answer<Posted | undefined>>;
  remove(id: number): Promise<Answer<unknown>>;
  /** Whether that run exists and is about that revision; undefined where this token may not know. */
  runExists(marker: Marker): Promise<boolean | undefined>;
};

/** GitHub's limit for a comment, in UTF-16 units: never more than 196,608 bytes, so its other limit of 262,144 bytes is kept too. Forgejo has none; a page has to load all the same. */
const longest = 65_536;
const attempts = 3;

/**
 * Brings our one text at a place up to date: writes it where there is none, changes it where it differs, leaves it alone where it is the same or belongs to a
 * later run. Copies of ours (two runs that raced) are removed; texts of others are never touched, whatever they contain.
 */
export async function writeOwn(place: Place, report: ForgeReport): Promise<Result<Written>> {
  const body = withMarker(report.marker, report.body);
  const listed = await ownAt(place, report.marker.key);
  if (!listed.ok) return listed;
  const [first, ...copies] = listed.value;
  if (body.length > longest)
    return {
      ok: false,
      failure: failure("forge-too-long", { forge: place.host, doing: `writing ${place.what}`, characters: body.length }),
    };
  if (first === undefined) return report.create ? await create(place, report.marker, body) : written("absent", undefined, []);

  const notes: string[] = [];
  if (!first.found.intact) notes.push(`Somebody else had edited ${place.what}; it is written anew.`);
  if (isLater(first.found.marker, report.marker)) {
    // A run of ours that is later left this; or somebody who may edit wrote a high number there, so that what they wrote stays. Only the forge can tell.
    const exists = first.found.marker.runId > report.marker.runId && first.found.intact ? await place.runExists(first.found.marker) : false;
    if (exists === true)
      return written("superseded", first.posted.url, [
        `Run ${first.found.marker.runId}, later than this one, has already written ${place.what}.`,
      ]);
    notes.push(
      `${capital(place.what)} named a later run that cannot be shown to exist (${first.found.marker.runId}.${first.found.marker.attempt}); it is written anew.`,
    );
  } else if (sameText(first.found, report.body)) {
    notes.push(...(await removeCopies(place, copies)));
    return written("unchanged", first.posted.url, notes);
  }

  const updated = await place.update(first.posted.id, body);
  if (!updated.ok && updated.failure.code === "forge-not-found")
    return report.create ? await create(place, report.marker, body) : written("absent", undefined, notes);
  if (!updated.ok) return updated;
  notes.push(...(await removeCopies(place, copies)));
  return written("updated", updated.value?.url ?? first.posted.url, notes);
}

type Own = { readonly posted: Posted; readonly found: Found };

async function ownAt(place: Place, key: string): Promise<{ ok: true; value: readonly Own[] } | Extract<Answer<never>, { ok: false }>> {
  const listed = await place.list();
  if (!listed.ok) return listed;
  const own = listed.value.flatMap((posted) => {
    const found = place.isOurs(posted) ? findMarker(posted.body) : undefined;
    return found?.marker.key === key ? [{ posted, found }] : [];
  });
  return { ok: true, value: own.toSorted((a, b) => a.posted.id - b.posted.id) };
}

/** Creates, and where the answer got lost looks whether it is there before it tries again: a second comment is worse than none. */
async function create(place: Place, marker: Marker, body: string): Promise<Result<Written>> {
  for (let attempt = 1; ; attempt++) {
    const created = await place.create(body);
    if (created.ok) return written("created", created.value.url, []);
    if (!created.uncertain) return created;
    const there = await ownAt(place, marker.key);
    if (!there.ok) return there;
    const [found] = there.value;
    if (found !== undefined)
      return written("created", found.posted.url, [
        `The forge's answer got lost after ${place.what} was written; it was found by looking.`,
      ]);
    if (attempt === attempts) return created;
  }
}

async function removeCopies(place: Place, copies: readonly Own[]): Promise<string[]> {
  const notes: string[] = [];
  for (const copy of copies) {
    const removed = await place.remove(copy.posted.id);
    notes.push(
      removed.ok || removed.status === 404
        ? `A second copy of ${place.what} was removed.`
        : `A second copy of ${place.what} could not be removed: ${removed.failure.message}`,
    );
  }
  return notes;
}

const written = (action: Written["action"], url: string | undefined, notes: readonly string[]): Result<Written> => ({
  ok: true,
  value: { action, url, notes },
});
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
