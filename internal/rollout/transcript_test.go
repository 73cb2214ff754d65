// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// TestTranscripts plays the stories in testdata. A story is a text file:
// remarks, and commands, each followed by a line of dashes and what was decided
// after it.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d stories (%v), want at least 10", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the story has changed; read it, then run go test -update (-want +got)\n%s", diff)
			}
		})
	}
}

// play returns the story with what is decided now.
func play(t *testing.T, story string) string {
	t.Helper()
	p := newStage()
	var out strings.Builder
	for part := range strings.SplitSeq(strings.TrimSpace(story), "\n\n") {
		commands, _, _ := strings.Cut(part, "\n----")
		fmt.Fprintln(&out, commands)
		var done, standing string
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := p.command(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if line != "crash" && line != "refuse" { // these are about the decision on the next command
				var did string
				did, standing = p.decide()
				done += did
			}
		}
		if standing != "" {
			fmt.Fprintf(&out, "----\n%s%s", done, standing)
		}
		fmt.Fprintln(&out)
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}

// A stage is a toy cluster in which nothing happens by itself.
type stage struct {
	model
	answers Answers
	crash   bool // the next decision is done but not saved
	refuse  bool // the next action is refused
}

func newStage() *stage {
	s := snapshot(settled)
	p := &stage{answers: Answers{}}
	p.now, p.real, p.status, p.plan = epoch, s.World, s.Status, s.Plan
	p.plan.Metrics, p.plan.Interval, p.plan.Drain = false, 10*time.Second, 5*time.Second
	p.status.Run = Run{}
	p.real.Primary.Why, p.real.Canary.Why = "0 of 2 pods are ready", "0 of 2 pods are ready"
	return p
}

var words = regexp.MustCompile(`"[^"]*"|\S+`)

func (p *stage) command(line string) error {
	args := words.FindAllString(line, -1)
	for i := range args {
		args[i] = strings.Trim(args[i], `"`)
	}
	args = append(args, "", "", "")
	c := &p.real.Canary
	sides := map[string]*Workload{"canary": c, "primary": &p.real.Primary}
	switch args[0] {
	case "live": // nobody has taken the application over yet
		p.status = Status{}
		c.Replicas, c.Ready = 2, true
		p.real.Primary = Workload{Known: true, Why: "0 of 2 pods are ready"}
		p.real.Services, p.real.Apex, p.real.Route = Thing{Known: true}, Thing{Known: true, Released: true}, Route{Known: true}
	case "plan":
		return p.replan(args[1:])
	case "target":
		c.Revision, c.Ready, c.Why = args[1], false, "0 of 2 pods are ready"
	case "ready":
		sides[args[1]].Ready, sides[args[1]].Why = true, ""
	case "unready", "stuck":
		w := sides[args[1]]
		w.Ready, w.Stuck, w.Why = false, args[0] == "stuck", args[2]
	case "weight": // somebody else moves it
		w, err := strconv.Atoi(args[1])
		p.real.Route.Weight = w
		return err
	case "answer":
		v, ok := map[string]Verdict{"yes": Yes, "no": No, "unknown": Unknown, "wait": Wait}[args[2]]
		if q := Question(args[1]); !ok || p.answers[q].Verdict != Pending {
			return fmt.Errorf("%s was not asked, or %q is no verdict", q, args[2])
		}
		code := map[Verdict]string{No: "CheckFailed", Unknown: "MetricsUnavailable", Wait: "TooFewRequests"}[v]
		p.answers[Question(args[1])] = Answer{v, Reason{code, args[3]}}
	case "tick":
		d, err := time.ParseDuration(args[1])
		p.now = p.now.Add(d)
		return err
	case "delete":
		p.plan.Deleting = true
	case "crash":
		p.crash = true
	case "refuse":
		p.refuse = true
	default:
		return fmt.Errorf("%q is no command", args[0])
	}
	return nil
}

func (p *stage) replan(args []string) error {
	p.plan.Version += "+"
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		switch key {
		case "":
			err = nil
		case "steps":
			p.plan.Steps = nil
			for w := range strings.SplitSeq(value, ",") {
				n, err = strconv.Atoi(w)
				p.plan.Steps = append(p.plan.Steps, n)
			}
		case "threshold":
			p.plan.Threshold = n
		case "errorLimit":
			p.plan.ErrorLimit = n
		case "metrics":
			p.plan.Metrics, err = strconv.ParseBool(value)
			p.status.Probed = p.plan.Version
		case "gate":
			err = nil
			p.plan.Gates.Rollout, p.plan.Gates.Promotion = value == "confirm-rollout", value == "confirm-promotion"
		default:
			err = fmt.Errorf("%q is no part of a plan", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decide lets the controller work until it has to wait. It returns what was
// done, and where the release stands then.
func (p *stage) decide() (done, standing string) {
	var out strings.Builder
	for range 20 {
		s := Snapshot{Now: p.now, Plan: p.plan, Status: p.status, World: p.real, Answers: p.answers}
		d := Decide(s)
		idle := len(d.Do)+len(d.Tell)+len(d.Ask) == 0
		if done := p.obeyAll(s, d, &out); !done {
			continue
		}
		if p.forgot {
			return out.String(), "(the Canary is gone)\n"
		}
		if idle && d.After != soon {
			return out.String(), fmt.Sprintf("%s: %s\n%s%s\n", d.Why.Code, d.Why.Message, p.standing(), again(d))
		}
	}
	return out.String(), "(without end)\n"
}

// obeyAll does and saves what was decided. It reports whether all went well.
func (p *stage) obeyAll(s Snapshot, d Decision, out *strings.Builder) bool {
	for _, a := range d.Do {
		if p.refuse {
			p.refuse = false
			fmt.Fprintf(out, "  refused %s\n", show(a))
			if d.Memo != nil {
				p.status = *d.Memo
			}
			return false
		}
		fmt.Fprintf(out, "  do %s\n", show(a))
		p.change(&caller{s: s, ver: p.ver}, a)
		p.real.Route.Accepted = p.real.Route.Fit
	}
	if p.crash {
		p.crash, p.answers = false, Answers{}
		fmt.Fprintln(out, "  (the controller stops before it saves that, and starts again)")
		return false
	}
	if d.Next.Run.Round != p.status.Run.Round {
		p.answers = Answers{}
	}
	p.status = d.Next
	for _, n := range d.Tell {
		mark := ""
		if n.Outcome {
			mark = " (the end of the release)"
		}
		fmt.Fprintf(out, "  tell %s: %s%s\n", n.Reason.Code, n.Reason.Message, mark)
	}
	for _, q := range d.Ask {
		fmt.Fprintf(out, "  ask %s\n", q)
		p.answers[q] = Answer{Verdict: Pending}
	}
	return true
}

// standing says where the release is.
func (p *stage) standing() string {
	r := p.real
	return fmt.Sprintf("  phase %s, primary %s, canary %s at %d%%, failed %d; ",
		p.status.Phase, side(r.Primary), side(r.Canary), r.Route.Weight, p.status.Failed)
}

func side(w Workload) string {
	switch {
	case !w.Exists:
		return "missing"
	case !w.Running():
		return w.Revision + " stopped"
	case !w.Ready:
		return w.Revision + " not ready"
	}
	return w.Revision
}

func again(d Decision) string {
	if d.After == 0 {
		return "waits for a change"
	}
	return "looks again in " + d.After.String()
}

func show(a Action) string {
	switch a := a.(type) {
	case SetRoute:
		return fmt.Sprintf("SetRoute %d%%", a.Weight)
	case Promote:
		return "Promote " + a.Revision
	case Demote:
		return "Demote " + a.Revision
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", a), "rollout.")
}
