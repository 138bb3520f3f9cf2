# One server that everything runs on: nobody takes over while it is away, so it goes on Sunday mornings, and not at all over the holidays.
# In flake.nix: outputs.deployGate = import ./deploy-gate.nix;
{
  hosts.attic = {
    deploy = true;
    target = {
      hostname = "attic.example.net";
      user = "deploy";
    };
    checks = [
      {
        type = "http";
        url = "https://cloud.example.net/status.php";
        contains = ''"installed":true'';
      }
    ];
    reboot = {
      windows = [
        {
          days = [ "sun" ];
          from = "04:00";
          to = "06:00";
          zone = "Europe/Berlin";
        }
      ];
      blackout = [
        {
          from = "2026-12-24";
          to = "2027-01-02";
        }
      ];
      # A backup that is running is not cut off: exit code 0 lets the reboot go.
      inhibit = [
        [
          "sh"
          "-c"
          "! systemctl is-active --quiet restic-backups-offsite.service"
        ]
      ];
      # It checks its disks once in a while.
      returnSeconds = 3600;
    };
  };
}
