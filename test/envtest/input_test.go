// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build envtest

package envtest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
)

// A mistake is something that a user gets wrong, and mends.
type mistake struct {
	reason string
	make   func(w *world) (mend func()) // makes the world with the mistake in it
	name   string                       // of the Canary that is told; web if empty
	code   v1beta1.Reason
	says   []string // what the message has in it: the field and the mend
	routed bool     // the mistake is found when the Canary is at rest
	also   string   // reason of a Warning that the mend itself brings
}

// TestBadInput holds for each mistake: one condition, one Warning, no traffic
// moves, and when it is mended, everything goes on without a restart.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, m := range mistakes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mend := m.make(w)
			canary := m.name
			if canary == "" {
				canary = "web"
			}
			w.until("the Canary says what is wrong", func() bool {
				c := find[*v1beta1.Canary](w, canary)
				return c != nil && condition(c, v1beta1.ConditionStalled).Status == "True" && len(w.warnings(canary)) > 0
			})
			w.settle(canary)
			checkTold(w, m, canary)
			mend()
			c := w.phase(canary, v1beta1.PhaseInitialized)
			w.until("the Canary is ready to release", func() bool {
				c = find[*v1beta1.Canary](w, canary)
				return condition(c, v1beta1.ConditionReady).Status == "True"
			})
			for _, got := range w.warnings(canary)[1:] {
				if m.also == "" || !strings.HasPrefix(got, m.also+": ") {
					t.Errorf("%s\nThe mend needs no further words; got %q", m.reason, got)
				}
			}
		})
	}
}

// checkTold makes sure that people were told what is wrong, once, and that
// nothing was moved.
func checkTold(w *world, m mistake, canary string) {
	w.Helper()
	c := find[*v1beta1.Canary](w, canary)
	stalled := condition(c, v1beta1.ConditionStalled)
	if stalled.Reason != m.code {
		w.Errorf("%s\nStalled = %s, want %s", m.reason, stalled.Reason, m.code)
	}
	told := w.warnings(canary)
	if len(told) != 1 {
		w.Fatalf("%s\nPeople are told once; got %q", m.reason, told)
	}
	for _, text := range m.says {
		for _, message := range []string{stalled.Message, told[0], condition(c, v1beta1.ConditionReady).Message} {
			if !strings.Contains(message, text) {
				w.Errorf("%s\nThe message has %q in it; got %q", m.reason, text, message)
			}
		}
	}
	switch routes := past[*gw.HTTPRoute](w, canary); {
	case !m.routed && len(routes) > 0:
		w.Errorf("%s\nNo route is written; got %v", m.reason, w.weights(canary))
	case m.routed && (routes[len(routes)-1].Generation != 1 || !slices.Equal(w.weights(canary), []int{0})):
		w.Errorf("%s\nThe route stays as it is; got %v", m.reason, w.weights(canary))
	}
	if !m.routed && find[*appsv1.Deployment](w, canary+"-primary") != nil && m.name == "" {
		w.Errorf("%s\nNo primary is made", m.reason)
	}
}

// warnings returns the messages of the Warnings about a Canary.
func (w *world) warnings(name string) []string {
	var all []string
	for _, e := range w.events(name) {
		if e.Type == corev1.EventTypeWarning {
			all = append(all, e.Reason+": "+e.Message)
		}
	}
	return all
}

// mistakes returns all of them by name.
func mistakes() map[string]mistake {
	all := map[string]mistake{}
	for _, some := range []map[string]mistake{metricMistakes(), objectMistakes(), unsupported()} {
		for name, m := range some {
			all[name] = m
		}
	}
	return all
}

// withMetric makes a Canary with one metric and returns how to mend it.
func (w *world) withMetric(m v1beta1.CanaryMetric) {
	w.Helper()
	w.create(deployment("web"), w.canary("web", func(c *v1beta1.Canary) { c.Spec.Analysis.Metrics = []v1beta1.CanaryMetric{m} }))
}

func (w *world) template(query string) *v1beta1.MetricTemplate {
	return &v1beta1.MetricTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "rate"},
		Spec:       v1beta1.MetricTemplateSpec{Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: w.prom.URL}, Query: query},
	}
}

func metricMistakes() map[string]mistake {
	fromTemplate := v1beta1.CanaryMetric{Name: "rate", TemplateRef: &v1beta1.CrossNamespaceReference{Name: "rate"}, ThresholdRange: &v1beta1.CanaryThresholdRange{Max: new(100.0)}}
	return map[string]mistake{
		"NoTemplate": {
			reason: "A MetricTemplate that does not exist is named.",
			make: func(w *world) func() {
				w.withMetric(fromTemplate)
				return func() { w.create(w.template("up")) }
			},
			code: v1beta1.ReasonTemplateNotFound,
			says: []string{"spec.analysis.metrics[0].templateRef", "/rate does not exist", "create it"},
		},
		"TemplateSyntax": {
			reason: "A query that is no template is named with its template.",
			make: func(w *world) func() {
				w.create(w.template("up{a={{ target }"))
				w.withMetric(fromTemplate)
				return func() {
					change(w, "rate", &v1beta1.MetricTemplate{}, func(m *v1beta1.MetricTemplate) { m.Spec.Query = "up" })
				}
			},
			code: v1beta1.ReasonTemplateInvalid,
			says: []string{"/rate spec.query"},
		},
		"PromQL": {
			reason: "A query that Prometheus refuses is known before the release that needs it.",
			make: func(w *world) func() {
				w.prom.answer(func(query string) (int, string) {
					if strings.Contains(query, "sum(") {
						return badData("unclosed left parenthesis")
					}
					return http.StatusOK, vector(1)
				})
				w.create(w.template("sum("))
				w.withMetric(fromTemplate)
				return func() {
					change(w, "rate", &v1beta1.MetricTemplate{}, func(m *v1beta1.MetricTemplate) { m.Spec.Query = "up" })
				}
			},
			code:   v1beta1.ReasonQueryRejected,
			says:   []string{"spec.analysis.metrics[0]", "unclosed left parenthesis", "mend the query"},
			routed: true,
		},
		"Unreachable": {
			reason: "A Prometheus that nobody can reach is named.",
			make: func(w *world) func() {
				url, open := closedPort(w.T, w.prom)
				w.create(deployment("web"), w.canary("web", func(c *v1beta1.Canary) { c.Spec.MetricsServer = url }))
				return open
			},
			code:   v1beta1.ReasonMetricsUnreachable,
			says:   []string{"spec.analysis.metrics[0]", "http://127.0.0.1:", "mend the address"},
			routed: true,
		},
	}
}

func objectMistakes() map[string]mistake {
	return map[string]mistake{
		"NoTarget": {
			reason: "A target that does not exist is waited for.",
			make: func(w *world) func() {
				w.create(w.canary("web"))
				return func() { w.create(deployment("web")) }
			},
			code: v1beta1.ReasonTargetNotFound,
			says: []string{"spec.targetRef", "create it"},
		},
		"NoLabel": {
			reason: "A target without a usable label can't be told from its primary.",
			make: func(w *world) func() {
				w.create(deployment("web", func(d *appsv1.Deployment) {
					d.Spec.Selector.MatchLabels = map[string]string{"tier": "front"}
					d.Spec.Template.Labels = map[string]string{"tier": "front"}
				}), w.canary("web"))
				return func() {
					if err := w.Delete(w.Context(), find[*appsv1.Deployment](w, "web")); err != nil {
						w.Fatal(err)
					}
					w.until("the target is gone", func() bool { return find[*appsv1.Deployment](w, "web") == nil })
					w.create(deployment("web"))
				}
			},
			code: v1beta1.ReasonSelectorLabelMissing,
			says: []string{"spec.selector.matchLabels", "app, name, app.kubernetes.io/name", "-selector-labels"},
			also: "TargetNotFound",
		},
		"NoConfig": {
			reason: "A ConfigMap that the target needs is named.",
			make: func(w *world) func() {
				w.create(deployment("web", func(d *appsv1.Deployment) {
					d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
				}), w.canary("web"))
				return func() { w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}) }
			},
			code: v1beta1.ReasonConfigNotFound,
			says: []string{"configmap settings", "create it"},
		},
		"ForeignSide": {
			reason: "A Service of somebody else is left alone.",
			make: func(w *world) func() {
				w.create(service("web-canary", "other"), deployment("web"), w.canary("web"))
				return func() {
					if got := find[*corev1.Service](w, "web-canary").Spec.Selector["app"]; got != "other" {
						w.Errorf("the Service of somebody else selects %s now", got)
					}
					if err := w.Delete(w.Context(), find[*corev1.Service](w, "web-canary")); err != nil {
						w.Fatal(err)
					}
				}
			},
			code: v1beta1.ReasonServiceConflict,
			says: []string{"/web-canary exists", "delete or rename it", "spec.service.name"},
		},
		"ForeignApex": {
			reason: "A Service that leads elsewhere is not taken over.",
			make: func(w *world) func() {
				w.create(service("web", "other"), deployment("web"), w.canary("web"))
				return func() {
					change(w, "web", &corev1.Service{}, func(s *corev1.Service) { s.Spec.Selector["app"] = "web" })
				}
			},
			code: v1beta1.ReasonServiceConflict,
			says: []string{"/web exists", "mend the selector", "spec.service.name"},
		},
		"SharedTarget": {
			reason: "Two Canaries never have the same target; the older keeps it.",
			make: func(w *world) func() {
				w.create(deployment("web"), deployment("other"), w.canary("web"))
				w.stopped("web", v1beta1.PhaseInitialized)
				w.create(w.canary("web2", func(c *v1beta1.Canary) { c.Spec.TargetRef.Name, c.Spec.Service.Name = "web", "web2" }))
				return mendCanary(w, func(c *v1beta1.Canary) { c.Spec.TargetRef.Name = "other" })
			},
			name: "web2",
			code: v1beta1.ReasonTargetShared,
			says: []string{"spec.targetRef", "/web already has", "delete one"},
		},
		"NoGateway": {
			reason: "A route without a gateway leads nowhere.",
			make: func(w *world) func() {
				w.create(deployment("web"), w.canary("web", func(c *v1beta1.Canary) { c.Spec.Service.GatewayRefs = nil }))
				return mendCanary(w, func(c *v1beta1.Canary) { c.Spec.Service.GatewayRefs = w.canary("web").Spec.Service.GatewayRefs })
			},
			code: v1beta1.ReasonInvalidSpec,
			says: []string{"spec.service.gatewayRefs"},
		},
	}
}

// service returns one that selects the pods of app.
func service(name, app string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": app}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
}

func mendCanary(w *world, mend func(*v1beta1.Canary)) func() {
	return func() { change(w, "web", &v1beta1.Canary{}, mend) }
}

// unsupported are specs of Flagger that this version has nothing for.
func unsupported() map[string]mistake {
	specs := map[string]struct {
		code v1beta1.Reason
		says string
		edit func(*v1beta1.Canary)
	}{
		"Provider": {v1beta1.ReasonUnknownProvider, `spec.provider "istio"`, func(c *v1beta1.Canary) { c.Spec.Provider = "istio" }},
		"Iterations": {v1beta1.ReasonUnsupported, "spec.analysis.iterations", func(c *v1beta1.Canary) {
			c.Spec.Analysis.StepWeights, c.Spec.Analysis.Iterations = nil, 5
		}},
		"Match": {v1beta1.ReasonUnsupported, "spec.analysis.", func(c *v1beta1.Canary) {
			c.Spec.Analysis.StepWeights, c.Spec.Analysis.Iterations = nil, 5
			c.Spec.Analysis.Match = []v1beta1.CanaryMatch{{Headers: map[string]v1beta1.HeaderMatch{"x-canary": {Exact: "yes"}}}}
		}},
		"Mirror": {v1beta1.ReasonUnsupported, "spec.analysis.mirror", func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }},
		"SessionAffinity": {v1beta1.ReasonUnsupported, "spec.analysis.sessionAffinity", func(c *v1beta1.Canary) {
			c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "canary"}
		}},
		"Autoscaler": {v1beta1.ReasonUnsupported, "spec.autoscalerRef", func(c *v1beta1.Canary) {
			c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: "web"}
		}},
		"DaemonSet": {v1beta1.ReasonUnsupported, "spec.targetRef.kind", func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind = "DaemonSet" }},
	}
	all := map[string]mistake{}
	for name, s := range specs {
		all["Unsupported"+name] = mistake{
			reason: "What this version can't do is refused, not left out: " + s.says + ".",
			make: func(w *world) func() {
				w.create(deployment("web"), w.canary("web", s.edit))
				return mendCanary(w, func(c *v1beta1.Canary) { c.Spec = w.canary("web").Spec })
			},
			code: s.code,
			says: []string{s.says},
		}
	}
	return all
}

// TestMistakeInMidRelease edits the spec of a release under way into nonsense.
func TestMistakeInMidRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(deployment("web"), w.canary("web", every("2s")))
	w.stopped("web", v1beta1.PhaseInitialized)
	w.release("web", "example.com/web:2")
	w.until("the canary gets requests", func() bool { return slices.Contains(w.weights("web"), 10) })
	change(w, "web", &v1beta1.Canary{}, func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true })
	w.until("the Canary says what is wrong", func() bool {
		return condition(find[*v1beta1.Canary](w, "web"), v1beta1.ConditionStalled).Reason == v1beta1.ReasonUnsupported
	})
	w.settle("web")
	if diff := cmp.Diff([]int{0, 10}, w.weights("web")); diff != "" {
		t.Errorf("the weight is held while the plan makes no sense (-want +got):\n%s", diff)
	}
	change(w, "web", &v1beta1.Canary{}, func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = false })
	w.phase("web", v1beta1.PhaseSucceeded)
	if diff := cmp.Diff([]int{0, 10, 50, 0}, w.weights("web")); diff != "" {
		t.Errorf("the release goes on when it is mended (-want +got):\n%s", diff)
	}
}
