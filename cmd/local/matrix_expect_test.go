package main

import (
	"net/http"
	"strings"
)

// The rules of who may do what, as people would be told them: they are written here once more, by hand, and from the
// code that keeps them nothing is taken. The matrix (matrix_test.go) holds the running service against them.

// who is a set of roles.
type who uint8

const (
	owners  who = 1 << iota
	admins      // may what owners may, but for the policy and for who is an owner
	members     // of an account whose admins alone issue tokens; these were admins when their tokens were made
	issuers     // are the members of an account where everyone issues tokens
)

const (
	everybody = owners | admins | members | issuers
	managers  = owners | admins
	makers    = managers | issuers // of tokens
)

// need is what a route asks of the credential itself.
type need uint8

const (
	openToAll need = iota // a credential changes nothing
	anyCredential
	sessionOnly
	fullScope // a session has it
	listing   // full scope, or reading anything of the category
	reading   // full scope, or reading this very resource
	writing
	running    // also an integration's tokens
	logReading // as reading, and also an integration's tokens
	searching
)

// A rule says who may use a route, and what it then answers.
type rule struct {
	need     need
	roles    who // who may use it at all, for what is theirs
	others   who // who of them may use it for what is a colleague's
	seniors  who // who of those may use it for what is an owner's
	ok       int
	body     string
	creates  bool // what is not there comes to be
	inPerson bool // for what is an owner's it takes a session
	always   bool // so it does for what is anybody's
}

const (
	change  = `{"name":"Changed"}`
	newOne  = `{"name":"Made","scope":"full"}`
	newBare = `{"name":"Made"}`
	shown   = `{"factors":[{"factor":"totp","password":"000000"}]}`
)

var rules = map[string]rule{
	// Sessions.
	"POST /v1/login":      {need: openToAll, ok: http.StatusBadRequest, body: `{}`},
	"POST /api/v1/login":  {need: openToAll, ok: http.StatusBadRequest, body: `{}`},
	"GET /v1/login":       {need: fullScope, roles: everybody, ok: http.StatusOK},
	"GET /api/v1/login":   {need: fullScope, roles: everybody, ok: http.StatusOK},
	"POST /v1/logout":     {need: anyCredential, roles: everybody, ok: http.StatusOK},
	"GET /v1/logout":      {need: anyCredential, roles: everybody, ok: http.StatusOK},
	"POST /api/v1/logout": {need: anyCredential, roles: everybody, ok: http.StatusOK},
	"GET /api/v1/logout":  {need: anyCredential, roles: everybody, ok: http.StatusOK},

	// Oneself: in a session, and of one's own only. Nobody here has a second factor.
	"POST /v1/login/unlock":                {need: sessionOnly, roles: everybody, ok: http.StatusConflict, body: shown},
	"POST /api/v1/login/unlock":            {need: sessionOnly, roles: everybody, ok: http.StatusConflict, body: shown},
	"POST /v1/login/challenge":             {need: sessionOnly, roles: everybody, ok: http.StatusUnprocessableEntity, body: `{"factor":"passkey"}`},
	"POST /api/v1/login/challenge":         {need: sessionOnly, roles: everybody, ok: http.StatusUnprocessableEntity, body: `{"factor":"email"}`},
	"POST /v1/login/stepup":                {need: sessionOnly, roles: everybody, ok: http.StatusBadRequest, body: `{}`},
	"POST /v1/password/reset":              {need: openToAll, ok: http.StatusBadRequest, body: `{}`},
	"POST /v1/password/set":                {need: openToAll, ok: http.StatusBadRequest, body: `{}`},
	"POST /v1/me/password":                 {need: sessionOnly, roles: everybody, ok: http.StatusBadRequest, body: `{}`},
	"GET /v1/me/sessions":                  {need: sessionOnly, roles: everybody, ok: http.StatusOK},
	"DELETE /v1/me/sessions":               {need: sessionOnly, roles: everybody, ok: http.StatusOK},
	"DELETE /v1/me/sessions/{id}":          {need: sessionOnly, roles: everybody, ok: http.StatusNoContent},
	"GET /v1/me/factors":                   {need: sessionOnly, roles: everybody, ok: http.StatusOK},
	"POST /v1/me/factors/totp":             {need: sessionOnly, roles: everybody, ok: http.StatusCreated},
	"POST /v1/me/factors/totp/confirm":     {need: sessionOnly, roles: everybody, ok: http.StatusBadRequest, body: `{}`},
	"DELETE /v1/me/factors/totp":           {need: sessionOnly, roles: everybody, ok: http.StatusNotFound},
	"POST /v1/me/factors/email":            {need: sessionOnly, roles: everybody, ok: http.StatusBadRequest, body: `{"to":"x@example.com"}`},
	"POST /v1/me/factors/email/confirm":    {need: sessionOnly, roles: everybody, ok: http.StatusBadRequest, body: `{}`},
	"DELETE /v1/me/factors/email":          {need: sessionOnly, roles: everybody, ok: http.StatusNotFound},
	"POST /v1/me/factors/passkeys":         {need: sessionOnly, roles: everybody, ok: http.StatusCreated},
	"POST /v1/me/factors/passkeys/confirm": {need: sessionOnly, roles: everybody, ok: http.StatusBadRequest, body: `{}`},
	"DELETE /v1/me/factors/passkeys/{id}":  {need: sessionOnly, roles: everybody, ok: http.StatusNotFound},
	"POST /v1/me/factors/codes":            {need: sessionOnly, roles: everybody, ok: http.StatusConflict},

	// Tokens. Who may do less than the creator of a token is never handed its secret.
	"GET /v1/tokenInfo":                 {need: anyCredential, roles: everybody, ok: http.StatusOK},
	"GET /api/v1/tokenInfo":             {need: anyCredential, roles: everybody, ok: http.StatusOK},
	"POST /v1/tokens":                   {need: fullScope, roles: makers, ok: http.StatusCreated, body: newOne},
	"GET /v1/tokens":                    {need: fullScope, roles: makers, ok: http.StatusOK},
	"GET /v1/tokens/{id}":               {need: fullScope, roles: makers, others: managers, seniors: managers, ok: http.StatusOK},
	"PATCH /v1/tokens/{id}":             {need: fullScope, roles: makers, others: managers, seniors: managers, ok: http.StatusOK, body: change},
	"DELETE /v1/tokens/{id}":            {need: fullScope, roles: makers, others: managers, seniors: managers, ok: http.StatusNoContent},
	"POST /v1/tokens/{id}/rotate":       {need: fullScope, roles: makers, others: managers, seniors: owners, ok: http.StatusCreated},
	"POST /v1/tokens/{id}/reveal":       {need: sessionOnly, roles: managers, others: managers, seniors: owners, ok: http.StatusOK, body: `{"reason":"lost"}`},
	"POST /v1/integrations/{id}/tokens": {need: fullScope, roles: makers, ok: http.StatusCreated, body: newBare},
	"POST /api/v1/api/key":              {need: fullScope, roles: makers, ok: http.StatusOK},
	"GET /api/v1/api/key":               {need: fullScope, roles: makers, ok: http.StatusOK},

	// Possession may revoke, and GitHub signs.
	"POST /v1/revoke":                {need: openToAll, ok: http.StatusOK},
	"DELETE /api/v1/api/key/{token}": {need: openToAll, ok: http.StatusOK},
	"POST /v1/leaks/github":          {need: openToAll, ok: http.StatusBadRequest, body: `[]`},
	"GET /disavow/{link}":            {need: openToAll, ok: http.StatusNotFound},
	"POST /disavow/{link}":           {need: openToAll, ok: http.StatusNotFound},

	// People and policy.
	"GET /v1/account":                  {need: fullScope, roles: everybody, ok: http.StatusOK},
	"PATCH /v1/account":                {need: fullScope, roles: owners, ok: http.StatusOK, body: `{"policy":{"tokensPerUser":99999}}`},
	"GET /v1/users":                    {need: fullScope, roles: managers, ok: http.StatusOK},
	"GET /v1/users/{id}":               {need: fullScope, roles: managers, others: managers, seniors: managers, ok: http.StatusOK},
	"PATCH /v1/users/{id}":             {need: fullScope, roles: managers, others: managers, seniors: owners, ok: http.StatusOK, inPerson: true},
	"POST /v1/users":                   {need: fullScope, roles: managers, ok: http.StatusCreated},
	"DELETE /v1/users/{id}":            {need: fullScope, roles: managers, others: managers, seniors: owners, ok: http.StatusNoContent, inPerson: true},
	"POST /v1/users/{id}/invite":       {need: fullScope, roles: managers, others: managers, seniors: owners, ok: http.StatusConflict, inPerson: true},
	"DELETE /v1/users/{id}/factors":    {need: fullScope, roles: managers, others: managers, seniors: owners, ok: http.StatusNoContent, inPerson: true, always: true},
	"GET /v1/account/handover":         {need: sessionOnly, roles: everybody, ok: http.StatusOK},
	"POST /v1/account/handover":        {need: sessionOnly, roles: owners, ok: http.StatusUnprocessableEntity, body: `{"to":"usr_0000000000000000"}`},
	"DELETE /v1/account/handover":      {need: sessionOnly, roles: everybody, ok: http.StatusNotFound},
	"POST /v1/account/handover/accept": {need: sessionOnly, roles: everybody, ok: http.StatusNotFound},
	"GET /v1/me":                       {need: sessionOnly, roles: everybody, ok: http.StatusOK},
	"PATCH /v1/me":                     {need: sessionOnly, roles: everybody, ok: http.StatusOK, body: `{"developerMode":true}`},

	// What happened.
	"GET /v1/audit":             {need: fullScope, roles: managers, ok: http.StatusOK},
	"GET /v1/tokens/{id}/audit": {need: fullScope, roles: makers, others: managers, seniors: managers, ok: http.StatusOK},

	// The catalogue.
	"GET /v1/{category}":                {need: listing, roles: everybody, ok: http.StatusOK},
	"GET /v1/{category}/{id}":           {need: reading, roles: everybody, others: everybody, ok: http.StatusOK},
	"PUT /v1/{category}/{id}":           {need: writing, roles: everybody, others: everybody, ok: http.StatusOK, body: change, creates: true},
	"DELETE /v1/{category}/{id}":        {need: writing, roles: everybody, others: everybody, ok: http.StatusNoContent},
	"POST /v1/{category}/{id}/run":      {need: running, roles: everybody, others: everybody, ok: http.StatusAccepted},
	"GET /v1/{category}/{id}/debugLogs": {need: logReading, roles: everybody, others: everybody, ok: http.StatusOK},
	"GET /v1/integrations":              {need: fullScope, roles: everybody, ok: http.StatusOK},
	"GET /v1/integrations/{id}":         {need: fullScope, roles: everybody, ok: http.StatusOK},
	"PUT /v1/integrations/{id}":         {need: fullScope, roles: everybody, ok: http.StatusOK, body: change, creates: true},
	"DELETE /v1/integrations/{id}":      {need: fullScope, roles: everybody, ok: http.StatusNoContent},
	"POST /api/v1/search":               {need: searching, roles: everybody, ok: http.StatusOK},
}

// What is presented. Custom tokens have one action each, on the same resources.
const (
	aSession      = "session"
	aCookie       = "session as a cookie"
	aFull         = "full token"
	aFullQuery    = "full token in the query"
	aReader       = "custom token that reads"
	aWriter       = "custom token that writes"
	aRunner       = "custom token that runs"
	aNothing      = "custom token without grants"
	anIntegration = "integration token"
	noneAtAll     = "none"
	anExpired     = "expired token"
	aRevoked      = "revoked token"
	aLoggedOut    = "session that was logged out"
	garbage       = "garbage"
)

var presented = []string{
	aSession, aCookie, aFull, aFullQuery, aReader, aWriter, aRunner, aNothing, anIntegration, noneAtAll, anExpired, aRevoked, aLoggedOut, garbage,
}

// What the path names.
const (
	noTarget   = "nothing"
	mine       = "one's own"
	colleagues = "a member's"   // of the same account; of resources, one that no grant names
	anOwners   = "an owner's"   // of the same account
	foreign    = "a stranger's" // another account's
	absent     = "nobody's"
)

// expect says what is answered.
func (r rule) expect(path, credential, target string, role who) int {
	switch {
	case r.need == openToAll:
		return r.ok
	case credential == noneAtAll || credential == anExpired || credential == aRevoked || credential == aLoggedOut || credential == garbage:
		return http.StatusUnauthorized
	case credential == aFullQuery && !strings.HasPrefix(path, "/api/v1/"):
		return http.StatusUnauthorized
	case !r.need.met(credential, target), r.roles&role == 0:
		return http.StatusForbidden
	}
	switch target {
	case foreign, absent:
		if r.creates {
			return http.StatusCreated
		}
		return http.StatusNotFound
	case colleagues:
		switch {
		case r.others&role == 0 || credential == anIntegration:
			return http.StatusNotFound
		case r.always && credential != aSession && credential != aCookie:
			return http.StatusForbidden
		}
	case anOwners:
		switch {
		case r.others&role == 0:
			return http.StatusNotFound
		case r.seniors&role == 0, r.inPerson && credential != aSession && credential != aCookie:
			return http.StatusForbidden
		}
	}
	return r.ok
}

// met reports whether the credential is one of the kind that is asked for, whoever's it is.
func (n need) met(credential, target string) bool {
	granted := target != colleagues
	switch credential {
	case aSession, aCookie:
		return true
	case aFull, aFullQuery:
		return n != sessionOnly
	case aReader:
		return n == anyCredential || n == listing || n == searching || (n == reading || n == logReading) && granted
	case aWriter:
		return n == anyCredential || n == writing && granted
	case aRunner:
		return n == anyCredential || n == running && granted
	case anIntegration:
		return n == anyCredential || n == running || n == logReading
	}
	return n == anyCredential
}
