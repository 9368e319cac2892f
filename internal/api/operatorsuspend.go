package api

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/gateway"
	"keyfob/internal/notice"
)

// suspendAccount is the command account.suspend: once it is answered, every token and session of the account is refused.
func suspendAccount(c Config) command { return turnAccount(c.operator().Suspend) }

// resumeAccount is the command account.resume: the account's tokens open again what they did, its people log in anew.
func resumeAccount(c Config) command { return turnAccount(c.operator().Resume) }

func turnAccount(turn func(context.Context, string, audit.Origin) (account.Account, error)) command {
	type accountAnswer struct {
		ID     string         `json:"id"`
		Name   string         `json:"name"`
		Status account.Status `json:"status"`
	}
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account string `json:"account"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		acc, err := turn(ctx, r.Account, from)
		if err != nil {
			return nil, err
		}
		return struct {
			Account accountAnswer `json:"account"`
		}{accountAnswer{acc.ID, acc.Name, acc.Status}}, nil
	}
}

// resetFactors is the command user.factors: it takes the second factors of a user who has lost them.
func resetFactors(c Config) command {
	o := c.operator()
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account string `json:"account"`
			User    string `json:"user"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		u, err := o.ResetFactors(ctx, r.Account, r.User, from)
		if err != nil {
			return nil, err
		}
		return struct {
			User userAnswer `json:"user"`
		}{userAnswerOf(u, notice.Enclosure{})}, nil
	}
}
