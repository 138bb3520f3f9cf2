# Stage 2 of a test toplevel, process 1 until systemd takes its place. The lines before this one set $toplevel and define early.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
echo "<<< NixOS stage 2: $toplevel >>>"
early
ln -sfn "$toplevel" /run/booted-system
"$toplevel/activate"
exec /usr/lib/systemd/systemd "$@"
