import * as z from "zod";
import { RebootPolicy } from "./reboot/window-policy.ts";

/** The part of the policy that says how hosts are reached, deployed in which order, and when they count as well. */

/** Reaches argv of ssh: a leading "-" would be an option, anything else outside of these sets has no business in a name. */
const Hostname = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,252}$/, "it is not a host name or an IP address");
const User = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, "it is not a user name");
const Port = z.int().min(1).max(65_535);
const HostKey = z
  .string()
  .regex(
    /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]{40,1500}={0,2}$/,
    'it is not a public host key like "ssh-ed25519 AAAA…", without comment',
  );
const UnitName = z
  .string()
  .regex(/^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]{0,250}\.[a-z]+$/, "it is not the full name of a unit, like nginx.service");
const Seconds = (least: number, most: number) => z.int().min(least).max(most);

export const TargetPolicy = z.strictObject({
  hostname: Hostname.optional(),
  user: User.optional(),
  port: Port.optional(),
  /** `[user@]host[:port]`, the first nearest to the gate. */
  jump: z
    .array(
      z.string().regex(/^(?:[a-z_][a-z0-9_-]{0,31}@)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}(?::[0-9]{1,5})?$/, "it is not [user@]host[:port]"),
    )
    .max(4)
    .optional(),
  /** What the machine calls itself; `networking.hostName` of the system, else the host's name, where absent. */
  name: Hostname.optional(),
  machineId: z
    .string()
    .regex(/^[0-9a-f]{32}$/, "it is not a machine id of 32 hexadecimal digits")
    .optional(),
  hostKeys: z.array(HostKey).max(16).optional(),
  /** The host has the root helper of the NixOS module (`target.helper`). */
  helper: z.boolean().optional(),
});
export type TargetPolicy = z.infer<typeof TargetPolicy>;

const trying = {
  name: z.string().min(1).max(80).optional(),
  /** Tries and the pause between them. */
  retries: z.int().min(0).max(100).default(5),
  intervalSeconds: Seconds(1, 600).default(3),
  timeoutSeconds: Seconds(1, 600).default(10),
};
/** What the operator calls healthy. */
export const Check = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("http"),
    url: z.url({ protocol: /^https?$/ }).max(2_000),
    status: z.array(z.int().min(100).max(599)).default([200]),
    contains: z.string().max(1_000).optional(),
    /** Where the question comes from: the gate's own machine, or the host itself. */
    from: z.enum(["gate", "host"]).default("gate"),
    ...trying,
  }),
  z.strictObject({ type: z.literal("tcp"), address: Hostname, port: Port, from: z.enum(["gate", "host"]).default("gate"), ...trying }),
  /** An argument vector that runs on the host as root; its exit code 0 is health. */
  z.strictObject({ type: z.literal("command"), command: z.array(z.string().min(1).max(4_000)).min(1).max(64), ...trying }),
  z.strictObject({ type: z.literal("unit"), unit: UnitName, ...trying }),
]);
export type Check = z.infer<typeof Check>;

export const GroupPolicy = z.strictObject({
  /** How many of the group may be away at once: a number or a share in per cent, of which at least one. */
  maxUnavailable: z
    .union([z.int().min(1).max(1_000), z.string().regex(/^(?:100|[1-9]?[0-9])%$/, 'it is not a share like "25%"')])
    .default(1),
  /** Consensus members: more than half stay healthy at every moment. */
  quorum: z.boolean().default(false),
  /** Groups go in this order; those of the same number together. */
  order: z.int().min(0).max(1_000).default(100),
  checks: z.array(Check).max(32).default([]),
  /** When and how its members are rebooted, unless they say so themselves. */
  reboot: RebootPolicy.optional(),
});
export type GroupPolicy = z.infer<typeof GroupPolicy>;

export const ApplyPolicy = z.strictObject({
  user: User.default("root"),
  /** Lines of a known_hosts file, in force beside the input `ssh-known-hosts`. */
  knownHosts: z
    .array(
      z
        .string()
        .min(1)
        .max(4_000)
        .refine((line) => !/[\p{Cc}]/u.test(line), "it contains a control character"),
    )
    .max(1_000)
    .default([]),
  /** How many hosts at once, over all groups. */
  parallel: z.int().min(1).max(100).default(10),
  /** The waves end when so many hosts have failed; a failed canary always ends them. */
  stopAfterFailures: z.int().min(1).max(100).default(1),
  activationSeconds: Seconds(30, 7_200).default(900),
  /** How long a host waits to be confirmed before it goes back. */
  confirmSeconds: Seconds(10, 3_600).default(180),
  loaderSeconds: Seconds(30, 3_600).default(300),
  /** Looked at again after so long: a service may die a minute after it started. */
  soakSeconds: Seconds(0, 3_600).default(20),
  copy: z
    .strictObject({
      store: z.enum(["ssh-ng", "ssh"]).default("ssh-ng"),
      substituteOnDestination: z.boolean().default(true),
      /** False where the target trusts the deploy user: paths built here carry no signature that it knows. */
      checkSignatures: z.boolean().default(false),
      /** A file on the gate's machine that `nix store sign` takes. */
      signingKeyFile: z
        .string()
        .regex(/^\/[^\p{Cc}]{1,1000}$/u, "it is not an absolute path")
        .optional(),
      timeoutSeconds: Seconds(10, 86_400).default(3_600),
    })
    .prefault({}),
  checks: z.array(Check).max(32).default([]),
});
export type ApplyPolicy = z.infer<typeof ApplyPolicy>;

/** As forges name people; a name in brackets is an app's, and an app approves nothing. */
const Login = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/, "it is not the name of a user");

export const ApprovalPolicy = z.strictObject({
  ttlHours: z.int().min(1).max(720).default(72),
  /** Who may approve. Where absent: who the forge says may write to the repository. */
  by: z.array(Login).max(100).optional(),
  /** Nobody approves what they wrote, committed or pushed themselves. */
  exceptAuthor: z.boolean().default(false),
});
export type ApprovalPolicy = z.infer<typeof ApprovalPolicy>;
