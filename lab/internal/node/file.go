// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed config/*
var config embed.FS

// templates are the configuration files that say where things are.
var templates = template.Must(template.ParseFS(config, "config/*"))

// values is what the templates know.
type values struct {
	Layout
	Socket, Server, Services, Pods, DNS, Node, CA string
}

// Files returns the configuration files of the cluster, by path.
func (l Layout) Files(k Keys) (map[string][]byte, error) {
	v := values{
		Layout: l, Socket: socket, Server: Server, Services: services, Pods: pods, DNS: DNS, Node: Name,
		CA: base64.StdEncoding.EncodeToString(k.CA),
	}
	files := map[string][]byte{
		l.Config("ca.crt"):        k.CA,
		l.Config("apiserver.crt"): k.Certificate,
		l.Config("apiserver.key"): k.Key,
		l.Config("accounts.key"):  k.Accounts,
		l.Config("tokens.csv"):    fmt.Appendf(nil, "%s,admin,admin,system:masters\n", l.Token),
	}
	for _, t := range templates.Templates() {
		var b bytes.Buffer
		if err := t.Execute(&b, v); err != nil {
			return nil, fmt.Errorf("write %s: %w", t.Name(), err)
		}
		path := l.Config(t.Name())
		switch t.Name() {
		case "kubeconfig":
			path = l.Kubeconfig()
		case "lab.conflist": // where containerd looks for nothing but networks
			path = l.Config("net.d/lab.conflist")
		}
		files[path] = b.Bytes()
	}
	return files, nil
}

// Write writes the configuration files.
func (l Layout) Write(k Keys) error {
	files, err := l.Files(k)
	if err != nil {
		return err
	}
	for path, b := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
