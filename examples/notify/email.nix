# Who is told where something needs a person: an e-mail by the machine's own sendmail. Messages about the same trouble are one thread, since they refer to its key.
# jq has to be on the gate's machine.
{
  deployGate.notify.command = [
    "/bin/sh"
    "-euc"
    ''
      message=$(cat)
      field() { printf '%s' "$message" | jq -r "$1"; }
      {
        echo "To: operators@example.org"
        echo "From: Deploy gate <deploy-gate@example.org>"
        # Printable ASCII only, so that nothing in it ends the line and begins another one.
        echo "Subject: $(field '.title | gsub("[^ -~]"; "?")')"
        echo "References: <$(field .key)@deploy-gate.example.org>"
        echo "MIME-Version: 1.0"
        echo "Content-Type: text/plain; charset=utf-8"
        echo
        field .text
      } | /run/wrappers/bin/sendmail -t -i
    ''
  ];
}
