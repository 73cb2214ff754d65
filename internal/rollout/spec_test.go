// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stories are the transcripts that users see, in the order in which they make
// sense.
var stories = [][2]string{
	{"takeover", "A Canary takes a live Service over"},
	{"good-release", "A good release"},
	{"bad-release", "A bad release"},
	{"confirm-rollout", "A release that waits for approval"},
	{"canary-dies", "The canary dies while it has traffic"},
	{"prometheus-down", "Prometheus is down"},
	{"new-revision", "A newer revision in the middle of a release"},
	{"reverted", "The target is set back"},
	{"lowered-plan", "The plan is lowered in the middle of a release"},
	{"failed-promotion", "The primary can't run what the canary runs"},
	{"refused-rollback", "The API server refuses the rollback"},
	{"crash", "The controller crashes"},
	{"deletion", "The Canary is deleted"},
}

const preface = `# What a release does

Each story below is a test: what is typed stands above the line, what the controller decides below it. "do" is what it changes in
the cluster, "tell" the event that people see, and the sentence after that is the message of the conditions. Written by
` + "`go test ./internal/rollout -update`" + `.
`

// TestSpec holds docs/spec/canary.md to the transcripts.
func TestSpec(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(stories) {
		t.Errorf("there are %d transcripts but %d stories; users should see all of them", len(files), len(stories))
	}
	var b strings.Builder
	b.WriteString(preface)
	for _, s := range stories {
		text, err := os.ReadFile(filepath.Join("testdata", s[0]+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n## " + s[1] + "\n\n```\n" + strings.TrimSpace(string(text)) + "\n```\n")
	}
	const file = "../../docs/spec/canary.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != b.String() {
		t.Errorf("%s does not show the transcripts as they are (%v); run go test ./internal/rollout -update", file, err)
	}
}
