# A host whose failed services are told to the listener, with the last lines of their journals.
# imports = [ nixos-deploy-gate.nixosModules.default ];
{
  services.nixos-deploy-gate.onFailure = {
    enable = true;
    url = "http://10.0.0.5:9105/alert";
    secretFile = "/run/secrets/deploy-gate-alert-secret";
    units = [
      "nginx"
      "postgresql"
      "restic-backups-offsite"
    ];
  };

  # Any other unit can say it itself, a timer's service as well.
  systemd.services.sync-photos.onFailure = [ "nixos-deploy-gate-failed@%n.service" ];
}
