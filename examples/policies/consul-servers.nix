# Three servers of consul and nomad: two of them have to be there at every moment, so one goes at a time, and the next one only when it is back and verified.
let
  server = {
    deploy = true;
    group = "consul";
    checks = [
      {
        type = "unit";
        unit = "consul.service";
      }
      {
        # Health of the raft as this server sees it: 200 while everybody is well.
        type = "http";
        url = "http://127.0.0.1:8500/v1/operator/autopilot/health";
        from = "host";
        contains = ''"Healthy":true'';
        retries = 20;
        intervalSeconds = 6;
      }
    ];
  };
in
{
  hosts = {
    server1 = server // {
      canary = true;
    };
    server2 = server;
    server3 = server;
  };
  groups.consul = {
    quorum = true;
    maxUnavailable = 1;
    order = 10;
    reboot = {
      windows = [
        {
          days = [
            "tue"
            "wed"
            "thu"
          ];
          from = "22:00";
          to = "02:00";
          zone = "Europe/Vienna";
        }
      ];
      # Both may be run twice. What is drained and does not come back as planned stays drained.
      drain = [
        "nomad"
        "node"
        "drain"
        "-self"
        "-enable"
        "-yes"
        "-deadline"
        "10m"
      ];
      undrain = [
        "nomad"
        "node"
        "drain"
        "-self"
        "-disable"
        "-yes"
      ];
      commandSeconds = 900;
      overdueHours = 168;
    };
  };
}
