// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster brings up a Kubernetes cluster inside a space and keeps it
// running.
//
//	etcd ──► API server ──► controller manager, scheduler ──► add-ons
//	                   ╰──► kube-proxy, kubelet ──► node ready ─╯
//	containerd ──► images ──────────────────────────────────────╯
package cluster

import (
	"encoding/json"
	"os"

	"github.com/sluice-delivery/sluice/lab/internal/addon"
	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/state"
)

// A Spec says what cluster there should be. It is written outside and read
// inside.
type Spec struct {
	Dir    string            `json:"dir"`    // the lab's directory
	Addons []string          `json:"addons"` // names for addon.Choose
	Images []string          `json:"images"` // archives to import
	Audit  string            `json:"audit"`  // the file for the audit log; empty for none
	Parts  map[string]string `json:"parts"`  // the directories of the parts, by name
	Keep   []string          `json:"keep"`   // directories that stay visible
}

// Parts returns the names of the parts that a cluster with these add-ons needs.
func Parts(addons []addon.Addon) []string {
	names := []string{"hyper"}
	if !without(addons) {
		names = append(names, "own", "runc", "cni", "containerd")
		names = append(names, addon.DNS.Parts...)
	}
	for _, a := range addons {
		names = append(names, a.Parts...)
	}
	return names
}

// Tools returns the programs of this machine that such a cluster runs.
func Tools(addons []addon.Addon) []host.Tool {
	if without(addons) {
		return nil
	}
	return []host.Tool{host.Nft}
}

// without tells whether the cluster has no node that runs pods.
func without(addons []addon.Addon) bool {
	for _, a := range addons {
		if a.Name == addon.Kwok {
			return true
		}
	}
	return false
}

// Save writes the spec into the lab's directory.
func (s Spec) Save() error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.file(), b, 0o600)
}

// Load reads the spec of the lab in dir.
func Load(dir string) (s Spec, err error) {
	b, err := os.ReadFile(Spec{Dir: dir}.file())
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

func (s Spec) lab() state.Lab { return state.Lab{Dir: s.Dir} }
func (s Spec) file() string   { return s.lab().Path("spec.json") }
