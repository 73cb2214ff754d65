// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package space

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Address is the node's address in the space. Nothing else has one there, and
// nothing outside can reach it.
const Address = "10.40.0.1"

// gateway is the next hop of the default route. It leads nowhere, but programs
// refuse to start on a machine without one.
const gateway = "10.40.0.2"

// hidden are the directories that start out empty inside.
var hidden = []string{"/run", "/var/lib", "/var/log"}

// Enter furnishes a new space. The directories in keep stay visible where they
// lie below a hidden one.
func Enter(keep []string) error {
	if err := unix.Sethostname([]byte("lab")); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if err := mounts(keep); err != nil {
		return err
	}
	return network()
}

func mounts(keep []string) error {
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE); err != nil {
		return err
	}
	kept, err := openBelow(hidden, keep)
	if err != nil {
		return err
	}
	for _, dir := range hidden {
		if err := mount("tmpfs", dir, "tmpfs", 0); err != nil {
			return err
		}
	}
	for _, k := range kept {
		if err := k.show(); err != nil {
			return err
		}
	}
	if err := mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC); err != nil {
		return err
	}
	if err := mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0); err != nil {
		return err
	}
	// Containers get at volumes through mounts that are made after they start.
	return mount("", "/", "", unix.MS_REC|unix.MS_SHARED)
}

func mount(what, where, kind string, flags uintptr) error {
	if err := unix.Mount(what, where, kind, flags, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", cmp.Or(kind, what, "propagation"), where, err)
	}
	return nil
}

// kept is a directory that will be covered.
type kept struct {
	path string
	file *os.File
}

// openBelow opens those of paths that lie below one of roots, outermost first.
func openBelow(roots, paths []string) (open []kept, err error) {
	for _, path := range slices.Sorted(slices.Values(paths)) {
		path, err := filepath.EvalSymlinks(path)
		if outOfReach(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(roots, func(root string) bool { return strings.HasPrefix(path, root+"/") }) {
			continue
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if outOfReach(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		open = append(open, kept{path, os.NewFile(uintptr(fd), path)})
	}
	return open, nil
}

// outOfReach reports whether err says that a directory is of no use to us: it
// does not exist, or is somebody else's, as an entry of PATH may be after su.
func outOfReach(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// show makes the directory visible again under its old path.
func (k kept) show() error {
	defer k.file.Close()
	if err := os.MkdirAll(k.path, 0o755); err != nil {
		return err
	}
	return mount(fmt.Sprintf("/proc/self/fd/%d", k.file.Fd()), k.path, "", unix.MS_BIND|unix.MS_REC)
}

// Resolve makes programs of the space ask the name server at address, and find
// services by their names alone.
func Resolve(file, address string) error {
	text := "nameserver " + address + "\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:2\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	const config = "/etc/resolv.conf"
	if to, err := os.Readlink(config); err == nil {
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(config), to)
		}
		// It often points into /run, which is empty now.
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		f.Close()
	}
	if err := mount(file, config, "", unix.MS_BIND); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// network gives the space a loopback, a device with an address, and a default
// route.
func network() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback device: %w", err)
	}
	here := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth0"}, PeerName: "veth1"}
	if err := netlink.LinkAdd(here); err != nil {
		return fmt.Errorf("make a network device: %w", err)
	}
	there, err := netlink.LinkByName("veth1")
	if err != nil {
		return fmt.Errorf("find the other end of veth0: %w", err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(Address), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(here, address); err != nil {
		return fmt.Errorf("give veth0 its address: %w", err)
	}
	for _, link := range []netlink.Link{lo, here, there} {
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("switch %s on: %w", link.Attrs().Name, err)
		}
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: here.Attrs().Index, Gw: net.ParseIP(gateway)}); err != nil {
		return fmt.Errorf("add the default route: %w", err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
