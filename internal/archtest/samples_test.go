// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/metric"
	"github.com/sluice-delivery/sluice/internal/spec"
)

var sampleRules = map[string]rule{
	"Samples": {
		why:  "People copy what we show them; it has to work as it stands.",
		find: findSamples,
	},
}

// A sample is one object of our API that we show to users.
type sample struct {
	path   string
	number int // in the file
	text   string
}

// samples returns all of our kinds in the samples, the demo and the pages.
func samples(r repo) []sample {
	var all []sample
	for _, f := range r.files {
		text := f.text
		switch {
		case path.Ext(f.path) == ".yaml" && (f.dir() == "config/samples" || f.dir() == "demo"):
		case path.Ext(f.path) == ".md":
			text = strings.Join(yamlBlock.FindAllString(text, -1), "\n---\n")
		default:
			continue
		}
		for i, document := range documentEnd.Split(text, -1) {
			if strings.Contains(document, "apiVersion: flagger.app/v1beta1\n") {
				all = append(all, sample{f.path, i + 1, document})
			}
		}
	}
	return all
}

var (
	yamlBlock   = regexp.MustCompile("(?ms)^```yaml\n.*?^```$")
	yamlFence   = regexp.MustCompile("(?m)^```.*$")
	documentEnd = regexp.MustCompile(`(?m)^---$`)
	kindLine    = regexp.MustCompile(`(?m)^kind: (\w+)$`)
)

func findSamples(r repo) []finding {
	var all []finding
	for _, s := range samples(r) {
		for _, problem := range s.problems() {
			all = append(all, found(s.path, "document %d: %s", s.number, problem))
		}
	}
	return all
}

// problems returns what a user who applies the sample would be told.
func (s sample) problems() []string {
	data := []byte(yamlFence.ReplaceAllString(s.text, ""))
	kind := ""
	if m := kindLine.FindSubmatch(data); m != nil {
		kind = string(m[1])
	}
	var err error
	switch kind {
	case "Canary":
		c := &v1beta1.Canary{}
		if err = yaml.UnmarshalStrict(data, c); err == nil {
			return planProblems(c)
		}
	case "MetricTemplate":
		m := &v1beta1.MetricTemplate{}
		if err = yaml.UnmarshalStrict(data, m); err == nil {
			_, err = metric.ParseTemplate(m.Spec.Query)
		}
	case "AlertProvider":
		err = yaml.UnmarshalStrict(data, &v1beta1.AlertProvider{})
	default:
		err = fmt.Errorf("kind %q is not one of ours", kind)
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

func planProblems(c *v1beta1.Canary) []string {
	var all []string
	plan := spec.Plan(c, spec.Defaults{})
	for _, p := range plan.Problems {
		all = append(all, p.Message)
	}
	return all
}
