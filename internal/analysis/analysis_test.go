// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package analysis

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func p(v float64) *float64 { return &v }

func TestJudge(t *testing.T) {
	errorRate := Metric{Name: "error-rate", Unit: "%", Range: Range{Max: p(1)}}
	cases := map[string]struct {
		reason  string
		metric  Metric
		reading Reading
		want    Verdict
		message string
	}{
		"Inside":      {"A value inside the range passes.", errorRate, Reading{Value: 0.2}, Passed, "error-rate is 0.2%"},
		"AtTheEnd":    {"The ends belong to the range.", errorRate, Reading{Value: 1}, Passed, "at most 1%"},
		"Above":       {"A value above says by how much.", errorRate, Reading{Value: 19.8}, Failed, "error-rate is 19.8% but must be at most 1%: 18.8% too high"},
		"Below":       {"A value below says by how much.", Metric{Name: "ok", Unit: "%", Range: Range{Min: p(99)}}, Reading{Value: 97.5}, Failed, "must be at least 99%: 1.5% too low"},
		"Between":     {"Both ends are named.", Metric{Name: "d", Unit: "ms", Range: Range{Min: p(1), Max: p(500)}}, Reading{Value: 512.25}, Failed, "d is 512.25 ms but must be between 1 and 500 ms: 12.25 ms too high"},
		"NoData":      {"No data is bad unless the user says otherwise.", errorRate, Reading{NoData: true}, Failed, "no data"},
		"NoDataNaN":   {"Not a number is no data.", errorRate, Reading{Value: math.NaN()}, Failed, "no data"},
		"NoDataPass":  {"The user may take no data for good.", Metric{Name: "m", NoData: NoDataPasses}, Reading{NoData: true}, Passed, "no data"},
		"NoDataWait":  {"The user may wait for data.", Metric{Name: "m", NoData: NoDataWaits}, Reading{NoData: true}, Held, "waiting"},
		"Infinite":    {"An infinite value is nobody's measurement.", errorRate, Reading{Value: math.Inf(1)}, Errors, "divide by zero"},
		"Unreachable": {"A metric system that is down says nothing about the canary.", errorRate, Reading{Err: errors.New("connection refused")}, Errors, "connection refused"},
		"Open":        {"A range without ends allows anything.", Metric{Name: "m"}, Reading{Value: 1e9}, Passed, "anything"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tc.metric.Judge(tc.reading)
			if got.Verdict != tc.want || !strings.Contains(got.Message, tc.message) {
				t.Errorf("%s\ngot %s %q, want %s %q", tc.reason, got.Verdict, got.Message, tc.want, tc.message)
			}
		})
	}
}

func TestSum(t *testing.T) {
	pass := Finding{Name: "a", Verdict: Passed, Message: "a is fine"}
	held := Finding{Name: "b", Verdict: Held, Message: "b waits"}
	broken := Finding{Name: "c", Verdict: Errors, Message: "c is down"}
	bad := Finding{Name: "d", Verdict: Failed, Message: "d is bad"}
	worse := Finding{Name: "e", Verdict: Failed, Message: "e is bad"}
	cases := map[string]struct {
		reason string
		in     []Finding
		want   Verdict
		why    string
	}{
		"Nothing":   {"Without metrics nothing speaks against the canary.", nil, Passed, ""},
		"AllPass":   {"All must pass.", []Finding{pass, pass}, Passed, ""},
		"Held":      {"One that waits holds the others.", []Finding{pass, held}, Held, "b waits"},
		"Error":     {"An error weighs more than waiting.", []Finding{held, broken, pass}, Errors, "c is down"},
		"Failed":    {"A bad value counts even while another metric system is down.", []Finding{broken, bad, pass}, Failed, "d is bad"},
		"AllFailed": {"Every metric that failed is named, not only the first.", []Finding{bad, pass, worse}, Failed, "d is bad; e is bad"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, why := Sum(tc.in)
			if got != tc.want || why != tc.why {
				t.Errorf("%s\ngot %s %q, want %s %q", tc.reason, got, why, tc.want, tc.why)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	got := []string{}
	for _, v := range []float64{0, 1, 99.99999, 0.00012345, 12.345678, -1.5, 1e20, 512} {
		got = append(got, Number(v, "ms"))
	}
	want := []string{"0 ms", "1 ms", "100 ms", "0.0001235 ms", "12.346 ms", "-1.5 ms", "100000000000000000000 ms", "512 ms"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
