// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	firstWait = time.Second      // before the second attempt; doubles with each
	maxWait   = 30 * time.Second // between attempts, unless the webhook asks for more
	maxQuote  = 1 << 10          // bytes of an answer that an error quotes
	maxDrain  = 64 << 10         // bytes that are read so that the connection can be used again
)

// HTTP is a Caller that posts the payload. Any 2xx is success. Connection
// errors, 429 and 5xx except 501 are tried again, waiting 1 s, 2 s and so on
// up to 30 s, or as long as a 429 or 503 asks for in Retry-After.
type HTTP struct {
	verifying, trusting http.RoundTripper
}

// NewHTTP returns an HTTP with connections of its own, to be shared by all.
// Proxies are taken from the environment.
func NewHTTP() *HTTP {
	trusting := http.DefaultTransport.(*http.Transport).Clone()
	trusting.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // for users who ask for it
	return &HTTP{verifying: http.DefaultTransport.(*http.Transport).Clone(), trusting: trusting}
}

// Call implements Caller.
func (h *HTTP) Call(ctx context.Context, c Call) error {
	body, err := json.Marshal(c.Payload)
	if err != nil {
		return fmt.Errorf("write the payload: %w", err)
	}
	for n := 0; ; n++ {
		wait, err := h.attempt(ctx, c, body)
		if err == nil {
			return nil
		}
		if n > 0 {
			err = fmt.Errorf("after %d attempts: %w", n+1, err)
		}
		if wait == never || n >= c.Retries || !sleep(ctx, max(wait, backoff(n))) {
			return err
		}
	}
}

func backoff(n int) time.Duration { return min(firstWait<<min(n, 10), maxWait) }

// sleep returns false if ctx would end before the wait does: then there is no
// point in waiting.
func sleep(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// never is the wait of errors that another attempt does not mend.
const never time.Duration = -1

// attempt posts body once. With an error it returns how long to wait at least
// before the next attempt.
func (h *HTTP) attempt(ctx context.Context, c Call, body []byte) (time.Duration, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	timed, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := request(timed, c, body)
	if err != nil {
		return never, err
	}
	resp, err := h.client(c).Do(r)
	switch {
	case ctx.Err() != nil && err != nil:
		return never, fmt.Errorf("call %s: %w", r.URL.Host, ctx.Err())
	case timed.Err() != nil && err != nil:
		return 0, fmt.Errorf("call %s: no answer within %s: %w", r.URL.Host, timeout, timed.Err())
	case err != nil:
		return 0, fmt.Errorf("call %s: %w", r.URL.Host, bare(err))
	}
	defer resp.Body.Close()
	text := quote(resp.Body)
	if resp.StatusCode/100 == 2 {
		return 0, nil
	}
	err = fmt.Errorf("%s %w with %s: %s", r.URL.Host, ErrRefused, resp.Status, cmp.Or(text, "no reason given"))
	return next(resp), err
}

func (h *HTTP) client(c Call) *http.Client {
	if c.DisableTLS {
		return &http.Client{Transport: h.trusting}
	}
	return &http.Client{Transport: h.verifying}
}

func request(ctx context.Context, c Call, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil || r.URL.Host == "" || (r.URL.Scheme != "http" && r.URL.Scheme != "https") {
		return nil, errors.New("the url of a webhook must be one such as http://loadtester.test/gate/check")
	}
	r.Header.Set("Content-Type", "application/json")
	if c.IdempotencyKey != "" {
		r.Header.Set("Idempotency-Key", c.IdempotencyKey)
	}
	return r, nil
}

// next returns how long to wait at least before trying again after resp.
func next(resp *http.Response) time.Duration {
	busy := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable
	switch {
	case busy:
		return retryAfter(resp.Header.Get("Retry-After"))
	case resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented:
		return 0
	}
	return never
}

// retryAfter reads the header, which is in seconds or a date; anything else
// is no wait.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

// quote returns the beginning of body on one line and reads the rest, within
// limits, so that the connection can be used again.
func quote(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxQuote+1)) // half an answer is better than none
	_, _ = io.CopyN(io.Discard, body, maxDrain)
	more := ""
	if len(b) > maxQuote {
		b, more = b[:maxQuote], "…"
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(b), "")), " ") + more
}

// bare takes the URL out of err.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
