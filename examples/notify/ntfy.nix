# Who is told where something needs a person: a message to a topic of ntfy, which rings a phone. The file holds the whole address, https://ntfy.example.org/TOPIC, and
# belongs to the user that the gate runs as. The command needs curl and jq on the gate's machine. The same trouble keeps its key, so that a new message follows the old one.
{
  deployGate.notify.command = [
    "/bin/sh"
    "-euc"
    ''
      message=$(cat)
      field() { printf '%s' "$message" | jq -r "$1"; }
      field .text | curl --silent --show-error --fail --max-time 20 \
        --header "Title: $(field '.title | gsub("[^ -~]"; "?")')" \
        --header "Priority: $(field 'if .urgent then "urgent" else "default" end')" \
        --header "X-Key: $(field .key)" \
        --data-binary @- "$(cat /etc/nixos-deploy-gate/ntfy-address)"
    ''
  ];
}
