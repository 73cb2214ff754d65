// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package part

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluice-delivery/sluice/lab/internal/host"
	"github.com/sluice-delivery/sluice/lab/internal/progress"
)

// A Cache keeps built parts. Several processes may use one directory at the
// same time.
type Cache struct {
	root string
	say  *progress.Printer
}

// NewCache returns the cache in the directory root, which need not exist. It
// tells say about builds.
func NewCache(root string, say *progress.Printer) *Cache {
	return &Cache{root: root, say: say}
}

// DefaultRoot returns the directory of the user's cache: sluice-lab in
// $XDG_CACHE_HOME, or in ~/.cache.
func DefaultRoot() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for the cache: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "sluice-lab"), nil
}

// Root returns the cache's directory.
func (c *Cache) Root() string { return c.root }

// Ensure builds the parts that are not there yet, one after another, and
// returns where all of them are, by name. What was built stays when a later
// part fails or ctx ends.
func (c *Cache) Ensure(ctx context.Context, parts []Part) (map[string]Installed, error) {
	if err := host.Need(c.tools(parts)); err != nil {
		return nil, err
	}
	installed := map[string]Installed{}
	for i, p := range parts {
		dir, err := c.ensure(ctx, p, fmt.Sprintf("part %d of %d: ", i+1, len(parts)))
		if err != nil {
			return nil, err
		}
		installed[p.Name] = Installed{Part: p, Dir: dir}
	}
	return installed, nil
}

// tools returns what the parts need that still have to be built.
func (c *Cache) tools(parts []Part) (tools []host.Tool) {
	for _, p := range parts {
		if _, err := os.Stat(c.dir(p)); err != nil {
			tools = append(tools, p.Tools...)
		}
	}
	return tools
}

// dir is where p is once it is built: nothing else is ever under that name.
func (c *Cache) dir(p Part) string {
	return filepath.Join(c.root, strings.Join([]string{p.Name, p.Version, runtime.GOARCH, p.fingerprint()}, "-"))
}

func (c *Cache) ensure(ctx context.Context, p Part, prefix string) (string, error) {
	dir := c.dir(p)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := c.lock(ctx, p, prefix)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil { // somebody else was faster
		return dir, nil
	}
	c.say.Say("%s%s …", prefix, p)
	stop := c.say.Watch(prefix + p.String())
	err = c.build(ctx, p, dir)
	took := stop()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p, err)
	}
	c.say.Say("%s%s built in %s", prefix, p, progress.Seconds(took))
	return dir, nil
}

// build makes p in a directory beside dir and moves it there when it is whole.
func (c *Cache) build(ctx context.Context, p Part, dir string) error {
	work := dir + ".part"
	if err := os.RemoveAll(work); err != nil { // left by one that was killed
		return err
	}
	defer os.RemoveAll(work)
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	if err := p.build(ctx, work); err != nil {
		return err
	}
	return os.Rename(work, dir)
}

// lock makes the caller the only one who builds p, until it calls unlock or
// ends.
func (c *Cache) lock(ctx context.Context, p Part, prefix string) (unlock func(), err error) {
	if err := os.MkdirAll(c.root, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(c.dir(p)+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	unlock = func() { f.Close() }
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return unlock, err
	}
	what := fmt.Sprintf("%swaiting for another lab that builds %s", prefix, p)
	c.say.Say("%s …", what)
	defer c.say.Watch(what)()
	for {
		select {
		case <-ctx.Done():
			unlock()
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			return unlock, err
		}
	}
}

// Prune removes what no part of the catalog stands for any more.
func (c *Cache) Prune() error {
	var keep []string
	for _, p := range Catalog() {
		keep = append(keep, filepath.Base(c.dir(p)))
	}
	entries, err := os.ReadDir(c.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".lock")
		if !slices.Contains(keep, name) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.root, e.Name())))
		}
	}
	return err
}
