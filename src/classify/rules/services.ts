import type { Unit } from "../../diff/system.ts";
import { changedTexts } from "../changed-texts.ts";
import { signed, withoutComment } from "../changed-lines.ts";
import { ask, type Rule, type Sighting } from "../rule.ts";
import { evidenceOf, interrupted, interrupts, values } from "../unit-view.ts";

const runsNothing = (unit: Unit): boolean =>
  ["ExecStart", "ExecStop", "SuccessAction"].every((key) => values(unit, "Service", key).length === 0);

export const emptyService: Rule = {
  id: "service-runs-nothing",
  family: "services",
  verdict: "risky",
  title: "A service has nothing to start",
  hazard: "systemd refuses a service without ExecStart= or ExecStop=: it does not start, and the switch ends with a failure.",
  check: "Run `systemd-analyze verify` on the unit.",
  see: ({ diff, after }) =>
    diff.units
      .filter((change) => change.name.endsWith(".service") && change.change !== "removed")
      .flatMap((change): Sighting[] => {
        const unit = after.units.get(change.name);
        if (unit === undefined || unit.masked || !runsNothing(unit)) return [];
        // Drop-ins without a file of their own are read only where something starts the unit.
        if (unit.path === undefined && unit.wantedBy.length === 0) return [];
        return [
          {
            subject: change.name,
            evidence: [
              evidenceOf(change),
              ...change.keys
                .filter((entry) => entry.key.startsWith("Exec"))
                .flatMap((entry) => entry.from.map((line) => `- ${entry.key}=${line}`)),
            ],
          },
        ];
      }),
};

export const nfsExports: Rule = {
  id: "nfs-exports",
  family: "services",
  verdict: "risky",
  title: "The NFS server restarts with other exports",
  hazard: "Every client stalls while the server is down, and one whose export went or changed gets stale handles.",
  check: "Would `exportfs -ra` do? Who has the shares mounted?",
  see: ({ diff, facts }) =>
    changedTexts(diff)
      .filter((text) => /(^|\/)exports(\.d\/.+)?$/.test(text.source) && text.kind === "file")
      .flatMap((text): Sighting[] => {
        const servers = diff.units.filter((change) => /^nfs-(server|mountd|idmapd)\.service$/.test(change.name) && interrupts(change));
        const lines = signed(text.lines, (line) => withoutComment(line).trim() !== "");
        const serves = servers.length > 0 || (facts.tags ?? []).some((tag) => /nfs[-_]?server/.test(tag)) || text.lines.removed.length > 0;
        return lines.length === 0 || !serves
          ? []
          : [
              {
                subject: text.source,
                evidence: [...servers.map(evidenceOf), ...lines, ...(facts.nfsClients ?? []).map((client) => `client ${client}`)],
              },
            ];
      }),
};

export const newCertificate: Rule = {
  id: "acme-order",
  family: "services",
  verdict: "risky",
  title: "A certificate is ordered for a new name",
  hazard:
    "Where the name does not point here yet, or the challenge cannot be answered, the unit fails, the switch with it, and failures count against the issuer's limits.",
  check: "Does the new name resolve to this host from outside, and is the challenge's port open?",
  see: ({ diff }): Sighting[] => {
    const ordered = diff.units.filter(
      (change) =>
        change.change === "added" &&
        /^acme-(?!selfsigned|finished|fixperms|lockfiles|setup|account)(order-renew-)?[^@]+\.service$/.test(change.name),
    );
    const domains = diff.units.filter(
      (change) => change.change === "changed" && /^acme-.+\.service$/.test(change.name) && !change.hashOnly,
    );
    const renamed = domains.filter((change) => /^\+.*(--domains|-d |domain)/m.test(change.diff));
    const scripts = changedTexts(diff).filter(
      (text) =>
        text.kind === "file" &&
        text.change === "changed" &&
        /acme-/.test(text.source) &&
        text.lines.added.some((line) => /--domains|-d [\w*.-]+\.|EXTRA_DOMAINS|extraDomain/.test(line)),
    );
    const certificates = diff.settings.certificates.filter(
      (change) =>
        change.change === "added" &&
        /^acme|letsencrypt|\bdomain\b/i.test(change.line) &&
        diff.units.every((unit) => !unit.name.startsWith("acme-")),
    );
    const names = new Set([...ordered, ...renamed].map((change) => change.name));
    return [
      ...[...names].map((name) => ({
        subject: name,
        evidence: [...ordered, ...renamed].filter((change) => change.name === name).map(evidenceOf),
      })),
      ...scripts.map((text) => ({ subject: text.source, evidence: signed(text.lines, (line) => /domain|-d /i.test(line)) })),
      ...certificates.map((change) => ({ subject: change.file, evidence: [`+ ${change.line}`] })),
    ];
  },
};

/** Programs whose short absence others feel at once, with the host fact that says that somebody does. */
export const keepalivedPair: Rule = {
  id: "virtual-address-moves",
  family: "services",
  verdict: "risky",
  title: "The virtual address moves while both peers change",
  hazard: "When both peers restart together the address moves back and forth, and clients keep handles of the other head.",
  check: "Deploy the standby first, then the active peer.",
  see: (context) =>
    interrupted(context, /^(keepalived|corosync|pacemaker|ucarp.*|vrrpd|heartbeat)\.service$/).flatMap((change): Sighting[] => {
      const peers = context.facts.peersInSameDeploy;
      const asked = ask(context, {
        fact: "peersInSameDeploy",
        when: "its peer is deployed with it",
        answer: peers === undefined ? undefined : peers.length > 0,
        plain: "clean",
        careful: "risky",
      });
      return asked.verdict === "clean" && asked.settledBy === undefined
        ? []
        : [
            {
              subject: change.name,
              evidence: [evidenceOf(change), ...(peers ?? []), ...asked.note],
              verdict: asked.verdict,
              settledBy: asked.settledBy,
            },
          ];
    }),
};

export const serviceRules: readonly Rule[] = [emptyService, nfsExports, newCertificate, keepalivedPair];
