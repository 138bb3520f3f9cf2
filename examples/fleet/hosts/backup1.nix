# Backups of everything, nightly.
{ pkgs, ... }:
{
  packages = [ pkgs.restic ];
  units."backup.service" = ''
    [Unit]
    Description=Nightly backup

    [Service]
    Type=oneshot
    ExecStart=${pkgs.restic}/bin/restic backup /srv
    X-RestartIfChanged=false
  '';
  units."backup.timer" = ''
    [Unit]
    Description=Nightly backup

    [Timer]
    OnCalendar=*-*-* 02:30:00
    Persistent=true
  '';
}
