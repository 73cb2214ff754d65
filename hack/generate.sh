#!/bin/sh
# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Writes everything that is made from the Go types in api/: their deepcopy
# methods and the CRDs in config/crd/bases. Running it again changes nothing.
set -eu
cd "$(dirname "$0")/.."

controller_gen=sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0

rm -f config/crd/bases/*.yaml
go run "$controller_gen" \
	object:headerFile=hack/boilerplate.go.txt \
	crd:allowDangerousTypes=true \
	paths=./api/... \
	output:crd:dir=config/crd/bases
