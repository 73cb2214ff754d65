// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package catalog knows every adapter by the name that users write. It is the
// only package that imports them.
package catalog

import (
	"fmt"

	"github.com/sluice-delivery/sluice/internal/router"
	"github.com/sluice-delivery/sluice/internal/router/gatewayapi"
)

// dialects has each proxy by the name of spec.provider.
var dialects = map[string]router.Dialect{
	"gatewayapi:v1": gatewayapi.New(),
}

// Dialect returns the way in which provider writes routes down. An unknown
// provider is an error, never a default.
func Dialect(provider string) (router.Dialect, error) {
	d, ok := dialects[provider]
	if !ok {
		return nil, fmt.Errorf("spec.provider %q is not in this version; it has %s", provider, names(dialects))
	}
	return d, nil
}
