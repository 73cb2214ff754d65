// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-delivery/sluice/internal/metric"
)

// An answer is what /api/v1/query sends.
type answer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

func decode(body []byte) (a answer, err error) {
	err = json.Unmarshal(body, &a)
	return a, err
}

// A sample is one series of a vector.
type sample struct {
	Metric    map[string]string `json:"metric"`
	Value     *point            `json:"value"`
	Histogram json.RawMessage   `json:"histogram"`
}

// name writes the series as PromQL does.
func (s sample) name() string {
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(s.Metric)) {
		if k != "__name__" {
			labels = append(labels, fmt.Sprintf("%s=%q", k, s.Metric[k]))
		}
	}
	return s.Metric["__name__"] + "{" + strings.Join(labels, ",") + "}"
}

// A point is a value at a time, written [time, "value"].
type point float64

// UnmarshalJSON implements json.Unmarshaler.
func (p *point) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errors.New("a point must have a time and a value")
	}
	var text string
	if err := json.Unmarshal(pair[1], &text); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(text, 64)
	*p = point(v)
	return err
}

func (p *point) number() (float64, error) {
	if p == nil {
		return 0, errors.New("the answer has no value")
	}
	return metric.Finite(float64(*p))
}

// number returns the one number of the answer.
func (a answer) number() (float64, error) {
	switch a.Data.ResultType {
	case "scalar":
		var p *point
		if err := json.Unmarshal(a.Data.Result, &p); err != nil {
			return 0, fmt.Errorf("the answer is a scalar that can't be read: %w", err)
		}
		return p.number()
	case "vector":
		var samples []sample
		if err := json.Unmarshal(a.Data.Result, &samples); err != nil {
			return 0, fmt.Errorf("the answer is a vector that can't be read: %w", err)
		}
		return one(samples)
	}
	return 0, fmt.Errorf("%w: it gives a %s, but a scalar or an instant vector is needed",
		metric.ErrQuery, strconv.Quote(a.Data.ResultType))
}

func one(samples []sample) (float64, error) {
	switch {
	case len(samples) == 0:
		return 0, fmt.Errorf("%w: the query matched nothing", metric.ErrNoData)
	case len(samples) > 1:
		names := make([]string, len(samples))
		for i, s := range samples {
			names[i] = s.name()
		}
		return 0, metric.SeriesError(names)
	case samples[0].Value == nil && samples[0].Histogram != nil:
		return 0, fmt.Errorf("%w: it gives a native histogram; make it a number, for example with histogram_quantile()",
			metric.ErrQuery)
	}
	return samples[0].Value.number()
}
