import * as z from "zod";
import { HostName } from "../discover/host.ts";

/**
 * The ledger: `/var/lib/nixos-deploy-gate/ledger.jsonl` on the host, root-owned, append-only, one JSON object a line, written under the activation lock. It is the
 * only stored input to decisions; a host that lies in it can only hurt itself. A line that cannot be parsed makes the ledger unreadable, never shorter.
 */
export const ledgerPath = "/var/lib/nixos-deploy-gate/ledger.jsonl";

const StorePath = z.string().regex(/^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211}(?:\/specialisation\/[A-Za-z0-9+\-._]{1,64})?$/);
const Digest = z.string().regex(/^[0-9a-f]{32}$/);

/** What the gate knows of an attempt before it begins. */
export const Attempt = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{7,63}$/),
  host: HostName,
  repository: z.string().max(200).optional(),
  revision: z
    .string()
    .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/)
    .optional(),
  /** Commit time of the revision, seconds since 1970: orders revisions where history is not at hand. */
  committedAt: z.int().optional(),
  /** Of the transition (invariant 2). */
  digest: Digest.optional(),
  approvedBy: z.string().max(100).optional(),
  operation: z.enum(["switch", "boot", "rollback", "reboot"]),
  from: z.strictObject({ current: StorePath.optional(), profile: StorePath.optional() }),
  to: StorePath,
});
export type Attempt = z.infer<typeof Attempt>;

export const ActivationOutcome = z.enum([
  /** Active, profile and boot loader set. */
  "deployed",
  /** Boot default set; the running system untouched. */
  "staged",
  /** Nothing was changed: pre-switch check, inhibitor, lock, init interface, or the host had moved on. `reason` tells which. */
  "refused",
  /** The recorded toplevel is active again and proven so. */
  "rolled-back",
  /** It could not be brought back: a person is needed. */
  "rollback-failed",
  /** The new system is active and confirmed; boot loader or profile could not be set and the old one boots. */
  "live-but-old-boots",
  /** Not taken back because the change cannot be undone; it runs unconfirmed and the old one boots. */
  "left-unconfirmed",
  /** A person or another tool switched meanwhile; what they did was left alone. */
  "superseded",
]);
export type ActivationOutcome = z.infer<typeof ActivationOutcome>;

const at = z.int();
export const LedgerEntry = z.discriminatedUnion("event", [
  z.strictObject({
    v: z.literal(1),
    event: z.literal("started"),
    at,
    bootId: z.string().max(64),
    attempt: Attempt,
    /** Of a reboot: what had failed before it, so that a run after it can tell what failed since. */
    failedUnits: z.array(z.string().max(256)).max(64).optional(),
  }),
  z.strictObject({
    v: z.literal(1),
    event: z.literal("ended"),
    at,
    id: Attempt.shape.id,
    outcome: ActivationOutcome,
    reason: z.string().max(100),
    /** Exit code of the operation that decided, where there was one. */
    exit: z.int().optional(),
  }),
  z.strictObject({
    v: z.literal(1),
    event: z.literal("rejected"),
    at,
    digest: Digest,
    /** When the rejected token had been made: with it the same change is known again under a token of another time. */
    issuedAt: z.int().optional(),
    by: z.string().max(100),
  }),
  z.strictObject({
    v: z.literal(1),
    event: z.literal("rebooted"),
    at,
    id: Attempt.shape.id,
    /** From the order to reboot until the host answered again. */
    seconds: z.int().nonnegative(),
    ok: z.boolean(),
  }),
  /**
   * A run that deploys left the host as it is until a person says something, without a break since `since`. Written when that begins, and anew when it is for other rules.
   * `rules` are those that ask for a person, none where the host is held for something else.
   */
  z.strictObject({
    v: z.literal(1),
    event: z.literal("held"),
    at,
    since: at,
    revision: Attempt.shape.revision,
    rules: z.array(z.string().max(64)).max(16),
  }),
  /** A later run found nothing to hold, and brought nothing in either. */
  z.strictObject({ v: z.literal(1), event: z.literal("let-go"), at }),
  /** A person was told that the reboot into this system needs somebody; is told again a day later, or when it is another system. */
  z.strictObject({ v: z.literal(1), event: z.literal("told"), at, to: StorePath }),
  /** What a deploy of this system brought in and only a boot settles, as far as the paths of systems do not tell it. */
  z.strictObject({
    v: z.literal(1),
    event: z.literal("waits-for-boot"),
    at,
    to: StorePath,
    reasons: z
      .array(
        z.strictObject({
          part: z.string().max(256),
          found: z.string().max(300),
          wanted: z.string().max(300),
          sentence: z.string().max(500),
        }),
      )
      .min(1)
      .max(8),
  }),
  /** What a goal had done here without a person; what it activated or rebooted stands as the attempt that it was. */
  z.strictObject({
    v: z.literal(1),
    event: z.literal("action"),
    at,
    kind: z.enum(["restart-unit", "collect-garbage"]),
    /** Of restart-unit. */
    unit: z.string().max(256).optional(),
    goal: z.string().max(64),
  }),
]);
export type LedgerEntry = z.infer<typeof LedgerEntry>;
