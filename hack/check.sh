#!/bin/bash
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# check.sh: formatting, vet and the fast tests; under a minute when warm.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "== $*"; }

say format
files=$(gofmt -l api cmd internal test lab)
[ -z "$files" ] || { echo "run gofmt -w on: $files"; exit 1; }
say vet
hack/progress.sh "vetting" go vet ./...
hack/progress.sh "vetting the tests that need a lab" go vet -tags e2e,envtest ./test/...
hack/progress.sh "vetting the lab" go -C lab vet ./...
say fast tests
hack/progress.sh "testing" go test -short ./...
