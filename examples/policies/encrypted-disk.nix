# A host whose disk is opened by a passphrase at boot: changes are deployed and a new kernel becomes the boot default, but nothing reboots it while nobody is there. The
# report says for how long it has been pending; a person types: nixos-deploy-gate reboot --now --hosts vault
{
  hosts.vault = {
    deploy = true;
    target.jump = [ "admin@gateway.example.net" ];
    checks = [
      {
        type = "tcp";
        address = "vault.example.net";
        port = 8200;
      }
    ];
    reboot = {
      attended = true;
      windows = "any";
      expectedSeconds = 900;
      returnSeconds = 7200;
      overdueHours = 336;
    };
  };
}
