// Package openapi is the description of Keyfob's HTTP API, in OpenAPI 3.1, for whoever writes a client, generates one,
// or tests against the service.
//
// It promises that the document tells the truth, by tests: its paths and methods are those of the template and of the
// handlers, its security is what the authorizer asks for, its lengths and enumerations are what the code enforces, and
// what the gateway answers by itself is in it. Every example in it is valid, and every credential in it is made up.
// Package openapitest holds the exchanges of other tests against it.
//
// It is 3.1 and not 3.0 because only there a body can be described as strictly as it is read: constants, fields that
// exclude each other, objects that are closed although they are put together. kin-openapi checks all of it; a test
// tries whether it does, on every example.
//
// It does not describe the preflights of browsers (OPTIONS, which the Fetch standard does), what API Gateway answers
// to what is not HTTP, or the operator's function, which has no route. No code of the service reads it: a request is
// decided on by the handlers.
package openapi

import _ "embed"

//go:embed openapi.yaml
var document string

// Document gives the document, in YAML.
func Document() []byte { return []byte(document) }
