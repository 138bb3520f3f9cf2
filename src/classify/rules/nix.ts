import { ask, type Rule, type Sighting } from "../rule.ts";
import { evidenceOf, interrupts } from "../unit-view.ts";

const words = (text: string | undefined): readonly string[] => (text ?? "").split(/\s+/).filter(Boolean);

export const trustedUsers: Rule = {
  id: "nix-trusted-users",
  family: "nix",
  verdict: "risky",
  title: "Nix no longer trusts the deploy user",
  hazard: "An untrusted user cannot copy unsigned paths to this host: the next deploy fails with 'lacks a signature by a trusted key'.",
  check: "Is every path signed by a key that this host trusts?",
  see: (context) =>
    context.diff.settings.nixConf
      .filter((change) => change.key === "trusted-users" || change.key === "extra-trusted-users")
      .flatMap((change): Sighting[] => {
        const { deployUser, deployUserGroups } = context.facts;
        const covers = (text: string | undefined): boolean =>
          words(text).some(
            (word) => word === "*" || word === deployUser || (word.startsWith("@") && (deployUserGroups?.includes(word.slice(1)) ?? false)),
          );
        const lost = words(change.from).filter((word) => !words(change.to).includes(word));
        if (lost.length === 0) return [];
        const answer = deployUser === undefined ? undefined : deployUser !== "root" && covers(change.from) && !covers(change.to);
        // A group that cannot be looked up may be the one that covered the deploy user.
        const open =
          answer === false &&
          deployUser !== "root" &&
          deployUserGroups === undefined &&
          lost.some((word) => word.startsWith("@")) &&
          !covers(change.to);
        const asked = ask(context, {
          fact: open ? "deployUserGroups" : "deployUser",
          when: `the deploy logs in as a user whom ${lost.join(", ")} covered`,
          answer: open ? undefined : answer,
          plain: "clean",
          careful: "risky",
        });
        return asked.verdict === "clean" && asked.settledBy === undefined
          ? []
          : [
              {
                subject: "trusted-users",
                from: change.from,
                to: change.to,
                evidence: [...lost.map((word) => `- ${word}`), ...asked.note],
                verdict: asked.verdict,
                settledBy: asked.settledBy,
              },
            ];
      }),
};

export const nixOpened: Rule = {
  id: "nix-trust-opened",
  family: "nix",
  verdict: "risky",
  title: "Nix trusts more than before",
  hazard: "Whoever Nix trusts can put any program into the store of this host, and so become root.",
  check: "Are these users and keys meant to have root here?",
  see: ({ diff }) =>
    diff.settings.nixConf.flatMap((change): Sighting[] => {
      const came = words(change.to).filter((word) => !words(change.from).includes(word));
      const users = /^(extra-)?trusted-users$/.test(change.key) && came.some((word) => word === "*" || word === "@users");
      const unsigned = change.key === "require-sigs" && change.to === "false" && change.from !== "false";
      return users || unsigned
        ? [{ subject: change.key, from: change.from, to: change.to, evidence: came.map((word) => `+ ${word}`) }]
        : [];
    }),
};

export const nixSettings: Rule = {
  id: "nix-copy-refused",
  family: "nix",
  verdict: "risky",
  title: "Nix may refuse what the next deploy copies",
  hazard: "With a trusted key gone, builds users gone or the daemon closed to the deploy user nothing can be copied to this host.",
  check: "Who signs what is copied, and does the deploy user still reach the daemon?",
  see: (context) =>
    context.diff.settings.nixConf.flatMap((change): Sighting[] => {
      const { deployUser, deployUserGroups } = context.facts;
      const shown = { subject: change.key, from: change.from, to: change.to };
      const lost = words(change.from).filter((word) => !words(change.to).includes(word));
      if (change.key === "allowed-users" && lost.length > 0 && deployUser !== "root") {
        const covered =
          deployUser !== undefined &&
          words(change.to).some(
            (word) => word === "*" || word === deployUser || (word.startsWith("@") && (deployUserGroups?.includes(word.slice(1)) ?? false)),
          );
        return covered ? [] : [{ ...shown, evidence: lost.map((word) => `- ${word}`) }];
      }
      if (/^(extra-)?trusted-public-keys$/.test(change.key) && lost.length > 0) {
        const asked = ask(context, {
          fact: "deployUser",
          when: "the deploy is not root and its paths are signed by that key",
          answer: deployUser === undefined ? undefined : deployUser !== "root",
          plain: "clean",
          careful: "risky",
        });
        return asked.verdict === "clean" && asked.settledBy === undefined
          ? []
          : [
              {
                ...shown,
                evidence: [...lost.map((word) => `- ${word}`), ...asked.note],
                verdict: asked.verdict,
                settledBy: asked.settledBy,
              },
            ];
      }
      return change.key === "build-users-group" || change.key === "store"
        ? [{ ...shown, evidence: [`- ${change.from ?? "unset"}`, `+ ${change.to ?? "unset"}`] }]
        : [];
    }),
};

export const switchProgram: Rule = {
  id: "switch-program",
  family: "nix",
  verdict: "risky",
  title: "The program that switches is missing or another one",
  hazard:
    "A system without bin/switch-to-configuration can neither be switched to nor rolled forward later; another implementation stops and starts units in other ways.",
  check: "Is system.switch.enable set, and does `switch-to-configuration dry-activate` of the new system work?",
  see: ({ before, after, diff }): Sighting[] => {
    const [from, to] = [before?.switchToConfiguration, after.switchToConfiguration];
    if (to === "missing")
      return from === "missing"
        ? []
        : [{ subject: "switch-to-configuration", from, to, mode: "boot-only", evidence: [`${from ?? "none"} → missing`] }];
    return diff.system.switchToConfiguration.changed && from !== undefined && from !== to
      ? [{ subject: "switch-to-configuration", from, to, evidence: [`${from} → ${to}`] }]
      : [];
  },
};

/** Programs that run jobs of a forge, or pull deploys themselves. */
const runners =
  /^(github-runner.*|gitea-runner.*|forgejo-runner.*|gitlab-runner|buildkite-agent.*|actions-runner.*|act[_-]runner.*|woodpecker-agent.*|drone-runner.*|hercules-ci-agent|comin|nixos-upgrade|buildbot-worker|jenkins.*|teamcity.*|cachix-agent|deploy-rs.*|bento|npins.*)\.service$/;

export const deployHost: Rule = {
  id: "deploy-process-restarted",
  family: "nix",
  verdict: "risky",
  title: "The switch restarts the unit that runs the deploy",
  hazard: "The deploy is killed half way: units that were stopped stay stopped, and nobody starts them.",
  check: "Set restartIfChanged = false on that unit, or run the switch detached from it.",
  see: (context) => {
    const via = context.facts.deployVia;
    const named = [...(via ?? "").matchAll(/[\w@.:\\-]+\.service\b/g)].map((match) => match[0]);
    const here =
      via === undefined ? undefined : /on this (host|machine)|locally|local(host)?\b|\bself\b|runner|pull|agent|comin|job in/i.test(via);
    return context.diff.units.filter(interrupts).flatMap((change): Sighting[] => {
      if (named.includes(change.name)) return [{ subject: change.name, evidence: [evidenceOf(change)] }];
      if (!runners.test(change.name) || named.length > 0) return [];
      const asked = ask(context, {
        fact: "deployVia",
        when: `the deploy runs as a job inside ${change.name}`,
        answer: here,
        plain: "clean",
        careful: "risky",
      });
      return asked.verdict === "clean" && asked.settledBy === undefined
        ? []
        : [{ subject: change.name, evidence: [evidenceOf(change), ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy }];
    });
  },
};

export const storeSpace: Rule = {
  id: "store-space",
  family: "nix",
  verdict: "risky",
  title: "The store of the host may be too small",
  hazard: "A full disk stops the copy half way, and with the store on the root every service that writes.",
  check: "Free space on /nix: collect garbage on the host first.",
  see: ({ diff, facts }): Sighting[] => {
    const free = facts.storeFreeBytes;
    const grows = diff.packages.sizeDelta;
    return free !== undefined && grows > 0 && grows > free * 0.9
      ? [{ subject: "/nix/store", evidence: [`grows by ${Math.ceil(grows / 1_000_000)} MB`, `${Math.floor(free / 1_000_000)} MB free`] }]
      : [];
  },
};

export const nixRules: readonly Rule[] = [trustedUsers, nixOpened, nixSettings, switchProgram, deployHost, storeSpace];
