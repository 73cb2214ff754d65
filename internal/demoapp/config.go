// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package demoapp

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// A Config says how the application behaves.
type Config struct {
	Version       string
	Pod           string
	Port          int
	ErrorRate     float64 // share of requests answered with 500, from 0 to 1
	Latency       time.Duration
	CrashAfter    time.Duration // 0 is never
	ReadyAfter    time.Duration
	ShutdownDelay time.Duration // from the wish to stop until no request is taken any more
}

// Knobs reads the configuration from environment variables: VERSION, PORT,
// ERROR_RATE, LATENCY, CRASH_AFTER, READY_AFTER and SHUTDOWN_DELAY. Its error
// names every variable that makes no sense.
func Knobs(lookup func(string) (string, bool)) (Config, error) {
	k := knobs{lookup: lookup}
	c := Config{
		Version:       k.text("VERSION", "dev"),
		Port:          int(k.number("PORT", 8080, "a port such as 8080", isPort)),
		ErrorRate:     k.number("ERROR_RATE", 0, "a share from 0 to 1 such as 0.2", isShare),
		Latency:       k.duration("LATENCY", 0),
		CrashAfter:    k.duration("CRASH_AFTER", 0),
		ReadyAfter:    k.duration("READY_AFTER", 0),
		ShutdownDelay: k.duration("SHUTDOWN_DELAY", 3*time.Second),
	}
	return c, errors.Join(k.wrong...)
}

func isPort(v float64) bool  { return v == math.Trunc(v) && v >= 0 && v <= 65535 }
func isShare(v float64) bool { return v >= 0 && v <= 1 }

// knobs collects what is wrong with the variables that it reads.
type knobs struct {
	lookup func(string) (string, bool)
	wrong  []error
}

func (k *knobs) text(name, unset string) string {
	if v, ok := k.lookup(name); ok && v != "" {
		return v
	}
	return unset
}

func (k *knobs) number(name string, unset float64, want string, fits func(float64) bool) float64 {
	text := k.text(name, "")
	if text == "" {
		return unset
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !fits(v) {
		k.wrong = append(k.wrong, fmt.Errorf("%s is %q but must be %s", name, text, want))
	}
	return v
}

func (k *knobs) duration(name string, unset time.Duration) time.Duration {
	text := k.text(name, "")
	if text == "" {
		return unset
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		k.wrong = append(k.wrong, fmt.Errorf("%s is %q but must be a duration such as 300ms or 20s", name, text))
	}
	return v
}
