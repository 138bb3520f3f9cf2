import type { RuleContext } from "./rule.ts";
import { values } from "./unit-view.ts";

export type Role = "server" | "client" | "unknown";

export type Cluster = {
  readonly name: string;
  readonly packages: RegExp;
  readonly units: RegExp;
  readonly serverTag: RegExp;
  readonly clientTag: RegExp;
  /** An argument or setting that only a voting member has. */ readonly serverSign: RegExp;
};

/** Systems that stay up by a majority: what a member does matters to all of them. */
export const clusters: readonly Cluster[] = [
  {
    name: "consul",
    packages: /^consul$/,
    units: /^consul\.service$/,
    serverTag: /consul[-_]?server/,
    clientTag: /consul[-_]?(client|agent)/,
    serverSign: /\bbootstrap[-_]expect\b|(^|\s)-server\b|"server"\s*:\s*true|\bserver\s*=\s*true/,
  },
  {
    name: "nomad",
    packages: /^nomad$/,
    units: /^nomad\.service$/,
    serverTag: /nomad[-_]?server/,
    clientTag: /nomad[-_]?(client|agent|worker)/,
    serverSign: /bootstrap_expect|"server"\s*:\s*\{[^}]*"enabled"\s*:\s*true|server\s*\{[^}]*enabled\s*=\s*true/,
  },
  {
    name: "vault",
    packages: /^(vault|openbao)$/,
    units: /^(vault|openbao)\.service$/,
    serverTag: /vault[-_]?server|openbao/,
    clientTag: /vault[-_]?agent/,
    serverSign: /storage\s+"?raft|"raft"/,
  },
  { name: "etcd", packages: /^etcd$/, units: /^etcd\.service$/, serverTag: /etcd/, clientTag: /etcd[-_]?(client|proxy)/, serverSign: /./ },
  {
    name: "k3s",
    packages: /^(k3s|rke2|k0s)$/,
    units: /^(k3s|rke2.*|k0s.*)\.service$/,
    serverTag: /(k3s|rke2|k0s|kubernetes)[-_]?(server|master|controller|control)|control[-_]?plane|embedded-etcd/,
    clientTag: /(k3s|rke2|k0s|kubernetes)[-_]?(agent|worker|client|node)/,
    serverSign: /\/bin\/(k3s|rke2) server\b|k0s controller/,
  },
  {
    name: "kubernetes",
    packages: /^kubernetes$/,
    units: /^(kube.*|kubelet)\.service$/,
    serverTag: /(kubernetes|kube|k8s)[-_]?(server|master|control\w*)|control[-_]?plane/,
    clientTag: /(kubernetes|kube|k8s)[-_]?(node|worker|agent)/,
    serverSign: /kube-apiserver/,
  },
  {
    name: "galera",
    packages: /^(mariadb(-server)?|galera.*)$/,
    units: /^mysql\.service$/,
    serverTag: /galera/,
    clientTag: /^$/,
    serverSign: /wsrep_cluster_address|wsrep_on/,
  },
  {
    name: "patroni",
    packages: /^patroni$/,
    units: /^patroni\.service$/,
    serverTag: /patroni|postgres[-_]?(ha|replica|primary)/,
    clientTag: /^$/,
    serverSign: /./,
  },
  {
    name: "ceph",
    packages: /^ceph(_.*)?$/,
    units: /^ceph-(mon|mgr|osd|mds).*\.service$/,
    serverTag: /ceph/,
    clientTag: /ceph[-_]?client/,
    serverSign: /./,
  },
  {
    name: "rabbitmq",
    packages: /^rabbitmq-server$/,
    units: /^rabbitmq\.service$/,
    serverTag: /rabbitmq/,
    clientTag: /^$/,
    serverSign: /cluster_formation/,
  },
  {
    name: "zookeeper",
    packages: /^(zookeeper|apache-kafka)$/,
    units: /^(zookeeper|apache-kafka|kafka)\.service$/,
    serverTag: /zookeeper|kafka/,
    clientTag: /^$/,
    serverSign: /server\.\d+=|controller\.quorum/,
  },
  {
    name: "keepalived",
    packages: /^keepalived$/,
    units: /^keepalived\.service$/,
    serverTag: /keepalived|vrrp|\bvip\b/,
    clientTag: /^$/,
    serverSign: /./,
  },
];

const configuration = (context: RuleContext, cluster: Cluster): string => {
  const units = [...context.after.units.values(), ...(context.before?.units.values() ?? [])]
    .filter((unit) => cluster.units.test(unit.name))
    .flatMap((unit) => values(unit, "Service", "ExecStart"));
  const files = [...context.after.etc].filter(([path]) => path.includes(cluster.name)).map(([, file]) => file.text ?? "");
  return [...units, ...files].join("\n");
};

export function roleIn(context: RuleContext, cluster: Cluster): Role {
  const tags = context.facts.tags;
  if (tags?.some((tag) => cluster.serverTag.test(tag) && !cluster.clientTag.test(tag)) === true) return "server";
  if (cluster.serverSign.test(configuration(context, cluster))) return "server";
  if (tags?.some((tag) => cluster.clientTag.test(tag)) === true) return "client";
  // Tags that are known and say nothing of this cluster are no proof that the host is only a client.
  return tags === undefined ? "unknown" : "server";
}

/** The part that this host has in the cluster that the package belongs to; undefined where the package is no cluster's. */
export function clusterRole(context: RuleContext, packageName: string): Role | undefined {
  const cluster = clusters.find(
    (entry) => entry.packages.test(packageName) && !["galera", "zookeeper", "rabbitmq", "keepalived"].includes(entry.name),
  );
  return cluster === undefined ? undefined : roleIn(context, cluster);
}

export const runsHere = (context: RuleContext, cluster: Cluster): boolean =>
  [context.before, context.after].some((system) => [...(system?.units.keys() ?? [])].some((name) => cluster.units.test(name)));

export const isMember = (context: RuleContext, cluster: Cluster): boolean =>
  runsHere(context, cluster) &&
  (cluster.serverSign.source === "." || roleIn(context, cluster) === "server") &&
  (!["galera", "rabbitmq", "zookeeper"].includes(cluster.name) ||
    cluster.serverSign.test(configuration(context, cluster)) ||
    (context.facts.tags ?? []).some((tag) => cluster.serverTag.test(tag)));
