# Who is told where something needs a person: a service that takes JSON by POST: { schema, key, title, text,
# urgent, flake, revision, url, hosts, escalations }. The same trouble has the same key in every run.
{
  deployGate.notify.webhook = "https://alerts.example.org/hooks/deploy-gate";
}
