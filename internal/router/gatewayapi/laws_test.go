// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package gatewayapi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gw "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/sluice-delivery/sluice/api/v1beta1"
	"github.com/sluice-delivery/sluice/internal/router"
	"github.com/sluice-delivery/sluice/internal/router/gatewayapi"
	"github.com/sluice-delivery/sluice/internal/router/routertest"
)

func TestLaws(t *testing.T) {
	routertest.Run(t, gatewayapi.New(), routertest.Fixture{
		App:     plain(),
		Admit:   admit(t),
		Edits:   edits(),
		Foreign: foreign(),
		Broken:  broken(),
		Refused: map[string]func(*router.App){
			"Host": func(a *router.App) { a.Service.Hosts = []string{"_bad_"} },
			"Method": func(a *router.App) {
				a.Service.Match = []v1beta1.HTTPMatchRequest{{Method: &v1beta1.StringMatch{Exact: "get"}}}
			},
		},
	})
}

// plain is an application that says no more than it must.
func plain() router.App {
	return router.App{
		Namespace: "test",
		Name:      "podinfo",
		Primary:   "podinfo-primary",
		Canary:    "podinfo-canary",
		Port:      9898,
		Service: v1beta1.CanaryService{
			Port:        9898,
			GatewayRefs: []v1beta1.GatewayReference{{Name: "public", Namespace: "gateways"}},
		},
	}
}

// full is an application that says everything that an HTTPRoute can.
func full() router.App {
	app := plain()
	for _, name := range []string{"Hosts", "Parents", "Match", "Headers", "Rewrite", "Mirror", "CORS", "Timeouts", "Metadata"} {
		edits()[name](&app)
	}
	return app
}

func edits() map[string]func(*router.App) {
	return map[string]func(*router.App){
		"Hosts": func(a *router.App) { a.Service.Hosts = []string{"app.example.com", "www.example.com"} },
		"Port":  func(a *router.App) { a.Port, a.Service.Port = 80, 80 },
		"Parents": func(a *router.App) {
			a.Service.GatewayRefs = []v1beta1.GatewayReference{
				{Name: "public", Namespace: "gateways", SectionName: "https", Port: 443},
				{Name: "waypoint", Kind: "Service", Group: new("")},
			}
		},
		"Match": func(a *router.App) {
			a.Service.Match = []v1beta1.HTTPMatchRequest{
				{
					Name:        "everything",
					URI:         &v1beta1.StringMatch{Regex: "/v[0-9]+/.*"},
					Method:      &v1beta1.StringMatch{Exact: "GET"},
					Headers:     map[string]v1beta1.StringMatch{"x-b": {Regex: "^b.*"}, "x-a": {Exact: "a"}},
					QueryParams: map[string]v1beta1.StringMatch{"q": {Regex: "[a-z]+"}, "p": {Exact: "1"}},
				},
				{URI: &v1beta1.StringMatch{Exact: "/exact"}},
				{URI: &v1beta1.StringMatch{Prefix: "/prefix"}},
				{Headers: map[string]v1beta1.StringMatch{"x-only": {Exact: "1"}}},
			}
		},
		"Headers": func(a *router.App) {
			a.Service.Headers = &v1beta1.Headers{
				Request: &v1beta1.HeaderOperations{
					Set:    map[string]string{"x-set-b": "2", "x-set-a": "1"},
					Add:    map[string]string{"x-add": "3"},
					Remove: []string{"x-gone"},
				},
				Response: &v1beta1.HeaderOperations{Add: map[string]string{"x-served-by": "app"}},
			}
		},
		"Rewrite": func(a *router.App) {
			a.Service.Rewrite = &v1beta1.HTTPRewrite{URI: "/new", Authority: "inner.example.com"}
		},
		"Prefix":    func(a *router.App) { a.Service.Rewrite = &v1beta1.HTTPRewrite{URI: "/", Type: "ReplacePrefixMatch"} },
		"Mirror":    func(a *router.App) { a.Service.Mirror = mirrors() },
		"Timeouts":  func(a *router.App) { a.Service.Timeout, a.Service.BackendTimeout = "1.5s", "500ms" },
		"Timeout":   func(a *router.App) { a.Service.Timeout = "15s" },
		"CORS":      func(a *router.App) { a.Service.CorsPolicy = cors() },
		"PlainCORS": func(a *router.App) { a.Service.CorsPolicy = &v1beta1.CorsPolicy{AllowOrigin: []string{"*"}} },
		"Metadata": func(a *router.App) {
			a.Service.Apex = &v1beta1.CustomMetadata{
				Labels:      map[string]string{"team": "blue"},
				Annotations: map[string]string{"example.com/owner": "blue"},
			}
		},
	}
}

func cors() *v1beta1.CorsPolicy {
	return &v1beta1.CorsPolicy{
		AllowOrigin:      []string{"https://app.example.com"},
		AllowOrigins:     []v1beta1.OriginMatch{{Exact: "https://www.example.com"}},
		AllowMethods:     []string{"GET", "POST"},
		AllowHeaders:     []string{"x-token"},
		ExposeHeaders:    []string{"x-trace"},
		MaxAge:           "24h",
		AllowCredentials: new(true),
	}
}

func mirrors() []v1beta1.HTTPRequestMirror {
	return []v1beta1.HTTPRequestMirror{
		{BackendRef: v1beta1.BackendReference{Name: "recorder", Namespace: "audit", Port: 8080}},
		{BackendRef: v1beta1.BackendReference{Name: "lake", Group: "example.com", Kind: "Sink"}},
	}
}

// foreign is what users and other controllers put into a route.
func foreign() map[string]routertest.Foreign {
	const owner, color = "example.com/touched-by", "color"
	rule := gw.HTTPRouteRule{
		Name:    new(gw.SectionName("admin")),
		Matches: []gw.HTTPRouteMatch{{Path: &gw.HTTPPathMatch{Type: new(gw.PathMatchExact), Value: new("/admin")}}},
		BackendRefs: []gw.HTTPBackendRef{{BackendRef: gw.BackendRef{
			BackendObjectReference: gw.BackendObjectReference{Group: new(gw.Group("")), Kind: new(gw.Kind("Service")), Name: "admin", Port: new(int32(80))},
			Weight:                 new(int32(7)),
		}}},
	}
	match := gw.HTTPRouteMatch{Path: &gw.HTTPPathMatch{Type: new(gw.PathMatchExact), Value: new("/theirs")}}
	extension := gw.HTTPRouteFilter{
		Type:         gw.HTTPRouteFilterExtensionRef,
		ExtensionRef: &gw.LocalObjectReference{Group: "example.com", Kind: "RateLimit", Name: "slow"},
	}
	header := gw.HTTPHeader{Name: "x-theirs", Value: "yes"}
	parent := gw.ParentReference{Group: new(gw.Group(gw.GroupName)), Kind: new(gw.Kind("Gateway")), Name: "theirs"}

	return map[string]routertest.Foreign{
		"Metadata": on(func(r *gw.HTTPRoute) {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[color], r.Annotations[owner] = "red", "them"
		}, func(r *gw.HTTPRoute) bool { return r.Labels[color] == "red" && r.Annotations[owner] == "them" }),

		"Finalizer": on(func(r *gw.HTTPRoute) { r.Finalizers = append(r.Finalizers, "example.com/wait") },
			func(r *gw.HTTPRoute) bool { return slices.Contains(r.Finalizers, "example.com/wait") }),

		"Hostname": on(func(r *gw.HTTPRoute) { r.Spec.Hostnames = append(r.Spec.Hostnames, "theirs.example.com") },
			func(r *gw.HTTPRoute) bool { return slices.Contains(r.Spec.Hostnames, "theirs.example.com") }),

		"Parent": on(func(r *gw.HTTPRoute) { r.Spec.ParentRefs = append(r.Spec.ParentRefs, parent) },
			func(r *gw.HTTPRoute) bool { return contains(r.Spec.ParentRefs, parent) }),

		"Rule": on(func(r *gw.HTTPRoute) { r.Spec.Rules = append(r.Spec.Rules, *rule.DeepCopy()) },
			func(r *gw.HTTPRoute) bool { return contains(r.Spec.Rules, rule) }),

		"Match": on(func(r *gw.HTTPRoute) { r.Spec.Rules[0].Matches = append(r.Spec.Rules[0].Matches, match) },
			func(r *gw.HTTPRoute) bool { return contains(r.Spec.Rules[0].Matches, match) }),

		"Filter": on(func(r *gw.HTTPRoute) { r.Spec.Rules[0].Filters = append(r.Spec.Rules[0].Filters, extension) },
			func(r *gw.HTTPRoute) bool { return contains(r.Spec.Rules[0].Filters, extension) }),

		"Header": on(func(r *gw.HTTPRoute) { addHeader(&r.Spec.Rules[0], header) },
			func(r *gw.HTTPRoute) bool { return contains(requestHeaders(r.Spec.Rules[0]).Set, header) }),

		"RuleName": on(func(r *gw.HTTPRoute) { r.Spec.Rules[0].Name = new(gw.SectionName("main")) },
			func(r *gw.HTTPRoute) bool { return r.Spec.Rules[0].Name != nil && *r.Spec.Rules[0].Name == "main" }),

		"BackendFilter": on(func(r *gw.HTTPRoute) { r.Spec.Rules[0].BackendRefs[1].Filters = []gw.HTTPRouteFilter{extension} },
			func(r *gw.HTTPRoute) bool { return contains(r.Spec.Rules[0].BackendRefs[1].Filters, extension) }),

		"Status": on(func(r *gw.HTTPRoute) {
			r.Status.Parents = append(r.Status.Parents, gw.RouteParentStatus{ParentRef: parent, ControllerName: "example.com/them", Conditions: []metav1.Condition{{Type: "Accepted", Status: "True", Reason: "Accepted", LastTransitionTime: metav1.Unix(1, 0)}}})
		}, func(r *gw.HTTPRoute) bool { return len(r.Status.Parents) == 1 }),
	}
}

func on(add func(*gw.HTTPRoute), stays func(*gw.HTTPRoute) bool) routertest.Foreign {
	return routertest.Foreign{
		Add:   func(obj client.Object) { add(obj.(*gw.HTTPRoute)) },
		Stays: func(obj client.Object) bool { return stays(obj.(*gw.HTTPRoute)) },
	}
}

func addHeader(rule *gw.HTTPRouteRule, header gw.HTTPHeader) {
	for i := range rule.Filters {
		if h := rule.Filters[i].RequestHeaderModifier; h != nil {
			h.Set = append(h.Set, header)
			return
		}
	}
	rule.Filters = append(rule.Filters, gw.HTTPRouteFilter{
		Type:                  gw.HTTPRouteFilterRequestHeaderModifier,
		RequestHeaderModifier: &gw.HTTPHeaderFilter{Set: []gw.HTTPHeader{header}},
	})
}

func requestHeaders(rule gw.HTTPRouteRule) gw.HTTPHeaderFilter {
	for _, f := range rule.Filters {
		if f.RequestHeaderModifier != nil {
			return *f.RequestHeaderModifier
		}
	}
	return gw.HTTPHeaderFilter{}
}

// broken are specs that an HTTPRoute cannot express.
func broken() map[string]routertest.Broken {
	match := func(m v1beta1.HTTPMatchRequest) func(*router.App) {
		return func(a *router.App) { a.Service.Match = []v1beta1.HTTPMatchRequest{{}, m} }
	}
	some := &v1beta1.StringMatch{Exact: "x"}
	unsupported := func(field string, m v1beta1.HTTPMatchRequest) routertest.Broken {
		return routertest.Broken{Edit: match(m), Kind: router.ErrUnsupported, Field: "spec.service.match[1]." + field}
	}
	invalid := func(field string, edit func(*router.App)) routertest.Broken {
		return routertest.Broken{Edit: edit, Kind: router.ErrInvalid, Field: field}
	}
	return map[string]routertest.Broken{
		"NoGateway":       invalid("spec.service.gatewayRefs", func(a *router.App) { a.Service.GatewayRefs = nil }),
		"Scheme":          unsupported("scheme", v1beta1.HTTPMatchRequest{Scheme: some}),
		"Authority":       unsupported("authority", v1beta1.HTTPMatchRequest{Authority: some}),
		"WithoutHeaders":  unsupported("withoutHeaders", v1beta1.HTTPMatchRequest{WithoutHeaders: map[string]v1beta1.StringMatch{"a": *some}}),
		"IgnoreCase":      unsupported("ignoreUriCase", v1beta1.HTTPMatchRequest{IgnoreURICase: true}),
		"Port":            unsupported("port", v1beta1.HTTPMatchRequest{Port: 80}),
		"SourceLabels":    unsupported("sourceLabels", v1beta1.HTTPMatchRequest{SourceLabels: map[string]string{"a": "b"}}),
		"SourceNamespace": unsupported("sourceNamespace", v1beta1.HTTPMatchRequest{SourceNamespace: "a"}),
		"Gateways":        unsupported("gateways", v1beta1.HTTPMatchRequest{Gateways: []string{"mesh"}}),
		"MethodPrefix":    unsupported("method.prefix", v1beta1.HTTPMatchRequest{Method: &v1beta1.StringMatch{Prefix: "G"}}),
		"MethodRegex":     unsupported("method.regex", v1beta1.HTTPMatchRequest{Method: &v1beta1.StringMatch{Regex: "G.*"}}),
		"HeaderPrefix":    unsupported("headers[a].prefix", v1beta1.HTTPMatchRequest{Headers: map[string]v1beta1.StringMatch{"a": {Prefix: "x"}}}),
		"QueryPrefix":     unsupported("queryParams[a].prefix", v1beta1.HTTPMatchRequest{QueryParams: map[string]v1beta1.StringMatch{"a": {Prefix: "x"}}}),
		"EmptyMethod":     invalid("spec.service.match[1].method", match(v1beta1.HTTPMatchRequest{Method: &v1beta1.StringMatch{}})),
		"EmptyHeader":     invalid("spec.service.match[1].headers[a]", match(v1beta1.HTTPMatchRequest{Headers: map[string]v1beta1.StringMatch{"a": {}}})),
		"EmptyQuery":      invalid("spec.service.match[1].queryParams[a]", match(v1beta1.HTTPMatchRequest{QueryParams: map[string]v1beta1.StringMatch{"a": {}}})),
		"OriginPattern": {
			Edit: func(a *router.App) {
				a.Service.CorsPolicy = &v1beta1.CorsPolicy{AllowOrigins: []v1beta1.OriginMatch{{Regex: ".*"}}}
			},
			Kind:  router.ErrUnsupported,
			Field: "spec.service.corsPolicy.allowOrigins[0]",
		},
		"MaxAge": invalid("spec.service.corsPolicy.maxAge", func(a *router.App) {
			a.Service.CorsPolicy = &v1beta1.CorsPolicy{MaxAge: "a day"}
		}),
		"Timeout":         invalid("spec.service.timeout", func(a *router.App) { a.Service.Timeout = "soon" }),
		"NegativeTimeout": invalid("spec.service.backendTimeout", func(a *router.App) { a.Service.BackendTimeout = "-1s" }),
	}
}

func contains[T any](list []T, v T) bool {
	return slices.ContainsFunc(list, func(x T) bool { return cmp.Equal(x, v) })
}
