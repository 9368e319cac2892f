package api

import (
	"context"
	"net/http"
	"path"

	"keyfob/dashboard"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
)

// Dashboard is the function that serves the pages that people see. It has no permission but to write its log.
func Dashboard(c Config) *gateway.Function {
	return c.function(gateway.Routes{
		"GET /":         func(context.Context, *gateway.Request) (gateway.Response, error) { return file("home.html") },
		"GET /password": func(context.Context, *gateway.Request) (gateway.Response, error) { return file("password.html") },
		"GET /assets/{file}": func(_ context.Context, r *gateway.Request) (gateway.Response, error) {
			if path.Ext(r.Param("file")) == ".html" { // a page has a route of its own
				return file("")
			}
			return file(r.Param("file"))
		},
	})
}

// pagePolicy is what a page may load (Content Security Policy Level 3): its own files and answers, nothing written into it
// and nothing from elsewhere. Nobody may frame it, and no form of it is ever sent by the browser itself.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func file(name string) (gateway.Response, error) {
	kind, known := dashboard.Types[path.Ext(name)]
	data, found := dashboard.File(name)
	if !known || !found {
		return gateway.Response{}, fault.New(fault.NotFound, "not_found", "There is nothing here.")
	}
	return gateway.Response{Status: http.StatusOK, Body: data, Headers: map[string]string{"Content-Type": kind}, Policy: pagePolicy}, nil
}
