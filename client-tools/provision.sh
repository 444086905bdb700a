#!/usr/bin/env bash
# Once, for a machine that is there for Distributor alone, as Vagrant's: the set-up that
# bootstrap.sh makes anywhere, with what the bridge network needs; then the command on the
# path, KVM for this user, and the service, ready to be turned on.
#
# May be run again: what is done already is not done twice.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${here%/*}
become_root=()
[ "$(id -u)" = 0 ] || become_root=(sudo)

"$here/bootstrap.sh" packages bridge environment image

"${become_root[@]}" ln -sfn "$root/.venv/bin/distributor" /usr/local/bin/distributor
if getent group kvm >/dev/null; then
    "${become_root[@]}" usermod -aG kvm "$(id -un)"
fi

units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
mkdir -p "$units"
ln -sfn "$here/distributor.service" "$units/distributor.service"
# Where systemd runs: from the machine's start on, whether its user is logged in or not.
if [ -d /run/systemd/system ]; then
    "${become_root[@]}" loginctl enable-linger "$(id -un)"
fi

echo "Ready. Try: distributor doctor; distributor run examples/demo.py"
echo "As a service, from each start on: systemctl --user enable --now distributor"
