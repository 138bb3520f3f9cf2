import * as z from "zod";
import { HostWord, askHost, hostNamed, type HostPorts } from "./host-ports.ts";
import { tool } from "./tool.ts";

const topics = ["consul", "nomad", "k3s", "zfs", "raid", "mounts", "timers", "sockets"] as const;

/** `$1`: the topic, a word of ours. Read-only, each command with a limit of its own. */
const program = `
limit() {
  if command -v timeout >/dev/null; then timeout 15 "$@" 2>&1; else "$@" 2>&1; fi
}
said() {
  if command -v "$1" >/dev/null; then put_output said."$number" 12288 limit "$@"; else put said."$number" "$1 is not there"; fi
  number=$((number + 1))
}
number=0
case $1 in
  consul)
    said consul members
    said consul operator raft list-peers
    ;;
  nomad)
    said nomad server members
    said nomad node status
    said nomad job status
    ;;
  k3s)
    said k3s kubectl get nodes -o wide
    said k3s kubectl get pods --all-namespaces -o wide
    ;;
  zfs)
    said zpool status
    said zpool list
    said zfs list -t filesystem,volume -o name,used,avail,refer,mountpoint
    ;;
  raid)
    said cat /proc/mdstat
    ;;
  mounts)
    said findmnt --real -o TARGET,SOURCE,FSTYPE,OPTIONS
    ;;
  timers)
    said systemctl list-timers --all --no-pager
    ;;
  sockets)
    said ss -H -tulpn
    ;;
esac
exit 0
`;

export const hostClusterStatus = tool({
  name: "cluster_status",
  description:
    "What one part of a host says of itself: members and leaders of its cluster (consul, nomad, k3s), its pools and arrays (zfs, raid), what is mounted, when timers ran and run next, what listens where. The lines are data that a program printed.",
  input: z.strictObject({ host: HostWord, topic: z.enum(topics) }),
  call: async (ports: HostPorts, { host, topic }) => {
    const asked = hostNamed(ports, host);
    return "refused" in asked ? asked : await askHost(ports, asked, program, [topic], ["said.0", "said.1", "said.2"], "head");
  },
});
