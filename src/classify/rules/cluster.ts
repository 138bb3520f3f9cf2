import { changedTexts } from "../changed-texts.ts";
import { signed } from "../changed-lines.ts";
import { clusters, isMember, roleIn, runsHere } from "../cluster-role.ts";
import { ask, type Rule, type Sighting } from "../rule.ts";
import { evidenceOf, interrupted, interrupts } from "../unit-view.ts";

/** Settings by which members find, trust and count each other. */
const membership =
  /server|retry[-_]?join|start[-_]?join|bootstrap|initial[-_]cluster|cluster[-_]?(init|address|name|id|token|cidr|dns)|join|peer|tls|cert|ca_?file|key_?file|encrypt|gossip|verify_|rpc|advertise|bind|client_addr|addresses|listen-?(client|peer)|datacenter|region|node[-_]?name|node[-_]?(ip|id)|token|acl|raft|autopilot|quorum|wsrep|datastore|flannel|service-cidr|disable|virtual_router_id|virtual_ipaddress|priority|auth_pass|state\s+(MASTER|BACKUP)|interface|vrrp|mon[-_]?(host|initial)|fsid|seal|storage/i;
/** What a Nomad client offers to jobs: a job that asks for what is gone can no longer be placed. */
const offered = /host_volume|host_network|plugin|node_class|node_pool|csi|"?drivers?"?\s*[:=]|reserved|"?meta"?\s*[:={]|enabled/i;

export const clusterSettings: Rule = {
  id: "cluster-settings",
  family: "cluster",
  verdict: "risky",
  title: "How a cluster member finds, trusts or counts the others changes",
  hazard:
    "A member that does not join again, or is refused, can cost the cluster its majority; members that lack the new setting are cut off.",
  check: "Roll it out one member at a time, and look at the member list after each.",
  see: (context) =>
    clusters
      .filter((cluster) => runsHere(context, cluster))
      .flatMap((cluster) => {
        const role = roleIn(context, cluster);
        return changedTexts(context.diff)
          .filter(
            (text) =>
              text.change === "changed" &&
              (cluster.units.test(text.source.split(" → ")[0] ?? "") ||
                new RegExp(String.raw`(^|[/ .-])${cluster.name}([/ .-]|$)`).test(text.source)) &&
              !/\.(age|sops)$/.test(text.source),
          )
          .flatMap((text): Sighting[] => {
            const bare = (line: string): string =>
              line
                .replaceAll(/\/nix\/store\/[^/\s"]+/g, "…")
                .replace(/^(\s*)(Environment|Description|Documentation|After|Before|Wants|Requires|X-\w[\w-]*|PATH)=.*/, "$1");
            const wanted =
              cluster.name === "nomad" && role !== "server"
                ? (line: string): boolean => membership.test(line) || offered.test(line)
                : (line: string): boolean => membership.test(line) || (cluster.name === "nomad" && offered.test(line));
            const reordered = (lines: readonly string[]): string =>
              lines
                .map((line) => bare(line).replace(/,\s*$/, "").trim())
                .filter(Boolean)
                .toSorted()
                .join("\n");
            if (reordered(text.lines.removed) === reordered(text.lines.added)) return [];
            const lines = signed(text.lines, (line) => wanted(bare(line)));
            return lines.length === 0 ? [] : [{ subject: `${cluster.name}: ${text.source}`, evidence: lines }];
          });
      }),
};

export const clusterName: Rule = {
  id: "cluster-node-name",
  family: "cluster",
  verdict: "risky",
  title: "A cluster member gets another host name",
  hazard: "The cluster sees a new node and keeps the old one as dead: votes, volumes and jobs stay with a member that never comes back.",
  check: "Remove the old member first, or set the node's name apart from the host's.",
  see: (context): Sighting[] => {
    const renamed = context.diff.files.filter((file) => file.path === "/etc/hostname" && !file.hashOnly && file.change === "changed");
    const here = clusters.filter((cluster) => runsHere(context, cluster)).map((cluster) => cluster.name);
    const tagged = (context.facts.tags ?? []).filter((tag) =>
      clusters.some((cluster) => cluster.serverTag.test(tag) || (cluster.clientTag.source !== "^$" && cluster.clientTag.test(tag))),
    );
    return renamed.length === 0 || here.length + tagged.length === 0
      ? []
      : [
          {
            subject: [...here, ...tagged].join(", "),
            evidence: renamed.flatMap((file) => file.diff.split("\n").filter((line) => /^[+-][^+-]/.test(line))),
          },
        ];
  },
};

export const clusterTogether: Rule = {
  id: "cluster-members-together",
  family: "cluster",
  verdict: "risky",
  title: "Members of one cluster restart in one deploy",
  hazard: "With more than a minority of its members down at once the cluster loses its leader, and a virtual address its holder.",
  check: "Deploy one member, wait until it is back in the list, then the next.",
  see: (context) =>
    clusters
      .filter((cluster) => isMember(context, cluster))
      .flatMap((cluster): Sighting[] => {
        const changes = interrupted(context, cluster.units);
        if (changes.length === 0) return [];
        const peers = context.facts.peersInSameDeploy;
        const asked = ask(context, {
          fact: "peersInSameDeploy",
          when: `other members of ${cluster.name} are deployed with it`,
          answer: peers === undefined ? undefined : peers.length > 0,
          plain: "clean",
          careful: "risky",
        });
        if (asked.verdict === "clean" && asked.settledBy === undefined) return [];
        return [
          {
            subject: cluster.name,
            evidence: [...changes.map(evidenceOf), ...(peers ?? []), ...asked.note],
            verdict: asked.verdict,
            settledBy: asked.settledBy,
          },
        ];
      }),
};

export const clusterGone: Rule = {
  id: "cluster-unit-removed",
  family: "cluster",
  verdict: "risky",
  title: "A cluster member goes",
  hazard: "Its vote and everything that runs on it are gone with the switch.",
  check: "Has it left the cluster and been drained?",
  see: ({ diff, after }) =>
    diff.units
      .filter(
        (change) =>
          clusters.some((cluster) => cluster.units.test(change.name)) &&
          (change.change === "removed" || (after.units.get(change.name)?.masked === true && interrupts(change))),
      )
      .map((change) => ({ subject: change.name, evidence: [evidenceOf(change)] })),
};

export const clusterRules: readonly Rule[] = [clusterSettings, clusterName, clusterTogether, clusterGone];
