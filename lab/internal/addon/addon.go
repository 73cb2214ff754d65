// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package addon knows what a lab can have beyond an empty cluster.
package addon

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed manifests
var manifests embed.FS

// An Addon is installed into a cluster from manifests.
type Addon struct {
	// Name is what --with calls it.
	Name string
	// About is a line for people.
	About string
	// Parts are the parts it needs beyond those of a cluster.
	Parts []string
	// Kinds are the manifests that can be applied before there is a node:
	// definitions of kinds.
	Kinds []File
	// Objects are the manifests that are applied when there is a node.
	Objects []File
	// Wait are kubectl commands that succeed when it is ready.
	Wait [][]string
}

// A File is a manifest.
type File struct {
	Part string // the part it comes with; empty for one of the lab's own
	Path string
}

// Kwok is the name of the addon that stands in for the node.
const Kwok = "kwok"

// The addons that every cluster has.
var (
	OneUser = Addon{Name: "one-user", Kinds: []File{{Path: "one-user.yaml"}}}
	DNS     = Addon{
		Name: "DNS", Parts: []string{"coredns"}, Objects: []File{{Path: "coredns.yaml"}},
		Wait: [][]string{{"rollout", "status", "deployment/coredns", "--namespace=kube-system"}},
	}
)

// All returns the addons that can be asked for.
func All() []Addon {
	return []Addon{gateway(), {
		Name: "prometheus", About: "Prometheus at http://prometheus.monitoring:9090, scraping annotated pods every second",
		Parts: []string{"prometheus"}, Objects: []File{{Path: "prometheus.yaml"}},
		Wait: [][]string{{"rollout", "status", "deployment/prometheus", "--namespace=monitoring"}},
	}, {
		Name: Kwok, About: "no containers: pods are marked ready instead of run; alone only",
		Parts: []string{"kwok"},
	}}
}

// gateway is Contour as its makers ship it: all of examples/contour and
// examples/gateway, but in an order in which Contour finds the gateway's
// configuration at its first start.
func gateway() Addon {
	contour := func(paths ...string) (files []File) {
		for _, p := range paths {
			files = append(files, File{Part: "contour", Path: "examples/" + p})
		}
		return files
	}
	return Addon{
		Name: "gateway", About: "Contour and Envoy with a Gateway, projectcontour/contour, on port 80 of the node",
		Parts: []string{"contour", "envoy"},
		Kinds: contour("contour/01-crds.yaml", "gateway/00-crds.yaml"),
		Objects: contour(
			"contour/00-common.yaml", "contour/01-contour-config.yaml",
			"gateway/01-gatewayclass.yaml", "gateway/02-gateway.yaml", "gateway/03-contour-config.yaml",
			"contour/02-job-certgen.yaml", "contour/02-rbac.yaml", "contour/02-role-contour.yaml",
			"contour/02-service-contour.yaml", "contour/02-service-envoy.yaml",
			"contour/03-contour.yaml", "contour/03-envoy.yaml"),
		Wait: [][]string{
			{"rollout", "status", "deployment/contour", "--namespace=projectcontour"},
			{"rollout", "status", "daemonset/envoy", "--namespace=projectcontour"},
			{"wait", "gateway/contour", "--for=condition=Programmed", "--namespace=projectcontour"},
		},
	}
}

// Choose returns the addons with these names.
func Choose(names []string) (chosen []Addon, err error) {
	all := All()
	for _, n := range names {
		i := slices.IndexFunc(all, func(a Addon) bool { return a.Name == n })
		if i < 0 {
			var known []string
			for _, a := range all {
				known = append(known, a.Name)
			}
			return nil, fmt.Errorf("--with %s: there is no such thing; choose from %s", n, strings.Join(known, ", "))
		}
		if !slices.ContainsFunc(chosen, func(a Addon) bool { return a.Name == n }) {
			chosen = append(chosen, all[i])
		}
	}
	if len(chosen) > 1 && slices.Contains(names, Kwok) {
		return nil, fmt.Errorf("--with %s: kwok runs no pods, which the others need; give kwok alone", strings.Join(names, ","))
	}
	return chosen, nil
}

// Lay writes the lab's own manifests to dir.
func Lay(dir string) error { return os.CopyFS(dir, manifests) }

// Find returns where the file is, given the directories of parts and the one
// that Lay filled.
func (f File) Find(parts map[string]string, own string) string {
	if f.Part == "" {
		return filepath.Join(own, "manifests", f.Path)
	}
	return filepath.Join(parts[f.Part], f.Path)
}
