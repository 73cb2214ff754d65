// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package prometheus asks Prometheus, and whatever serves its HTTP API, for
// numbers.
package prometheus

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluice-delivery/sluice/internal/metric"
)

const (
	maxBody  = 1 << 20 // bytes of an answer that are read
	maxQuote = 500     // bytes of an unexpected answer that an error quotes
)

// A Config says where a Prometheus is and how to get in.
type Config struct {
	// Address is an http or https URL, to which /api/v1/query is added. It
	// may have a path and parameters of its own.
	Address string
	// Username and Password are for basic authentication: both or neither.
	Username, Password string
	// Token is a bearer token; it goes before Username and Password.
	Token string
	// Headers are added to every request.
	Headers http.Header
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

// New returns the Prometheus that c describes, without asking it anything. It
// has connections of its own, so callers keep one per Config.
func New(c Config) (*Source, error) {
	address, err := parse(c.Address)
	if err != nil {
		return nil, err
	}
	if c.Token == "" && (c.Username == "") != (c.Password == "") {
		return nil, errors.New("the credentials for Prometheus need both username and password, or a token")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	if c.InsecureSkipVerify {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the user asks for it
	}
	return &Source{
		address: address,
		header:  header(c),
		client:  &http.Client{Transport: transport, CheckRedirect: sameHost},
		redact:  redactor(c, address),
	}, nil
}

func parse(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the address of Prometheus must be a URL such as http://prometheus.monitoring:9090")
	}
	return u, nil
}

func header(c Config) http.Header {
	h := c.Headers.Clone()
	if h == nil {
		h = http.Header{}
	}
	switch {
	case c.Token != "":
		h.Set("Authorization", "Bearer "+c.Token)
	case c.Username != "":
		h.Set("Authorization", "Basic "+basic(c.Username, c.Password))
	}
	return h
}

func basic(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

// redactor takes out of texts what a careless server may echo.
func redactor(c Config, address *url.URL) *strings.Replacer {
	secrets := []string{c.Token, c.Password}
	if c.Password != "" {
		secrets = append(secrets, basic(c.Username, c.Password))
	}
	if password, ok := address.User.Password(); ok {
		secrets = append(secrets, password, basic(address.User.Username(), password))
	}
	for _, values := range c.Headers {
		secrets = append(secrets, values...)
	}
	for _, values := range address.Query() {
		secrets = append(secrets, values...)
	}
	var pairs []string
	for _, s := range secrets {
		if len(s) > 3 { // shorter ones are no secrets, and would garble the text
			pairs = append(pairs, s, "[redacted]")
		}
	}
	return strings.NewReplacer(pairs...)
}

// sameHost follows redirects only where the headers may go.
func sameHost(r *http.Request, via []*http.Request) error {
	if r.URL.Hostname() != via[0].URL.Hostname() || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

// A Source is one Prometheus. It implements metric.Source and metric.Pinger.
type Source struct {
	address *url.URL
	header  http.Header
	client  *http.Client
	redact  *strings.Replacer
}

// Query implements metric.Source. PromQL has its windows inside, so window is
// ignored. The result is a scalar or a vector of one series.
func (s *Source) Query(ctx context.Context, query string, _ time.Duration) (float64, error) {
	r, err := s.get(ctx, strings.Join(strings.Fields(query), " "))
	if err != nil {
		return 0, fmt.Errorf("query Prometheus at %s: %w", s.place(), err)
	}
	v, err := r.number()
	if err != nil {
		return 0, fmt.Errorf("query Prometheus at %s: %w", s.place(), err)
	}
	return v, nil
}

// Ping implements metric.Pinger.
func (s *Source) Ping(ctx context.Context) error {
	v, err := s.Query(ctx, "vector(1)", 0)
	if err == nil && v != 1 {
		err = fmt.Errorf("the server at %s is no Prometheus: it says that vector(1) is %v", s.place(), v)
	}
	return err
}

// place names the server in errors, without anything that may be secret.
func (s *Source) place() string {
	u := url.URL{Scheme: s.address.Scheme, Host: s.address.Host, Path: s.address.Path}
	return u.String()
}

// get asks by GET, as proxies that know Kubernetes' rights want more of them
// for POST.
func (s *Source) get(ctx context.Context, query string) (answer, error) {
	u := s.address.JoinPath("api/v1/query")
	values := u.Query()
	values.Set("query", query)
	u.RawQuery = values.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, errors.New("the address and the query make no request")
	}
	r.Header = s.header.Clone()
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{}, bare(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", bare(err))
	}
	if len(body) > maxBody {
		return answer{}, errors.New("the answer is longer than 1 MiB; aggregate the series, for example with sum()")
	}
	return s.read(resp, body)
}

func (s *Source) read(resp *http.Response, body []byte) (answer, error) {
	a, err := decode(body)
	switch {
	case err == nil && wrong(a.ErrorType):
		return answer{}, fmt.Errorf("%w: %s", metric.ErrQuery, s.quote(a.Error))
	case err == nil && a.Error != "":
		return answer{}, fmt.Errorf("it answered %s: %s: %s", resp.Status, s.quote(a.ErrorType), s.quote(a.Error))
	case resp.StatusCode/100 != 2 || err != nil:
		text := cmp.Or(s.quote(string(body)), "nothing")
		return answer{}, fmt.Errorf("it answered %s where Prometheus' JSON is expected: %s", resp.Status, text)
	case a.Status != "success":
		return answer{}, fmt.Errorf("it answered with status %q and no error", s.quote(a.Status))
	}
	return a, nil
}

// wrong reports whether an error of the kind says that the query is wrong.
// Prometheus has a name for it, VictoriaMetrics the number of the status. The
// kind execution is not one: it also tells of stores that are down.
func wrong(kind string) bool { return kind == "bad_data" || kind == "400" || kind == "422" }

// quote returns text on one line, short, and without secrets.
func (s *Source) quote(text string) string {
	text = strings.Join(strings.Fields(s.redact.Replace(text)), " ")
	if len(text) > maxQuote {
		text = strings.ToValidUTF8(text[:maxQuote], "") + "…"
	}
	return text
}

// bare takes the URL out of err: it holds the query and maybe credentials.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
