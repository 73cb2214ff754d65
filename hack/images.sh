#!/bin/bash
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# images.sh VERSION: makes the images of our programs in bin/images, as archives that "lab up --image" and
# "ctr images import" take. Needs bin/ and the lab's part hey.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
out=bin/images
mkdir -p "$out"

build() { # NAME ARG…
  local name=$1
  shift
  if [ -e "$out/$name.tar" ] && [ -z "$(find bin -maxdepth 1 -newer "$out/$name.tar" -name "$name")" ] && [ "$out/$name.tar" -nt hack/images.sh ]; then
    return
  fi
  bin/lab image build --output "$out/$name.tar" --name "ghcr.io/sluice-delivery/$name:$version" "$@"
}

# Flagger's Deployment starts ./flagger in /home/flagger and probes with wget; with these two names it runs unchanged.
build sluice-controller --workdir /home/flagger \
  /usr/local/bin/sluice-controller=bin/sluice-controller \
  /home/flagger/flagger=bin/sluice-controller \
  /usr/bin/wget=bin/sluice-controller

hey=$(bin/lab part hey | tail -1)
build sluice-loadtester \
  /usr/local/bin/sluice-loadtester=bin/sluice-loadtester \
  /usr/local/bin/hey="$hey" \
  /bin/bash="$(command -v bash)" \
  /bin/sh="$(readlink -f "$(command -v sh)")" \
  /usr/bin/curl="$(command -v curl)"

build sluice-demo-app /usr/local/bin/sluice-demo-app=bin/sluice-demo-app
