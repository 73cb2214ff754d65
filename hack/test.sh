#!/bin/bash
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# test.sh: all tests, from the fastest to the slowest. Every layer runs even if one before it failed, and the last line says
# which did.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()
began=$SECONDS

layer() { # NAME COMMAND…
  local name=$1 t0=$SECONDS
  shift
  echo "== $name"
  hack/progress.sh "$name" "$@" || failed+=("$name")
  echo "== $name: $((SECONDS - t0)) s"
}

make --no-print-directory images || exit 1
bin/lab part >/dev/null || exit 1 # all of them, before any test has a time limit
build() { hack/progress.sh "building the tests of $1" go test -c -trimpath -tags "$1" -o "bin/$1.test" "./test/$1"; }

layer "fast checks" hack/check.sh
layer "the model, in full" go test ./internal/rollout
layer "the lab" go -C lab test -timeout 20m ./...
build envtest && build e2e || exit 1
layer "controller on a real API server" \
  bin/lab run --with kwok --audit bin/envtest-audit.log -- bin/envtest.test -test.v
layer "releases with real traffic" \
  bin/lab run --with gateway,prometheus --image bin/images/sluice-controller.tar --image bin/images/sluice-loadtester.tar \
  --image bin/images/sluice-demo-app.tar -- bash -c 'cd test/e2e && exec ../../bin/e2e.test -test.v'

echo
if [ ${#failed[@]} -gt 0 ]; then
  printf 'test: FAILED after %d s:' $((SECONDS - began))
  printf ' %s;' "${failed[@]}"
  echo
  exit 1
fi
echo "test: all layers passed in $((SECONDS - began)) s"
