# The machine that Alertmanager runs on: it receives alerts and starts the workflow goal.yml for them.
# imports = [ nixos-deploy-gate.nixosModules.default ];
{
  services.nixos-deploy-gate.listener = {
    enable = true;
    repository = "me/fleet";
    apiUrl = "https://codeberg.org/api/v1";
    # Reached by the hosts over the VPN; Alertmanager is on this machine.
    address = "10.0.0.5:9105";
    # May start workflows of that repository and nothing more.
    tokenFile = "/run/secrets/deploy-gate-forge-token";
    secretFile = "/run/secrets/deploy-gate-alert-secret";
  };
  networking.firewall.interfaces.wg0.allowedTCPPorts = [ 9105 ];

  systemd.services.alertmanager.serviceConfig.LoadCredential = "deploy-gate-secret:/run/secrets/deploy-gate-alert-secret";
}
