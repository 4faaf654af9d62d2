#!/usr/bin/env bash
# Installs what `make test-peers` holds Watchtower against: Debian's prometheus, which brings promtool,
# prometheus-alertmanager, which brings amtool, and iproute2, whose ip cuts a prober's network. Does nothing where all are there already.
set -euo pipefail

declare -A package=([promtool]=prometheus [prometheus]=prometheus [amtool]=prometheus-alertmanager [ip]=iproute2)

look() {
    missing=()
    for tool in promtool prometheus amtool ip; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
}

there() {
    echo "peers: $(promtool --version 2>&1 | head -n 1); $(amtool --version 2>&1 | head -n 1)"
    exit 0
}

give_up() {
    echo "peers: ${missing[*]} not found, and $1; install them by hand so that they are on the PATH" >&2
    exit 1
}

look
[ ${#missing[@]} -gt 0 ] || there

command -v apt-get >/dev/null || give_up "this is no Debian: there is no apt-get"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || give_up "apt-get needs root: there is no sudo"
    as_root=(sudo)
fi

mapfile -t packages < <(for tool in "${missing[@]}"; do echo "${package[$tool]}"; done | sort -u)
echo "peers: ${missing[*]} not found; installing Debian's ${packages[*]}"
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 "${packages[@]}" >/dev/null
}
# A package index that is old names versions the mirror no longer has; so a failure is tried once with a new one.
install || { "${as_root[@]}" apt-get update -qq && install; } || give_up "apt-get could not install ${packages[*]}"

look
[ ${#missing[@]} -eq 0 ] || give_up "Debian's ${packages[*]} did not bring them"
there
