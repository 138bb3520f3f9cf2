# Who is told where something needs a person: a message into a room of Matrix. The file holds three lines, the homeserver's address, the room's id and an access token, and
# belongs to the user that the gate runs as. The command needs curl and jq on the gate's machine.
{
  deployGate.notify.command = [
    "/bin/sh"
    "-euc"
    ''
      message=$(cat)
      { read -r server; read -r room; read -r token; } </etc/nixos-deploy-gate/matrix
      room=$(printf '%s' "$room" | jq -rR @uri)
      printf '%s' "$message" | jq '{ msgtype: "m.text", body: (.title + "\n\n" + .text) }' |
        curl --silent --show-error --fail --max-time 20 --output /dev/null --request PUT \
          --header @- --data-binary @/dev/fd/3 "$server/_matrix/client/v3/rooms/$room/send/m.room.message/$(date +%s)-$$" 3<&0 <<HEADERS
      Authorization: Bearer $token
      Content-Type: application/json
      HEADERS
    ''
  ];
}
