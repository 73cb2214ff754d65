// Copyright The Sluice Authors.
// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the rules of this repository as tests, so that nobody
// has to remember them. A rule looks at the repository and returns findings;
// each is shown with the reason for the rule. What a rule lets pass is listed
// beside it, with a sentence that says why, and an entry that nothing needs any
// more fails as well. TestRulesFind plants a violation of every rule.
package archtest
