# The public web server.
{ pkgs, text, ... }:
{
  packages = [ pkgs.nginx ];
  ports = [ 22 80 443 ];
  units."nginx.service" =
    let
      conf = text "nginx.conf" ''
        worker_processes auto;
        http {
          server { listen 443 ssl; server_name example.org; root /srv/www; }
        }
      '';
    in
    ''
      [Unit]
      Description=Nginx Web Server
      After=network.target

      [Service]
      ExecStart=${pkgs.nginx}/bin/nginx -c ${conf}
      Restart=always
    '';
}
