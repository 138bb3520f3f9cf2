# A fleet that is looked after: a session looks at it every morning, at every alert and every failed unit, and does little by itself.
# In flake.nix: outputs.deployGate = import ./deploy-gate.nix;
# What starts the goals is beside it: examples/workflows/*/goal.yml, and examples/alerting for Alertmanager and for units that fail. examples/stewardship has it all together.
{
  hosts = {
    web1 = {
      deploy = true;
      reboot.windows = [
        {
          from = "03:00";
          to = "05:00";
          zone = "Europe/Berlin";
        }
      ];
    };
    db1 = {
      deploy = true;
      # A person is there when the database goes away.
      reboot.windows = "never";
    };
  };

  # What a session is told besides what the gate asks by itself: fixed words, read-only, as root on the host.
  context.commands = {
    backups = {
      command = [
        "restic-offsite"
        "snapshots"
        "--latest"
        "3"
      ];
      hosts = [ "db1" ];
    };
  };

  goals = {
    # Nobody's idea of an improvement reaches further than this.
    paths = [
      "hosts/**"
      "modules/**"
    ];
    by = {
      # Begin with observing all of them, for weeks. Then allow what you would have done yourself each time.
      health-check = {
        autonomy = "act";
        actions = [
          "restart-unit"
          "collect-garbage"
        ];
        # The database is looked at by a person.
        hosts = [ "web*" ];
        usd = 1;
        minutes = 15;
      };
      # An alert is written by whoever makes a program print a line. It may propose, and a person merges.
      incident = {
        autonomy = "propose";
        usd = 3;
        minutes = 20;
      };
      intent = {
        autonomy = "propose";
        usd = 8;
      };
      # proactive and explore are not here: they observe.
    };
  };

  # All sessions of a day together, whatever starts them.
  sessionSettings.dayUsd = 10;
}
