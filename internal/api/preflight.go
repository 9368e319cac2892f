package api

import "keyfob/internal/gateway"

// methods are the methods of each path, for the answers to preflights.
var methods = map[string]string{
	"/v1/login": "GET, POST", "/api/v1/login": "GET, POST",
	"/v1/login/unlock": "POST", "/api/v1/login/unlock": "POST", "/v1/login/challenge": "POST", "/api/v1/login/challenge": "POST",
	"/v1/login/stepup": "POST",
	"/v1/logout":       "GET, POST", "/api/v1/logout": "GET, POST",
	"/v1/tokens": "GET, POST", "/v1/tokens/{id}": "GET, PATCH, DELETE",
	"/v1/tokens/{id}/rotate": "POST", "/v1/tokens/{id}/reveal": "POST", "/v1/revoke": "POST", "/v1/leaks/github": "POST",
	"/v1/account": "GET, PATCH", "/v1/account/handover": "GET, POST, DELETE", "/v1/account/handover/accept": "POST",
	"/v1/users": "GET, POST", "/v1/users/{id}": "GET, PATCH, DELETE", "/v1/users/{id}/invite": "POST", "/v1/users/{id}/factors": "DELETE",
	"/v1/password/reset": "POST", "/v1/password/set": "POST",
	"/v1/me": "GET, PATCH", "/v1/me/password": "POST", "/v1/me/sessions": "GET, DELETE", "/v1/me/sessions/{id}": "DELETE",
	"/v1/me/factors": "GET", "/v1/me/factors/codes": "POST",
	"/v1/me/factors/totp": "POST, DELETE", "/v1/me/factors/totp/confirm": "POST",
	"/v1/me/factors/email": "POST, DELETE", "/v1/me/factors/email/confirm": "POST",
	"/v1/me/factors/passkeys": "POST", "/v1/me/factors/passkeys/confirm": "POST", "/v1/me/factors/passkeys/{id}": "DELETE",
	"/v1/audit": "GET", "/v1/tokens/{id}/audit": "GET",
	"/v1/tokenInfo": "GET", "/api/v1/tokenInfo": "GET",
	"/v1/{category}": "GET", "/v1/{category}/{id}": "GET, PUT, DELETE",
	"/v1/{category}/{id}/run": "POST", "/v1/{category}/{id}/debugLogs": "GET",
	"/v1/integrations": "GET", "/v1/integrations/{id}": "GET, PUT, DELETE", "/v1/integrations/{id}/tokens": "POST",
	"/api/v1/api/key": "GET, POST", "/api/v1/api/key/{token}": "DELETE", "/api/v1/search": "POST",
}

// preflights adds a route for the preflight of each path. They belong to the function that has no permissions: what
// anybody may call without a credential should have nothing to lose.
func preflights(routes gateway.Routes, origin string) gateway.Routes {
	for path, allowed := range methods {
		routes["OPTIONS "+path] = gateway.Preflight(origin, allowed)
	}
	return routes
}
