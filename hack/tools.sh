#!/bin/bash
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# tools.sh: sees that the programs are there that a lab needs. As root on Debian or Ubuntu it installs what is missing;
# otherwise it lists what to install.
set -euo pipefail

declare -A package=([gcc]=gcc [nft]=nftables [python3]=python3-venv [curl]=curl [git]=git)
export PATH=$PATH:/usr/sbin:/sbin
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
command -v gcc >/dev/null && ! echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1 && missing+=(libc6-dev)

if ! command -v go >/dev/null; then
  echo "Go is missing: install 1.26 or later and have it on PATH" >&2
  exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  here=$(dirname "$0")
  export DEBIAN_FRONTEND=noninteractive
  "$here/progress.sh" "fetching the list of packages" apt-get update -qq
  "$here/progress.sh" "installing packages" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  exit 0
fi
echo "these packages are missing (Debian's names): ${missing[*]}" >&2
echo "install them, for example: sudo apt-get install ${missing[*]}" >&2
exit 1
