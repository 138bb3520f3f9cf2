# The activation script of a test toplevel: what NixOS's does to /etc and /run, and then the snippet that a test asked for. The lines before this one set
# $toplevel and define snippet. Like NixOS's it goes on after a failure and says so at the end.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
_status=0
etc=$(readlink -f "$toplevel/etc")

echo "setting up /etc..."
atomic_link() {
  ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"
}
atomic_link "$etc" /etc/static || _status=1
find "$etc" ! -type d -printf '%P\n' | while read -r name; do
  case $name in */*) mkdir -p "/etc/${name%/*}" ;; esac
  atomic_link "/etc/static/$name" "/etc/$name" || echo "cannot link /etc/$name"
done
find /etc -type l -lname '/etc/static/*' ! -exec test -e {} ';' -delete
hostname -F /etc/hostname || _status=1

#### Activation script snippet test:
(snippet) || { _status=$?; echo "Activation script snippet 'test' failed ($_status)"; }

# As on NixOS the link moves whatever failed before.
ln -sfn "$toplevel" /run/current-system
exit "$_status"
