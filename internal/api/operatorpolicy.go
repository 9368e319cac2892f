package api

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/notice"
	"keyfob/internal/people"
)

// accountPolicy is the command account.policy: it changes an account's policy as an owner may. It is the way out where
// networks lock everybody out who could change them.
func accountPolicy(c Config) command {
	p := &people.People{Table: c.Table, Now: c.Now}
	type accountAnswer struct {
		ID     string     `json:"id"`
		Name   string     `json:"name"`
		Policy policyView `json:"policy"`
	}
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account string        `json:"account"`
			Policy  policyRequest `json:"policy"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		if r.Account == "" {
			return nil, fault.Bad("account", "required", "account is required.")
		}
		acc, err := p.SetPolicy(ctx, r.Account, r.Policy.change(), from)
		if fault.Is(err, fault.NotFound) {
			err = fault.Refused("account", "unknown", "There is no such account.")
		}
		if err != nil {
			return nil, err
		}
		return struct {
			Account accountAnswer `json:"account"`
		}{accountAnswer{acc.ID, acc.Name, policyViewOf(acc.Policy)}}, nil
	}
}

// resumeMail is the command mail.resume: it lets an address be written to again, to which mail had bounced, or whose
// reader had complained.
func resumeMail(c Config) command {
	s := &notice.Suppressions{Table: c.Table, Now: c.Now, Accounts: c.accounts()}
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Email string `json:"email"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		resumed, err := s.Resume(ctx, r.Email, from)
		if err != nil {
			return nil, err
		}
		return struct {
			Email   string `json:"email"`
			Resumed bool   `json:"resumed"` // false: nothing had kept mail from it
		}{r.Email, resumed}, nil
	}
}
