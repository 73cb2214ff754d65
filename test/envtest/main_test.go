// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/app"
)

// How the tests are run, for those who run them otherwise.
const usage = `these tests need a lab with kwok and an audit log:
	go test -c -tags envtest -o bin/envtest.test ./test/envtest
	bin/lab run --with kwok --audit bin/envtest-audit.log -- bin/envtest.test -test.v`

// patience is how long anything may take that a test waits for. Kubernetes'
// garbage collector looks for new kinds of owners every 30 s only.
const patience = 45 * time.Second

// asController makes this program the controller, so that a test can kill it.
const asController = "ENVTEST_AS_CONTROLLER"

// lab is what all tests share. TestMain sets it.
var lab struct {
	root       string // of the repository
	client     client.WithWatch
	config     *rest.Config
	controller *controller
	audit      string // the API server's log
}

func TestMain(m *testing.M) {
	if os.Getenv(asController) != "" {
		ctx := ctrl.SetupSignalHandler()
		os.Exit(app.Main(ctx, os.Args[1:], "envtest", os.Stdout, os.Stderr))
	}
	// Nearly all of a test's time is waiting.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	flag.Parse()
	ctx, cancel := context.WithCancel(context.Background())
	code := 1
	if err := setUp(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "envtest:", err)
	} else {
		code = m.Run()
		lab.controller.kill()
	}
	cancel()
	os.Exit(code)
}

func setUp(ctx context.Context) error {
	kubeconfig := os.Getenv("KUBECONFIG")
	if kubeconfig == "" {
		return errors.New("KUBECONFIG is not set; " + usage)
	}
	log.SetLogger(logr.Discard())
	var err error
	if lab.root, err = root(); err != nil {
		return err
	}
	lab.audit = filepath.Join(lab.root, "bin", "envtest-audit.log")
	if err := install(ctx); err != nil {
		return err
	}
	if lab.config, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return err
	}
	lab.config.QPS, lab.config.Burst, lab.config.UserAgent = 500, 1000, "envtest"
	if lab.client, err = client.NewWithWatch(lab.config, client.Options{Scheme: scheme()}); err != nil {
		return err
	}
	gateway, err := startGateway(ctx)
	if err != nil {
		return err
	}
	go gateway.run()
	lab.controller, err = startController(ctx)
	return err
}

// root returns the folder of go.mod.
func root() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run the tests in the repository: there is no go.mod above " + dir)
		}
	}
	return "", err
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme, gw.Install} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}

// install applies our CRDs and that of HTTPRoute.
func install(ctx context.Context) error {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api")
	list.Dir = lab.root
	module, err := list.Output()
	if err != nil {
		return fmt.Errorf("find Gateway API's module: %w", err)
	}
	route := filepath.Join(strings.TrimSpace(string(module)), "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml")
	for _, args := range [][]string{
		{"apply", "--server-side", "-k", filepath.Join(lab.root, "config/crd")},
		{"apply", "--server-side", "-f", route},
		{"wait", "--for=condition=established", "--timeout=20s", "crd", "--all"},
	} {
		if out, err := exec.CommandContext(ctx, "kubectl", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("kubectl %v: %w: %s", args, err, out)
		}
	}
	return nil
}

// A controller is the program under test, as a process of its own.
type controller struct {
	cmd *exec.Cmd
	log string // its file
}

func startController(ctx context.Context) (*controller, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp("", "envtest-controller-*.log")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, self, "-kubeconfig="+os.Getenv("KUBECONFIG"), "-mesh-provider=gatewayapi:v1",
		"-metrics-server=http://127.0.0.1:9", fmt.Sprintf("-port=%d", port), "-log-level=debug", "-threadiness=8")
	cmd.Env = append(os.Environ(), asController+"=1")
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &controller{cmd: cmd, log: file.Name()}
	return c, answers(ctx, fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
}

// kill ends the controller as a node that loses its power does.
func (c *controller) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// said returns the last of what the controller logged that has text in it.
func (c *controller) said(text string) string {
	all, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(all)) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-40):], "")
}
