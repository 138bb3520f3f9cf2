/**
 * What a host says of its health besides what it runs, in one round trip. Read-only, each question with a time limit of its own: a disk that hangs or a cluster that
 * does not answer costs one line. Further arguments come in groups, the operator's own questions: a name, how many words, and the words of the command.
 */
export const contextProgram = `
limit() {
  limit_seconds=$1
  shift
  if command -v timeout >/dev/null; then timeout "$limit_seconds" "$@"; else "$@"; fi
}
ending() {
  ending_bytes=$1
  shift
  limit 20 "$@" 2>/dev/null | tail -c "$ending_bytes"
}
there() { command -v "$1" >/dev/null; }

put now "$(date +%s)"
put_file meminfo /proc/meminfo 8192
put_file loadavg /proc/loadavg 256
put_file pressure-memory /proc/pressure/memory 512
put_file pressure-io /proc/pressure/io 512
put_output space 8192 limit 10 df -PT -B1 -x tmpfs -x devtmpfs -x overlay -x squashfs -x efivarfs
put_output inodes 8192 limit 10 df -PTi -x tmpfs -x devtmpfs -x overlay -x squashfs -x efivarfs
# What was said at priority "err" and worse in the last hour: who said most, and the last of it.
errors() { limit 20 journalctl -q --no-pager -p 3 --since=-1h -n 2000 "$@" 2>/dev/null; }
speakers() { errors -o json --output-fields=_SYSTEMD_UNIT,SYSLOG_IDENTIFIER | sed -n 's/.*"_SYSTEMD_UNIT":"\\([^"]*\\)".*/\\1/p; t; s/.*"SYSLOG_IDENTIFIER":"\\([^"]*\\)".*/\\1/p' | sort | uniq -c | sort -rn | head -n 20; }
put_output speakers 4096 speakers
last_errors() { errors -o short-iso -n 200 | tail -c 16384; }
put_output errors 16384 last_errors
timers() {
  TZ=UTC limit 10 systemctl show --no-pager -p Id,Unit,ActiveState,LastTriggerUSec,NextElapseUSecRealtime,NextElapseUSecMonotonic -- '*.timer' 2>/dev/null
}
put_output timers 65536 timers
results() {
  systemctl list-units --all --plain --no-legend --no-pager --type=timer 2>/dev/null | cut -d ' ' -f 1 | head -n 200 | sed 's/\\.timer$/.service/' |
    limit 10 xargs systemctl show --no-pager -p Id,Result,ActiveState,ExecMainExitTimestamp -- 2>/dev/null
}
put_output results 65536 results

count=0
for certificate in /var/lib/acme/*/cert.pem /etc/letsencrypt/live/*/cert.pem; do
  [ -f "$certificate" ] && [ "$count" -lt 30 ] || continue
  put "certificate.$count.path" "$certificate"
  put_file "certificate.$count" "$certificate" 32768
  count=$((count + 1))
done

if there consul; then put_output consul 8192 limit 10 consul members; fi
if there nomad; then
  put_output nomad-jobs 8192 limit 10 nomad job status
  put_output nomad-nodes 8192 limit 10 nomad node status
fi
if there k3s; then put_output k3s 8192 limit 10 k3s kubectl get nodes -o wide
elif there kubectl && [ -r /etc/kubernetes/cluster-admin.kubeconfig ]; then put_output k3s 8192 limit 10 kubectl --kubeconfig /etc/kubernetes/cluster-admin.kubeconfig get nodes -o wide; fi
if there zpool; then
  put_output zfs-health 8192 limit 10 zpool status -x
  put_output zfs-pools 4096 limit 10 zpool list -H -o name,size,alloc,free,frag,cap,health
fi

number=0
while [ "$#" -ge 2 ]; do
  name=$1 words=$2
  shift 2
  put "asked.$number.name" "$name"
  # Each run takes its words from the front and puts what follows back in order.
  asked() (
    taken=0 total=$#
    command_words=$words
    while [ "$taken" -lt "$total" ]; do
      word=$1
      shift
      [ "$taken" -ge "$command_words" ] || set -- "$@" "$word"
      taken=$((taken + 1))
    done
    limit 30 "$@" 2>&1
  )
  put_output "asked.$number" 16384 asked "$@"
  while [ "$words" -gt 0 ]; do
    shift
    words=$((words - 1))
  done
  number=$((number + 1))
done
exit 0
`;
