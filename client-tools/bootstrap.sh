#!/usr/bin/env bash
# Brings a bare Debian (or Ubuntu) to where Distributor runs: the one set-up that the
# Makefile, the continuous tests and the Vagrant machine (provision.sh, then this at each
# start) all use.
#
# Usage: client-tools/bootstrap.sh [STEP...]     (default: packages environment image)
#
#   packages     Debian packages, by apt (through sudo for a user who is not root)
#   environment  the Python environment .venv, from constraints.txt
#   image        the guest image, by `distributor image build`
#   bridge       Debian packages of the bridge network
#   tests        Debian packages of what only some users need, and all tests: the bridge
#                network, machines that are ARM boards, a browser; and a PostgreSQL server in
#                build/, since an installed one would run from then on
#
# Each step first asks whether its work is done already; then it does, and fetches, nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
log=$root/build/setup.log
lists=/var/lib/apt/lists
lists_max_age_days=7

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

# Runs a command with its output in the log, and shows the end of it if the command fails.
quietly() {
    mkdir -p "${log%/*}"
    "$@" >"$log" 2>&1 </dev/null && return
    tail -n 15 "$log" >&2
    die "failed: $* (all of its output is in $log)"
}

# A Python that the project runs on and that can make an environment.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import sys, ensurepip, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# --- packages -------------------------------------------------------------------------

# Prints what is missing: per line the packages, then what they are for. A thing counts as
# there however it was installed, so that nobody needs rights for a package he can do without.
missing_packages() {
    find_python >/dev/null || echo "python3 python3-venv|the Python environment"
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo "ca-certificates|to fetch Python packages"
    if ! command -v gcc >/dev/null || [ ! -e "$(gcc -print-file-name=libc.a)" ] \
        || ! echo '#include <linux/types.h>' | gcc -E -xc - >/dev/null 2>&1; then
        echo "gcc libc6-dev|to compile what runs in the machines"
    fi
    command -v make >/dev/null || echo "make|to run this project's commands"
    command -v zstd >/dev/null || echo "zstd|to unpack the guest's kernel, from Debian 13 on"
    command -v qemu-system-x86_64 >/dev/null || echo "qemu-system-x86|to run the machines"
}

# Sets the array become_root, or fails if there is no way to become root.
find_root() {
    become_root=()
    [ "$(id -u)" = 0 ] && return
    become_root=(sudo)
    command -v sudo >/dev/null
}

# Has sudo ask for a password, if it needs one, where the question can be seen: quietly()
# would hide it. (`sudo -v` alone asks also who needs none for a command.)
become_root_now() {
    [ ${#become_root[@]} = 0 ] || sudo -n true 2>/dev/null || sudo -v
}

apt() {
    quietly "${become_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

missing_bridge_packages() {
    command -v dnsmasq >/dev/null || [ -x /usr/sbin/dnsmasq ] \
        || echo "dnsmasq-base|addresses of the bridge network"
}

# The same for what the tests need beside it.
missing_test_packages() {
    local compiler
    missing_bridge_packages
    command -v tc >/dev/null || [ -x /sbin/tc ] || echo "iproute2|networks that lose packets"
    command -v qemu-system-arm >/dev/null && command -v qemu-system-aarch64 >/dev/null \
        || echo "qemu-system-arm|ARM machines"
    for compiler in "aarch64-linux-gnu arm64" "arm-linux-gnueabihf armhf"; do
        command -v "${compiler% *}-gcc" >/dev/null \
            || echo "gcc-${compiler% *} libc6-dev-${compiler#* }-cross|to compile what runs in ARM machines"
    done
    command -v chromium >/dev/null || echo "chromium|the tests of pages"
}

# Installs what the command $1 prints.
install_missing() {
    local missing names="" why="" package_names reason
    missing=$("$1")
    [ -n "$missing" ] || return 0
    while IFS='|' read -r package_names reason; do
        names+=" $package_names"
        why+="${why:+; }$package_names ($reason)"
    done <<<"$missing"
    command -v apt-get >/dev/null \
        || die "this host has no apt-get; install what these Debian packages hold: $why"
    find_root || die "Debian packages are missing, and there is no sudo: $why. As root, run: apt-get update && apt-get install --no-install-recommends$names"
    say "installs Debian packages${become_root:+ through sudo}: $why"
    become_root_now || die "sudo refused; as root, run: apt-get update && apt-get install --no-install-recommends$names"
    apt update
    # shellcheck disable=SC2086  # a list of names
    apt install --no-install-recommends $names
    missing=$("$1")
    [ -z "$missing" ] \
        || die "still missing after apt-get: ${missing//$'\n'/; }. Python must be 3.11 to 3.13."
}

packages() { install_missing missing_packages; }

bridge() { install_missing missing_bridge_packages; }

tests() {
    install_missing missing_test_packages
    postgresql
}

# Unpacks the server and the libraries that it needs and this host lacks. Takes no rights.
postgresql() {
    local folder=$root/build/postgresql package deb
    ! command -v postgres >/dev/null || return 0
    ! compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || return 0
    [ ! -d "$folder" ] || return 0
    # Debian's package of that name depends on that of the version.
    package=$(apt-cache depends postgresql | awk '/Depends: postgresql-[0-9]+$/ { print $2 }')
    [ -n "$package" ] || die "apt's lists have no postgresql: apt-get update"
    say "unpacks $package into build/postgresql, for the tests of its stores"
    rm -rf "$folder.new"
    mkdir -p "$folder.new/packages/partial"
    quietly apt-get -q -y --no-install-recommends --download-only -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="$folder.new/packages" install "$package"
    for deb in "$folder.new/packages"/*.deb; do
        quietly dpkg-deb -x "$deb" "$folder.new"
    done
    rm -r "$folder.new/packages"
    mv "$folder.new" "$folder"
}

# --- environment ----------------------------------------------------------------------

environment() {
    local venv=$root/.venv python place content
    python=$(find_python) || die "no Python 3.11 to 3.13 with venv: run the step packages first"
    # An environment holds absolute paths, and one Python's packages.
    place="$root $("$python" -c 'import sys; print(*sys.version_info[:3], sep=".")')"
    content=$(cat "$root/constraints.txt" "$root/pyproject.toml" | sha256sum | cut -d' ' -f1)
    [ "$(cat "$venv/.set-up" 2>/dev/null)" != "$place $content" ] || return 0
    say "makes the Python environment .venv"
    local clear=--clear
    case $(cat "$venv/.set-up" 2>/dev/null) in "$place "*) clear= ;; esac
    rm -f "$venv/.set-up"
    # shellcheck disable=SC2086  # empty or one word
    quietly "$python" -m venv $clear "$venv"
    pip() { quietly "$venv/bin/python" -m pip --disable-pip-version-check --no-input -q "$@"; }
    # Of these two there are only sources, of pure Python.
    pip install --require-hashes --only-binary :all: --no-binary simso,simpy \
        -r "$root/constraints.txt"
    pip install --no-deps --no-build-isolation -e "$root"
    echo "$place $content" >"$venv/.set-up"
}

# --- image ----------------------------------------------------------------------------

fresh_lists() {
    [ -n "$(find "$lists" -maxdepth 1 -name '*_Packages*' -mtime -$lists_max_age_days -print -quit)" ]
}

image() {
    local distributor=$root/.venv/bin/distributor
    "$distributor" image show >/dev/null 2>&1 && return
    # The kernel is a Debian package, and where it is to be had is said by apt's lists.
    if command -v apt-get >/dev/null && ! fresh_lists; then
        if find_root && become_root_now; then
            say "refreshes apt's lists${become_root:+ through sudo}, to find the guest's kernel"
            apt update
        else
            say "apt's lists are missing or old, and only root can refresh them: apt-get update"
        fi
    fi
    say "builds the guest image"
    "$distributor" image build
}

# One set-up of a checkout at a time. (flock is in util-linux, which Debian always has.)
exec 9<"$root"
flock 9

[ $# -gt 0 ] || set -- packages environment image
for step in "$@"; do
    case $step in
        packages | environment | image | bridge | tests) "$step" ;;
        *) die "no step $step; the steps are packages, environment, image, bridge and tests" ;;
    esac
done
