package api

import (
	"context"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/notice"
	"keyfob/internal/operator"
	"keyfob/internal/scope"
)

// userAnswer shows the operator a user.
type userAnswer struct {
	ID        string         `json:"id"`
	Email     string         `json:"email"`
	Status    account.Status `json:"status"`
	Link      string         `json:"link,omitzero"`      // to set a password with, shown this once
	ExpiresAt *string        `json:"expiresAt,omitzero"` // of the link
}

func userAnswerOf(u account.User, l notice.Enclosure) userAnswer {
	return userAnswer{u.ID, u.Email, u.Status, l.Link, stamp(l.Until)}
}

// createUser is the command user.create: a user of an account that there is, who is invited where no password is given.
func createUser(c Config) command {
	o := c.operator()
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account  string     `json:"account"`
			Email    string     `json:"email"`
			Name     string     `json:"name"`
			Role     scope.Role `json:"role"`
			Password string     `json:"password"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		u, l, err := o.CreateUser(ctx, operator.NewUser{Account: r.Account, Email: r.Email, Name: r.Name, Role: r.Role, Password: r.Password}, from)
		if err != nil {
			return nil, err
		}
		return struct {
			User userAnswer `json:"user"`
		}{userAnswerOf(u, l)}, nil
	}
}

// linkUser is the command user.link: another link to set a password with, for a user who has not joined or has forgotten it.
func linkUser(c Config) command {
	o := c.operator()
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account string `json:"account"`
			User    string `json:"user"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		u, l, err := o.LinkUser(ctx, r.Account, r.User, from)
		if err != nil {
			return nil, err
		}
		return struct {
			User userAnswer `json:"user"`
		}{userAnswerOf(u, l)}, nil
	}
}

// licenseAccount is the command account.license: what an account has paid for.
func licenseAccount(c Config) command {
	o := c.operator()
	type accountAnswer struct {
		ID      string      `json:"id"`
		Name    string      `json:"name"`
		License licenseView `json:"license"`
	}
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account       string `json:"account"`
			APIManagement *bool  `json:"apiManagement"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		if r.APIManagement == nil {
			return nil, fault.Bad("apiManagement", "required", "apiManagement is required.")
		}
		acc, err := o.License(ctx, r.Account, *r.APIManagement, from)
		if err != nil {
			return nil, err
		}
		return struct {
			Account accountAnswer `json:"account"`
		}{accountAnswer{acc.ID, acc.Name, licenseView{acc.APIManagement}}}, nil
	}
}
