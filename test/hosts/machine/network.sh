#!/bin/sh
# Gives the host the address that /etc/machine-network names. There is no way out of the lab's own network: no default route is set.
set -eu
read -r address </etc/machine-network
ip link set lo up
ip address replace "$address" dev host0
ip link set host0 up
