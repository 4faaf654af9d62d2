#!/usr/bin/env bash
# Installs what `make test-peers` holds Watchtower against: Debian's prometheus, which brings promtool.
# Does nothing where both are there already.
set -euo pipefail

missing=()
for tool in promtool prometheus; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "peers: $(promtool --version 2>&1 | head -n 1)"
    exit 0
fi

give_up() {
    echo "peers: ${missing[*]} not found, and $1; install Prometheus by hand so that both are on the PATH" >&2
    exit 1
}

command -v apt-get >/dev/null || give_up "this is no Debian: there is no apt-get"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || give_up "apt-get needs root: there is no sudo"
    as_root=(sudo)
fi

echo "peers: ${missing[*]} not found; installing Debian's prometheus"
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 prometheus >/dev/null
}
# A package index that is old names versions the mirror no longer has; so a failure is tried once with a new one.
install || { "${as_root[@]}" apt-get update -qq && install; } || give_up "apt-get could not install prometheus"

for tool in promtool prometheus; do
    command -v "$tool" >/dev/null || give_up "Debian's prometheus did not bring $tool"
done
echo "peers: $(promtool --version 2>&1 | head -n 1)"
