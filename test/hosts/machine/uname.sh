#!/bin/sh
# uname of a test host: a container cannot have a kernel of its own, so the release is what the loader said it booted.
for word in "$@"; do
  case $word in
  -r | --kernel-release) exec cat /proc/sys/kernel/osrelease ;;
  esac
done
exec /usr/bin/uname "$@"
