// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progress tells a person who waits what is going on.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Every is how long a Printer stays silent at most while something runs.
const Every = 5 * time.Second

// A Printer writes one line for each thing that happens. It may be used
// concurrently.
type Printer struct {
	out io.Writer
	mu  sync.Mutex
}

// New returns a Printer that writes to out.
func New(out io.Writer) *Printer {
	return &Printer{out: out}
}

// Say writes one line.
func (p *Printer) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// Watch says what and the time so far, every five seconds, until the returned
// function is called. That function returns the time it took in all.
func (p *Printer) Watch(what string) (stop func() time.Duration) {
	start, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(Every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p.Say("%s, %s …", what, Seconds(time.Since(start)))
			}
		}
	}()
	return func() time.Duration {
		close(done)
		<-ended
		return time.Since(start)
	}
}

// Seconds writes a duration as people read it: "0.7 s", "41 s", "10 min 29 s".
func Seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
}
