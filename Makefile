# Copyright The Sluice Authors.
# SPDX-License-Identifier: Apache-2.0

SHELL := /bin/bash
VERSION ?= v0.1.0
KEEP ?=
MANIFEST ?=
export CGO_ENABLED := 0
export GOTOOLCHAIN := local

LDFLAGS := -s -w -X main.version=$(VERSION)
IMAGES := $(addprefix --image bin/images/,sluice-controller.tar sluice-loadtester.tar sluice-demo-app.tar)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: tools
tools: ## Install the programs that a lab needs (Debian and Ubuntu, as root), or list them
	@hack/tools.sh

.PHONY: build
build: tools ## Build the programs into bin/
	@hack/progress.sh "building the controller" go build -trimpath -ldflags "$(LDFLAGS)" -o bin/ ./cmd/...
	@hack/progress.sh "building the lab" go -C lab build -trimpath -ldflags "$(LDFLAGS)" -o ../bin/lab .

.PHONY: images
images: build ## Make the images of our programs, without a registry
	@bin/lab part hey >/dev/null
	@hack/images.sh $(VERSION)

.PHONY: demo
demo: images ## Show a good and a bad release on a real cluster; KEEP=1 leaves it running, MANIFEST=FILE takes a Canary of yours
	@hack/demo.sh "$(KEEP)" "$(MANIFEST)" $(IMAGES)

.PHONY: test
test: ## Run all tests
	@hack/test.sh

.PHONY: check
check: ## Format, vet and run the fast tests
	@hack/check.sh

.PHONY: generate
generate: ## Generate deep copies and CRDs from the types
	@hack/generate.sh

.PHONY: verify
verify: generate ## Fail if what is generated differs from what is committed
	@git diff --exit-code -- api config/crd || { echo "generated files differ; commit what make generate wrote"; exit 1; }

.PHONY: clean
clean: ## Remove what was built; the lab's cache stays
	@rm -rf bin
