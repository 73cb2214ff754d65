// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package node says how the programs of a cluster with one node are started:
// their arguments and their files. It is pure but for Write.
package node

import (
	"path/filepath"

	"github.com/sluice-delivery/sluice/lab/internal/space"
)

// Where things are in a lab's network.
const (
	// Name is the node's name.
	Name = "lab"
	// Server is the URL of the API server.
	Server = "https://127.0.0.1:6443"
	// DNS is the address of the cluster's name server.
	DNS = "10.43.0.10"

	services = "10.43.0.0/16"
	first    = "10.43.0.1" // the Service of the API server
	pods     = "10.42.0.0/16"
	etcd     = "http://127.0.0.1:2379"
)

// A Layout says where the files of a cluster are.
type Layout struct {
	// Dir is the lab's directory, visible outside.
	Dir string
	// Data is for what programs store. It vanishes with the lab.
	Data string
	// Audit is the file for the API server's audit log; empty for none.
	Audit string
	// Token is the administrator's password.
	Token string
}

// Bin returns the directory in which programs are found by name.
func (l Layout) Bin() string { return filepath.Join(l.Dir, "bin") }

// Kubeconfig returns the file with which clients find the cluster.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Dir, "kubeconfig") }

// Config returns the path of a configuration file.
func (l Layout) Config(name string) string { return filepath.Join(l.Dir, "config", name) }

// volumes returns the directory for plugins of volumes.
func (l Layout) volumes() string { return filepath.Join(l.Data, "volumes") }

// program returns the file of the program called name.
func (l Layout) program(name string) string { return filepath.Join(l.Bin(), name) }

// Containerd's socket, in a directory that is the lab's alone.
const socket = "/run/containerd/containerd.sock"

// Etcd returns the command line of etcd.
func (l Layout) Etcd() []string {
	return []string{
		l.program("etcd"),
		"--data-dir=" + filepath.Join(l.Data, "etcd"),
		"--listen-client-urls=" + etcd,
		"--advertise-client-urls=" + etcd,
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--unsafe-no-fsync", // what it stores does not outlive the lab
		"--log-level=error",
	}
}

// APIServer returns the command line of kube-apiserver.
func (l Layout) APIServer() []string {
	args := []string{
		l.program("kube-apiserver"),
		"--etcd-servers=" + etcd,
		"--service-cluster-ip-range=" + services,
		"--bind-address=0.0.0.0",
		"--secure-port=6443",
		"--advertise-address=" + space.Address,
		"--tls-cert-file=" + l.Config("apiserver.crt"),
		"--tls-private-key-file=" + l.Config("apiserver.key"),
		"--cert-dir=" + filepath.Join(l.Data, "apiserver"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + l.Config("accounts.key"),
		"--service-account-signing-key-file=" + l.Config("accounts.key"),
		"--authorization-mode=RBAC",
		"--token-auth-file=" + l.Config("tokens.csv"),
		"--allow-privileged",
		"--kubelet-preferred-address-types=InternalIP",
	}
	if l.Audit != "" {
		args = append(args,
			"--audit-policy-file="+l.Config("audit.yaml"),
			"--audit-log-path="+l.Audit,
			"--audit-log-maxsize=100000", // megabytes: one file, never rotated
		)
	}
	return args
}

// ControllerManager returns the command line of kube-controller-manager.
func (l Layout) ControllerManager() []string {
	return []string{
		l.program("kube-controller-manager"),
		"--kubeconfig=" + l.Kubeconfig(),
		"--leader-elect=false",
		"--service-account-private-key-file=" + l.Config("accounts.key"),
		"--root-ca-file=" + l.Config("ca.crt"),
		"--flex-volume-plugin-dir=" + l.volumes(), // or it makes one in /usr
		"--kube-api-qps=200", "--kube-api-burst=400",
	}
}

// Scheduler returns the command line of kube-scheduler.
func (l Layout) Scheduler() []string {
	return []string{
		l.program("kube-scheduler"),
		"--kubeconfig=" + l.Kubeconfig(),
		"--leader-elect=false",
		"--kube-api-qps=200", "--kube-api-burst=400",
	}
}

// Proxy returns the command line of kube-proxy.
func (l Layout) Proxy() []string {
	return []string{l.program("kube-proxy"), "--config=" + l.Config("proxy.yaml")}
}

// Containerd returns the command line of containerd.
func (l Layout) Containerd() []string {
	return []string{l.program("containerd"), "--config=" + l.Config("containerd.toml")}
}

// Kubelet returns the command line of the kubelet.
func (l Layout) Kubelet() []string {
	return []string{
		l.program("kubelet"),
		"--config=" + l.Config("kubelet.yaml"),
		"--kubeconfig=" + l.Kubeconfig(),
		"--root-dir=" + filepath.Join(l.Data, "kubelet"),
		"--cert-dir=" + filepath.Join(l.Data, "kubelet-pki"),
		"--hostname-override=" + Name,
		"--node-ip=" + space.Address,
	}
}

// Kwok returns the command line of kwok, which stands in for nodes. The
// directory stages holds kwok's own descriptions of what nodes and pods do.
func (l Layout) Kwok(stages string) []string {
	args := []string{
		l.program("kwok"),
		"--kubeconfig=" + l.Kubeconfig(),
		"--manage-all-nodes=true",
		"--node-lease-duration-seconds=40",
		"--cidr=" + pods,
		"--node-ip=" + space.Address,
	}
	for _, stage := range []string{
		"node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
		"pod/fast/pod-ready.yaml", "pod/fast/pod-complete.yaml", "pod/fast/pod-delete.yaml",
	} {
		args = append(args, "--config="+filepath.Join(stages, stage))
	}
	return args
}

// Ctr returns the command line of containerd's client for the images that the
// kubelet sees.
func (l Layout) Ctr(args ...string) []string {
	return append([]string{l.program("ctr"), "--address", socket, "--namespace", "k8s.io"}, args...)
}

// Kubectl returns the command line of kubectl.
func (l Layout) Kubectl(args ...string) []string {
	return append([]string{l.program("kubectl")}, args...)
}

// Env returns the variables that programs in the lab get.
func (l Layout) Env() []string {
	env := []string{
		"KUBECONFIG=" + l.Kubeconfig(),
		// Not the user's: it is kept by server address, which all labs share.
		"KUBECACHEDIR=" + filepath.Join(l.Data, "kubectl"),
		"LAB_DIR=" + l.Dir,
	}
	if l.Audit != "" {
		env = append(env, "AUDIT="+l.Audit)
	}
	return env
}
