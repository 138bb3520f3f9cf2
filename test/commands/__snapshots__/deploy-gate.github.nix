# What nixos-deploy-gate may do with the machines of this flake. It is in force as an output of flake.nix:
#
#   deployGate = import ./deploy-gate.nix;
#
# A host without deploy = true is built, compared and reported, and never contacted. Every key: docs/policy.md of nixos-deploy-gate.
{
  # true hands a host to the gate. It is reached by its own name, or where this says:
  #   "7seven".target.hostname = "192.0.2.1";
  hosts = {
    "7seven".deploy = false;
    "gw.example.org".deploy = false; # reached as deploy.nodes of deploy-rs says
    "in".deploy = false;
    web-1.deploy = false; # reached as deploy.nodes of deploy-rs says
  };

  # Who logs in on the hosts: root, or somebody with sudo without a password.
  apply.user = "root";

  # Who may let held changes pass. Without it, whoever may write to the repository.
  # approval.by = [ "ada" ];

  # Machines that go one after the other, and when they may be rebooted; a host joins with group = "web".
  # groups.web = {
  #   maxUnavailable = 1;
  #   reboot.windows = [ { days = [ "sun" ]; from = "02:00"; to = "05:00"; zone = "Europe/Berlin"; } ];
  # };
}
