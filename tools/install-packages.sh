#!/bin/bash
# install-packages.sh SECTION...: installs the packages of these sections of packages.txt that are
# missing. Does nothing, and needs no rights, when none is.
set -euo pipefail

list=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/packages.txt

wanted=()
for section in "$@"; do
    mapfile -t found < <(awk -v section="$section" '$1 == section { print $2 }' "$list")
    [[ ${#found[@]} -gt 0 ]] || { echo "$0: no section '$section' in $list" >&2; exit 2; }
    wanted+=("${found[@]}")
done
[[ ${#wanted[@]} -gt 0 ]] || { echo "usage: $0 SECTION..." >&2; exit 2; }

if ! command -v dpkg-query >/dev/null; then
    echo "This system has no Debian packages; taking it that it has what these are on Debian 12:" \
        "${wanted[*]}" >&2
    exit 0
fi

# Fails, and yet lists the rest, when it does not know one of them.
installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "${wanted[@]}" \
    2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
    grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $EUID -ne 0 ]]; then
    # sudo may ask for a password only where somebody can type it.
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
        as_root=(sudo)
    else
        {
            echo "Missing packages: ${missing[*]}"
            echo "Only root can install them. Run:"
            echo "    sudo apt-get install --no-install-recommends ${missing[*]}"
        } >&2
        exit 1
    fi
fi

echo "Installing: ${missing[*]}"
# A broken list of somebody else's packages is no reason to give up.
"${as_root[@]}" apt-get update -qq || true
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
