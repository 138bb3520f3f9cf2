# A fleet that is looked after, with everything that starts a goal: a schedule and a hand (../workflows/*/goal.yml), an alert (watch1 and its Alertmanager), and a unit that
# fails (every host). Three machines: a web server, a database, and the one that hears. In a repository of your own the files that this one imports lie beside it.
{
  description = "A fleet that is looked after";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
  # The commit of the release that you have read.
  inputs.nixos-deploy-gate.url = "git+https://code.example.org/your-organisation/nixos-deploy-gate?rev=0000000000000000000000000000000000000000";

  outputs =
    { nixpkgs, nixos-deploy-gate, ... }:
    let
      everyHost = hostName: {
        networking.hostName = hostName;
        nixpkgs.hostPlatform = "x86_64-linux";
        # Who may deploy here; docs/nixos-module.md has the helper, with which this key is not root.
        services.openssh.enable = true;
        services.nixos-deploy-gate.target = {
          enable = true;
          grantsRoot = true;
          authorizedKeys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZx0wtT1w2Z3VtCqdZC4gPLgHpDFLrqhVw3YUQ0RGVw deploy-gate" ];
        };
        # A unit that fails is told to watch1, with what it said.
        services.nixos-deploy-gate.onFailure = {
          enable = true;
          url = "http://10.0.0.5:9105/alert";
          secretFile = "/run/secrets/deploy-gate-alert-secret";
        };
      };
      host =
        name: module:
        nixpkgs.lib.nixosSystem {
          modules = [
            nixos-deploy-gate.nixosModules.default
            (everyHost name)
            module
          ];
        };
    in
    {
      nixosConfigurations = builtins.mapAttrs host {
        web1 = {
          services.nginx.enable = true;
          services.nixos-deploy-gate.onFailure.units = [ "nginx" ];
        };
        db1 = {
          services.postgresql.enable = true;
          services.nixos-deploy-gate.onFailure.units = [ "postgresql" ];
        };
        # Alertmanager (../alerting/alertmanager.yml is its configuration) and the listener, which starts goal.yml.
        watch1 = {
          imports = [ ../alerting/listener.nix ];
          services.prometheus.alertmanager.enable = true;
          services.nixos-deploy-gate.onFailure.units = [ "alertmanager" ];
        };
      };

      # What goals may do here: little, and written down.
      deployGate = import ../policies/stewardship.nix;
    };
}
