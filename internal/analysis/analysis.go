// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package analysis turns numbers into verdicts. It is pure: it knows neither
// where a number comes from nor what becomes of the verdict.
package analysis

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Verdict is what one metric says about the canary.
type Verdict string

// The verdicts, from the best to the worst for the canary.
const (
	Passed Verdict = "Passed" // within its range
	Held   Verdict = "NoData" // nothing to go on, and the user wants to wait for it
	Errors Verdict = "Error"  // could not be found out
	Failed Verdict = "Failed" // out of range, or no data where that counts as bad
)

// A Range is an inclusive range of allowed values; nil leaves an end open.
type Range struct {
	Min, Max *float64
}

// Excess returns how far v is outside the range: negative below Min, positive
// above Max, 0 inside.
func (r Range) Excess(v float64) float64 {
	switch {
	case r.Min != nil && v < *r.Min:
		return v - *r.Min
	case r.Max != nil && v > *r.Max:
		return v - *r.Max
	}
	return 0
}

// Text describes the range for people, with values in unit.
func (r Range) Text(unit string) string {
	switch {
	case r.Min != nil && r.Max != nil:
		return fmt.Sprintf("between %s and %s", Number(*r.Min, ""), Number(*r.Max, unit))
	case r.Min != nil:
		return "at least " + Number(*r.Min, unit)
	case r.Max != nil:
		return "at most " + Number(*r.Max, unit)
	}
	return "anything"
}

// A Policy says what a metric without data means.
type Policy string

// The policies. The empty Policy is NoDataFails.
const (
	NoDataFails  Policy = "Fail"
	NoDataPasses Policy = "Pass"
	NoDataWaits  Policy = "Wait"
)

// A Metric is what the user asks of one number.
type Metric struct {
	Name   string
	Unit   string // written after values, for example "%" or "ms"
	Range  Range
	NoData Policy
}

// A Reading is what a metric system answered: a value, nothing, or an error.
type Reading struct {
	Value  float64
	NoData bool
	Err    error
}

// A Finding is the verdict on one metric and how it came about.
type Finding struct {
	Name    string
	Value   string // empty without a value
	Range   string
	Verdict Verdict
	Message string // a sentence that names the metric
}

// Judge returns the verdict on one reading.
func (m Metric) Judge(r Reading) Finding {
	f := Finding{Name: m.Name, Range: m.Range.Text(m.Unit)}
	switch {
	case r.Err != nil:
		f.Verdict, f.Message = Errors, fmt.Sprintf("%s could not be asked: %v", m.Name, r.Err)
	case r.NoData || math.IsNaN(r.Value):
		f.Verdict, f.Message = m.noData()
	case math.IsInf(r.Value, 0):
		f.Verdict, f.Message = Errors, fmt.Sprintf("%s is infinite; does its query divide by zero?", m.Name)
	default:
		f.Value = Number(r.Value, m.Unit)
		f.Verdict, f.Message = m.judge(r.Value, f)
	}
	return f
}

func (m Metric) judge(v float64, f Finding) (Verdict, string) {
	excess := m.Range.Excess(v)
	if excess == 0 {
		return Passed, fmt.Sprintf("%s is %s, %s allowed", m.Name, f.Value, f.Range)
	}
	side := "too high"
	if excess < 0 {
		side = "too low"
	}
	return Failed, fmt.Sprintf("%s is %s but must be %s: %s %s", m.Name, f.Value, f.Range, Number(math.Abs(excess), m.Unit), side)
}

func (m Metric) noData() (Verdict, string) {
	switch m.NoData {
	case NoDataPasses:
		return Passed, m.Name + " has no data, which may be"
	case NoDataWaits:
		return Held, m.Name + " has no data yet; waiting for some"
	}
	return Failed, m.Name + " has no data; does the canary get requests, and does the query name its pods?"
}

// Sum returns the verdict on the canary, the worst of its metrics, and a
// sentence about every metric that has that verdict.
func Sum(findings []Finding) (Verdict, string) {
	worst := Passed
	for _, f := range findings {
		if rank(f.Verdict) > rank(worst) {
			worst = f.Verdict
		}
	}
	var why []string
	for _, f := range findings {
		if f.Verdict == worst && worst != Passed {
			why = append(why, f.Message)
		}
	}
	return worst, strings.Join(why, "; ")
}

func rank(v Verdict) int {
	return strings.Index("Passed NoData Error Failed", string(v))
}

// Number writes v with three decimals, or four significant digits if it is
// smaller than one, and its unit.
func Number(v float64, unit string) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if math.Abs(v) < 1e15 {
		digits := 3
		if a := math.Abs(v); a < 1 && a > 0 {
			digits = min(2-int(math.Floor(math.Log10(a)))+1, 12)
		}
		scale := math.Pow(10, float64(digits))
		text = strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
	}
	switch unit {
	case "":
		return text
	case "%":
		return text + unit
	}
	return text + " " + unit
}
