import { changedTexts } from "../changed-texts.ts";
import { signed } from "../changed-lines.ts";
import type { Rule, RuleContext, Sighting } from "../rule.ts";
import { evidenceOf, gone } from "../unit-view.ts";

/** Where agenix, sops-nix and their relatives say which key opens the secrets. */
const identity =
  /IDENTITIES|identityPaths?|age[._]?(ssh)?key(path|file)s?|sshKeyPaths?|sshKeyFile|gnupgHome|age\.keyFile|SOPS_AGE_KEY(_FILE)?|SOPS_GPG|ageKeyFile|-i \S*(id_|ssh_host|key)|requirePivilegedSshKey/i;
const secretTool = /agenix|ragenix|sops|manifest\.json|secrets?|vaultix|scalpel|activation script|credential/i;

/** Paths that an identity line names. */
const paths = (line: string): string[] =>
  [...line.matchAll(/(?<![\w.])(\/(?!nix\/store)[\w.@+-]+(?:\/[\w.@+-]+)*)/g)].map((match) => match[1] ?? "");

export const secretIdentity: Rule = {
  id: "secret-identity",
  family: "secrets",
  verdict: "risky",
  title: "Another key decrypts the secrets of the host",
  hazard:
    "If the new key is not there, or the secrets are not encrypted to it, activation runs without any secret, password hashes included.",
  check: "Is the key on the host, and does it open one of the files: `age -d -i KEY FILE`?",
  see: ({ diff }) =>
    changedTexts(diff)
      .filter((text) => text.change === "changed" && secretTool.test(text.source))
      .flatMap((text): Sighting[] => {
        const values = (lines: readonly string[]): string[] =>
          lines
            .filter((line) => identity.test(line))
            .flatMap((line) =>
              [
                ...line.matchAll(
                  /(age\w*Key\w*|sshKey\w*|gnupgHome|identityPaths?|IDENTITIES)["']?\s*(?:[:=+]+)\s*(\[[^\]]*\]|\([^)]*\)|"[^"]*"|null|\S+)/gi,
                ),
              ]
                .map((match) => `${match[1] ?? ""}=${match[2] ?? ""}`)
                .concat(paths(line).filter((path) => /key|id_|identity|gnupg/i.test(path))),
            );
        const [old, now] = [new Set(values(text.lines.removed)), new Set(values(text.lines.added))];
        const lost = [...old].filter((value) => !now.has(value));
        const came = [...now].filter((value) => !old.has(value));
        // One more identity takes nothing away.
        if (lost.length === 0) return [];
        return [{ subject: text.source, evidence: [...lost.map((value) => `- ${value}`), ...came.map((value) => `+ ${value}`)] }];
      }),
};

export const identityMount: Rule = {
  id: "secret-identity-mount",
  family: "secrets",
  verdict: "risky",
  title: "The key of the secrets is on a file system that is mounted later",
  hazard: "At boot secrets are decrypted before that file system is there: the host comes up without them.",
  check: "Mark the file system neededForBoot, or keep the key on the root.",
  see: (context: RuleContext): Sighting[] => {
    const early = (mountPoint: string): boolean =>
      mountPoint === "/" ||
      /^\/(nix|var|var\/log|var\/lib|var\/lib\/nixos|etc|usr)$/.test(mountPoint) ||
      context.after.mounts.some((mount) => mount.mountPoint === mountPoint && mount.options.includes("x-initrd.mount"));
    const late = [...context.after.mounts.map((mount) => mount.mountPoint), ...(context.facts.separateMounts ?? [])].filter(
      (mountPoint) => mountPoint.startsWith("/") && !early(mountPoint),
    );
    return changedTexts(context.diff)
      .filter((text) => secretTool.test(text.source))
      .flatMap((text): Sighting[] => {
        const named = text.lines.added.filter((line) => identity.test(line)).flatMap(paths);
        const bad = [...new Set(named)].filter((path) => late.some((mountPoint) => path.startsWith(`${mountPoint}/`)));
        return bad.length === 0 ? [] : [{ subject: text.source, evidence: bad.map((path) => `+ ${path}`) }];
      });
  },
};

const secretPath = /\/run\/(?:secrets(?:-for-users)?|agenix|credentials|keys)\/[\w.@/+-]+/g;

export const secretMissing: Rule = {
  id: "secret-still-used",
  family: "secrets",
  verdict: "risky",
  title: "A secret goes that a unit still reads",
  hazard: "The file disappears at the switch and the service that reads it fails at its next start.",
  check: "Is the unit meant to lose it, or was the secret renamed?",
  see: ({ diff, after }): Sighting[] => {
    const texts = changedTexts(diff).filter((text) => secretTool.test(text.source));
    const named = (lines: readonly string[]): Set<string> =>
      new Set(lines.flatMap((line) => [...line.matchAll(secretPath)].map((match) => match[0].replace(/[.,]+$/, ""))));
    const declared = named(texts.flatMap((text) => text.lines.added));
    const lost = [...named(texts.flatMap((text) => text.lines.removed))].filter((path) => !declared.has(path));
    return lost.flatMap((path) => {
      const users = [...after.units.values()]
        .filter((unit) => new RegExp(String.raw`${path.replaceAll(/[.+]/g, String.raw`\$&`)}(?![\w-])`).test(unit.text))
        .map((unit) => unit.name);
      return users.length === 0 ? [] : [{ subject: path, evidence: users.map((name) => `${name} reads ${path}`) }];
    });
  },
};

export const secretToolGone: Rule = {
  id: "secret-tool-gone",
  family: "secrets",
  verdict: "risky",
  title: "Nothing decrypts the secrets any more",
  hazard: "After the next boot no secret is there, and every service and password that needs one fails.",
  check: "Who provides the secrets now?",
  see: (context): Sighting[] => {
    const snippets = context.diff.settings.activation.filter(
      (snippet) => snippet.change === "removed" && /agenix|sops|setupSecrets|secrets/i.test(snippet.snippet),
    );
    const units = gone(context, /^(sops-install-secrets|sops-nix|agenix.*|ragenix|vault-agent.*)\.service$/);
    const replaced =
      [...context.after.activation.keys()].some((name) => /agenixInstall|setupSecrets|sops/i.test(name)) ||
      [...context.after.units.keys()].some((name) => /^(sops-install-secrets|agenix-install-secrets)\.service$/.test(name));
    return replaced || snippets.length + units.length === 0
      ? []
      : [
          {
            subject: "secrets",
            evidence: [...snippets.map((snippet) => `- activation script ${snippet.snippet}`), ...units.map(evidenceOf)],
          },
        ];
  },
};

export const hostKeys: Rule = {
  id: "host-key-generation",
  family: "secrets",
  verdict: "risky",
  title: "How ssh host keys come to be changes",
  hazard: "A new host key breaks every known_hosts, the deploy's included, and the secrets that are encrypted to the old one.",
  check: "Is the host key file the same as before?",
  see: ({ diff }) =>
    changedTexts(diff)
      .filter((text) => /sshd-keygen/.test(text.source))
      .flatMap((text): Sighting[] => {
        const names = (lines: readonly string[]): string[] =>
          lines.flatMap((line) => [...line.matchAll(/\/[\w./-]*ssh_host_\w+_key/g)].map((match) => match[0]));
        const lost = names(text.lines.removed).filter((path) => !names(text.lines.added).includes(path));
        return lost.length === 0 ? [] : [{ subject: text.source, evidence: signed(text.lines, (line) => /ssh_host_/.test(line)) }];
      }),
};

export const secretRules: readonly Rule[] = [secretIdentity, identityMount, secretMissing, secretToolGone, hostKeys];
