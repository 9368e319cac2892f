// Package api holds the functions that answer Keyfob's routes, one file for each, and the two that have no route.
//
// It promises to translate and nothing else: a request's fields into a decision's arguments, a decision's result into
// the documented answer. Each function makes only the decisions it needs, so that its policy can be tight.
//
// It holds no rules, and it does not know which table or mail service stands behind the roles.
package api

import (
	"log/slog"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/authority"
	"keyfob/internal/factor"
	"keyfob/internal/gateway"
	"keyfob/internal/keyring"
	"keyfob/internal/mail"
	"keyfob/internal/metric"
	"keyfob/internal/password"
	"keyfob/internal/table"
	"keyfob/internal/token"
)

// Config is what a main wires: the roles, and what the deployment sets. A function uses what it needs of it.
type Config struct {
	Table    table.Table
	Sender   mail.Sender
	Hasher   *password.Hasher
	Keys     keyring.Ring
	Passkeys factor.Passkeys // for a function that deals with passkeys; the library behind it is large
	Form     token.Form
	Now      func() time.Time
	Log      *slog.Logger
	Meter    *metric.Meter // nil where nothing is measured
	Origin   string        // the dashboard's, where this API does not serve it; else empty
	URL      string        // where people reach the dashboard, for links in mails; empty where a function writes none
}

func (c Config) authority() *authority.Authority {
	return &authority.Authority{Table: c.Table, Now: c.Now, Form: c.Form, Keys: c.Keys}
}

func (c Config) accounts() *account.Accounts {
	return &account.Accounts{Table: c.Table}
}

func (c Config) function(routes gateway.Routes) *gateway.Function {
	return gateway.NewFunction(gateway.Config{Log: c.Log, Meter: c.Meter, Now: c.Now, Realm: c.Form.Realm, Origin: c.Origin}, routes)
}

// stamp writes a time as the API does; null for never.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339)
	return &s
}
