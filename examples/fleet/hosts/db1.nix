# The database.
{ pkgs, ... }:
let
  postgresql = pkgs.postgresql "16.9";
in
{
  packages = [ postgresql ];
  ports = [ 22 5432 ];
  units."postgresql.service" = ''
    [Unit]
    Description=PostgreSQL Server
    After=network.target

    [Service]
    Environment="PGDATA=/var/lib/postgresql/16"
    ExecStart=${postgresql}/bin/postgres
    User=postgres
    StateDirectory=postgresql
    Restart=always
  '';
  users.postgres = { uid = 71; group = "postgres"; home = "/var/lib/postgresql"; isSystemUser = true; };
}
