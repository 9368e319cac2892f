// Package infratest holds the tests of what is not Go: template.yaml and infra/, the Makefile and samconfig.toml that
// build and deploy them, and the events that sam local is given.
//
// It promises that a change there which breaks a rule of the design fails a test: a policy wider than what the function
// needs (S31), a log or an answer that could hold a credential (S21), a route without its function, a function without
// its build target, a table without its protection, an event that is not what its service sends.
//
// It has nothing to import. It does not ask whether AWS agrees: cfn-lint and a deployment do.
package infratest
