// Package gitleakstest holds .gitleaks.toml, the rule that others copy into their configuration, against the credentials
// that are made here: with gitleaks itself, where it is installed.
//
// It promises that a change of the credentials' form, of the rule or of the published pattern that parts them fails a
// test: every API token and session of any realm is found whatever stands around it, and nothing is that only looks a
// little like one.
//
// It is a test and nothing else; there is nothing to import. Whether this repository is clean .ci/run asks.
package gitleakstest
