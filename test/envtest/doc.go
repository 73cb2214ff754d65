// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package envtest tests the controller as one program against a real API server
// and real controllers of Kubernetes. Pods become ready without being run, and
// the tests themselves play the gateway, Prometheus and the webhooks.
//
// The tests need a lab, so they are behind the build tag envtest:
//
//	go test -c -tags envtest -o bin/envtest.test ./test/envtest
//	bin/lab run --with kwok --audit bin/envtest-audit.log -- bin/envtest.test -test.v
package envtest
