// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package v1beta1

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestServiceNames(t *testing.T) {
	type names struct{ Apex, Primary, Canary, Workload string }
	cases := map[string]struct {
		reason  string
		service string
		want    names
	}{
		"OfTarget": {
			reason: "Without a name of its own, the service is named after the target.",
			want:   names{"web", "web-primary", "web-canary", "web-primary"},
		},
		"Own": {
			reason:  "The service's name is the base of all three, but not of the workload.",
			service: "shop",
			want:    names{"shop", "shop-primary", "shop-canary", "web-primary"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &Canary{Spec: CanarySpec{TargetRef: LocalObjectReference{Name: "web"}, Service: CanaryService{Name: tc.service}}}
			apex, primary, canary := c.ServiceNames()
			got := names{apex, primary, canary, c.PrimaryName()}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestGetAnalysis(t *testing.T) {
	c := &Canary{}
	if c.GetAnalysis() == nil {
		t.Error("a Canary without an analysis must not make the controller crash")
	}
	c.Spec.Analysis = &CanaryAnalysis{Threshold: 3}
	if got := c.GetAnalysis().Threshold; got != 3 {
		t.Errorf("the analysis is that of the spec: want threshold 3, got %d", got)
	}
}

func TestStatusSurvives(t *testing.T) {
	at := metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))
	cases := map[string]struct {
		reason string
		text   string
		want   CanaryStatus
	}{
		"OfFlagger": {
			reason: "A status that Flagger wrote, with times of whole seconds, is understood.",
			text: `{"phase":"Progressing","failedChecks":1,"canaryWeight":20,"iterations":0,
				"lastAppliedSpec":"5f7d","lastTransitionTime":"2026-01-02T03:04:05Z",
				"conditions":[{"type":"Promoted","status":"Unknown","reason":"Progressing","lastUpdateTime":"2026-01-02T03:04:05Z"}]}`,
			want: CanaryStatus{
				Phase: PhaseProgressing, FailedChecks: 1, CanaryWeight: 20, LastAppliedSpec: "5f7d",
				LastTransitionTime: metav1.NewTime(at.Truncate(time.Second)),
				Conditions: []CanaryCondition{{
					Type: ConditionPromoted, Status: metav1.ConditionUnknown, Reason: Reason(PhaseProgressing),
					LastUpdateTime: metav1.NewTime(at.Truncate(time.Second)),
				}},
			},
		},
		"Own": {
			reason: "Times of our own keep their microseconds, since checks may be a second apart.",
			text: `{"phase":"Progressing","failedChecks":0,"canaryWeight":0,"iterations":0,
				"run":{"id":"a","checkedAt":"2026-01-02T03:04:05.678901Z"},
				"outbox":[{"key":"a/1","type":"Warning","reason":"RolledBack","message":"m","time":"2026-01-02T03:04:05.678901Z","deliver":["event"]}]}`,
			want: CanaryStatus{
				Phase: PhaseProgressing,
				Run:   &CanaryRunStatus{ID: "a", CheckedAt: &at},
				Outbox: []CanaryNotice{{
					Key: "a/1", Type: EventWarning, Reason: ReasonRolledBack, Message: "m", Time: at, Deliver: []string{"event"},
				}},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var first, second CanaryStatus
			if err := json.Unmarshal([]byte(tc.text), &first); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, first); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			text, err := json.Marshal(first)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &second); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("%s It is written as it was read (-read +written):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCanaryWithoutServiceOrStatus(t *testing.T) {
	text, err := json.Marshal(Canary{})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	spec, _ := got["spec"].(map[string]any)
	if _, found := spec["service"]; found {
		t.Error("a Knative Canary has no service, so none is written, or the API server would want its port")
	}
	if _, found := got["status"]; found {
		t.Error("a Canary without a status is written without one")
	}
}

func TestAddToScheme(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{CanaryKind, MetricTemplateKind, AlertProviderKind} {
		for _, name := range []string{kind, kind + "List"} {
			if _, err := scheme.New(GroupVersion.WithKind(name)); err != nil {
				t.Errorf("the scheme does not know %s: %v", name, err)
			}
		}
	}
}
