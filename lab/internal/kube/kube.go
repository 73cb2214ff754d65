// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kube is the little that a lab needs of an API client: enough to ask
// how far a cluster is, without linking one. Everything else is kubectl's.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A Client talks to an API server. It may be used concurrently.
type Client struct {
	server, token string
	http          *http.Client
}

// New returns a client for the server at the URL server, whose certificate the
// authority ca (PEM) has signed.
func New(server, token string, ca []byte) *Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &Client{server: server, token: token, http: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}},
	}}
}

// Ready returns nil when the API server does its work.
func (c *Client) Ready(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/readyz", nil, nil)
}

// object is what is looked at in any object.
type object struct {
	Spec struct {
		SecurityContext struct{ RunAsUser *int64 }
	}
	Status struct {
		Conditions []struct{ Type, Status, Message string }
	}
}

// Condition returns a function that returns nil when the object at path has
// the condition kind with status True.
func (c *Client) Condition(path, kind string) func(context.Context) error {
	return func(ctx context.Context) error {
		var o object
		if err := c.do(ctx, http.MethodGet, path, nil, &o); err != nil {
			return err
		}
		for _, cond := range o.Status.Conditions {
			if cond.Type == kind && cond.Status == "True" {
				return nil
			}
			if cond.Type == kind {
				return fmt.Errorf("%s is %s: %s", kind, cond.Status, cond.Message)
			}
		}
		return fmt.Errorf("%s has no condition %s", path, kind)
	}
}

// probe is a pod that asks for a user of its own.
const probe = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"probe","namespace":"default"},
"spec":{"securityContext":{"runAsUser":7},"containers":[{"name":"probe","image":"probe"}]}}`

// OneUser returns nil when the cluster takes users out of pods.
func (c *Client) OneUser(ctx context.Context) error {
	var o object
	if err := c.do(ctx, http.MethodPost, "/api/v1/namespaces/default/pods?dryRun=All", []byte(probe), &o); err != nil {
		return err
	}
	if o.Spec.SecurityContext.RunAsUser != nil {
		return fmt.Errorf("pods still get users of their own")
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(b)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}
