// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-delivery/sluice/internal/metric"
	"github.com/sluice-delivery/sluice/internal/metric/metrictest"
)

func TestSource(t *testing.T) {
	ways := map[string]Config{
		"Password": {Username: "u", Password: metrictest.Secret},
		"Token":    {Token: metrictest.Secret},
		"Header":   {Headers: http.Header{"X-Api-Key": {metrictest.Secret}}},
	}
	for name, config := range ways {
		t.Run(name, func(t *testing.T) { metrictest.Run(t, system(config)) })
	}
	addresses := map[string]func(url string) string{
		"User":      func(url string) string { return strings.Replace(url, "://", "://u:"+metrictest.Secret+"@", 1) },
		"Parameter": func(url string) string { return url + "?key=" + metrictest.Secret },
	}
	for name, address := range addresses {
		t.Run(name, func(t *testing.T) {
			s := system(Config{})
			s.New = func(t *testing.T, url string) metric.Source { return source(t, Config{Address: address(url)}) }
			metrictest.Run(t, s)
		})
	}
}

// system has answers recorded from Prometheus.
func system(c Config) metrictest.System {
	return metrictest.System{
		New: func(t *testing.T, url string) metric.Source {
			c.Address = url
			return source(t, c)
		},
		Query: "sum(rate(x[1m]))",
		Value: ok("vector", `[{"metric":{},"value":[1769000000.123,"97.5"]}]`),
		Empty: ok("vector", `[]`),
		NaN:   ok("vector", `[{"metric":{},"value":[1769000000.123,"NaN"]}]`),
		Series: ok("vector", `[{"metric":{"__name__":"up","job":"a"},"value":[1769000000,"1"]},`+
			`{"metric":{"__name__":"up","job":"b"},"value":[1769000000,"0"]}]`),
		Named: `up{job="a"}, up{job="b"}`,
		Invalid: metrictest.Answer{Status: 400, Body: `{"status":"error","errorType":"bad_data",` +
			`"error":"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"}`},
		Reason: "1:5: parse error: unclosed left parenthesis",
	}
}

func ok(kind, result string) metrictest.Answer {
	return metrictest.Answer{Status: 200,
		Body: `{"status":"success","data":{"resultType":"` + kind + `","result":` + result + `}}`}
}

func source(t *testing.T, c Config) *Source {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

func TestNumber(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer metrictest.Answer
		value  float64
		err    string
	}{
		"Scalar":    {reason: "A scalar is a number too.", answer: ok("scalar", `[1769000000,"2.5"]`), value: 2.5},
		"Exponent":  {reason: "Numbers keep their precision.", answer: ok("scalar", `[1,"1.2345678901e-7"]`), value: 1.2345678901e-7},
		"Infinite":  {reason: "A division by zero is not a measurement.", answer: ok("scalar", `[1,"+Inf"]`), err: "infinite value"},
		"NaNScalar": {reason: "NaN is no data in a scalar too.", answer: ok("scalar", `[1,"NaN"]`), err: "no data"},
		"Matrix":    {reason: "A range has no one number.", answer: ok("matrix", `[]`), err: `wrong query: it gives a "matrix"`},
		"String":    {reason: "A text is no number.", answer: ok("string", `[1,"x"]`), err: `wrong query: it gives a "string"`},
		"Histogram": {reason: "A native histogram is no number.", answer: ok("vector", `[{"metric":{},"histogram":[1,{"count":"3"}]}]`), err: "histogram_quantile()"},
		"NoValue":   {reason: "A series without a value is not zero.", answer: ok("vector", `[{"metric":{}}]`), err: "the answer has no value"},
		"HalfPoint": {reason: "A point without a value is not zero.", answer: ok("vector", `[{"metric":{},"value":[1]}]`), err: "a time and a value"},
		"NullPoint": {reason: "A scalar that is null is not zero.", answer: ok("scalar", `null`), err: "the answer has no value"},
		"Text":      {reason: "A value that is no number is an error.", answer: ok("scalar", `[1,"many"]`), err: "many"},
		"Victoria": {reason: "VictoriaMetrics tells wrong queries by the number of the status.", err: "wrong query: missing )",
			answer: metrictest.Answer{Status: 422, Body: `{"status":"error","errorType":"422","error":"missing )"}`}},
		"Execution": {reason: "A store behind the server may be down, which is no fault of the query.", err: "execution: expanding series",
			answer: metrictest.Answer{Status: 422, Body: `{"status":"error","errorType":"execution","error":"expanding series: EOF"}`}},
		"Timeout": {reason: "A query that takes too long may be asked again.", err: "query timed out",
			answer: metrictest.Answer{Status: 503, Body: `{"status":"error","errorType":"timeout","error":"query timed out"}`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.answer.Status)
				_, _ = w.Write([]byte(tc.answer.Body))
			}))
			defer server.Close()
			v, err := source(t, Config{Address: server.URL}).Query(t.Context(), "x", 0)
			if v != tc.value {
				t.Errorf("%s\nvalue: want %v, got %v", tc.reason, tc.value, v)
			}
			wantError(t, tc.reason, tc.err, err)
		})
	}
}

func TestRequest(t *testing.T) {
	type request struct{ Method, Path, Query, Tenant, Authorization, Header string }
	cases := map[string]struct {
		reason string
		path   string
		config Config
		want   request
	}{
		"Plain": {reason: "White space means nothing and is collapsed.",
			want: request{Path: "/api/v1/query"}},
		"Path": {reason: "The path of the address is kept.", path: "/select/0/prometheus/",
			want: request{Path: "/select/0/prometheus/api/v1/query"}},
		"Parameters": {reason: "Parameters of the address are kept.", path: "?tenant=7",
			want: request{Path: "/api/v1/query", Tenant: "7"}},
		"Token": {reason: "A token goes before a password.",
			config: Config{Token: "t", Username: "u", Password: "p"},
			want:   request{Path: "/api/v1/query", Authorization: "Bearer t"}},
		"Password": {reason: "User name and password are sent as basic authentication.",
			config: Config{Username: "u", Password: "p"},
			want:   request{Path: "/api/v1/query", Authorization: "Basic dTpw"}},
		"Headers": {reason: "Headers are added.", config: Config{Headers: http.Header{"X-Scope-Orgid": {"a"}}},
			want: request{Path: "/api/v1/query", Header: "a"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				got = request{r.Method, r.URL.Path, q.Get("query"), q.Get("tenant"), r.Header.Get("Authorization"), r.Header.Get("X-Scope-OrgID")}
				_, _ = w.Write([]byte(ok("scalar", `[1,"1"]`).Body))
			}))
			defer server.Close()
			tc.config.Address = server.URL + tc.path
			if _, err := source(t, tc.config).Query(t.Context(), " sum(\n\trate(x[1m])\n)\n", 0); err != nil {
				t.Fatalf("Query: %v", err)
			}
			tc.want.Method, tc.want.Query = http.MethodGet, "sum( rate(x[1m]) )"
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nrequest (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNew(t *testing.T) {
	cases := map[string]struct {
		reason string
		config Config
		err    string
	}{
		"Good":       {reason: "An address is all it needs.", config: Config{Address: "http://p:9090"}},
		"Empty":      {reason: "There is no default address.", err: "must be a URL such as"},
		"NoScheme":   {reason: "The scheme is not guessed.", config: Config{Address: "prometheus:9090"}, err: "must be a URL such as"},
		"File":       {reason: "Only HTTP is spoken.", config: Config{Address: "file:///etc/passwd"}, err: "must be a URL such as"},
		"Password":   {reason: "Half a credential is a mistake.", config: Config{Address: "http://p", Password: "x"}, err: "both username and password"},
		"Username":   {reason: "Half a credential is a mistake.", config: Config{Address: "http://p", Username: "x"}, err: "both username and password"},
		"BadEscapes": {reason: "A secret in a broken address stays one.", config: Config{Address: "http://u:%zzz@p"}, err: "must be a URL such as"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.config)
			wantError(t, tc.reason, tc.err, err)
		})
	}
}

func TestPing(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer metrictest.Answer
		err    string
	}{
		"Online": {reason: "vector(1) is one.", answer: ok("vector", `[{"metric":{},"value":[1,"1"]}]`)},
		"Other":  {reason: "A server that says anything to anything is no Prometheus.", answer: ok("vector", `[{"metric":{},"value":[1,"7"]}]`), err: "no Prometheus"},
		"Down":   {reason: "A server that is down is not online.", answer: metrictest.Answer{Status: 502}, err: "502"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.answer.Status)
				_, _ = w.Write([]byte(tc.answer.Body))
			}))
			defer server.Close()
			wantError(t, tc.reason, tc.err, source(t, Config{Address: server.URL}).Ping(t.Context()))
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(ok("scalar", `[1,"1"]`).Body))
	}))
	defer server.Close()
	_, err := source(t, Config{Address: server.URL}).Query(t.Context(), "1", 0)
	wantError(t, "An unknown certificate is refused.", "certificate", err)
	_, err = source(t, Config{Address: server.URL, InsecureSkipVerify: true}).Query(t.Context(), "1", 0)
	wantError(t, "The user may say that any certificate will do.", "", err)
}

func TestRedirect(t *testing.T) {
	var leaked bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked = true }))
	defer other.Close()
	away := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	server := httptest.NewServer(http.RedirectHandler(away, http.StatusFound))
	defer server.Close()
	_, err := source(t, Config{Address: server.URL, Headers: http.Header{"X-Api-Key": {"key"}}}).Query(t.Context(), "1", 0)
	wantError(t, "A redirect to another host is not followed.", "302", err)
	if leaked {
		t.Error("Headers may hold credentials, which are not for other hosts.")
	}
}

func wantError(t *testing.T, reason, want string, err error) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s\nunexpected error: %v", reason, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s\nwant an error that mentions %q, got: %v", reason, want, err)
	}
}
