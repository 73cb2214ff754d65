// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
