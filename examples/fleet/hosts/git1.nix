# The forge.
{ pkgs, ... }:
{
  packages = [ pkgs.forgejo ];
  ports = [ 22 3000 ];
  units."forgejo.service" = ''
    [Unit]
    Description=Forgejo
    After=network.target

    [Service]
    ExecStart=${pkgs.forgejo}/bin/forgejo web
    User=forgejo
    StateDirectory=forgejo
    Restart=always
  '';
}
