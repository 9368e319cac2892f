package api

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/operator"
	"keyfob/internal/scope"
)

// createUser is the command user.create: a user of an account that there is.
func createUser(c Config) command {
	o := &operator.Operator{Table: c.Table, Now: c.Now, Hasher: c.Hasher}
	type userAnswer struct {
		ID       string `json:"id"`
		Email    string `json:"email"`
		Password string `json:"password,omitzero"` // only where it was made up here
	}
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
		u, made, err := o.CreateUser(ctx, operator.NewUser{Account: r.Account, Email: r.Email, Name: r.Name, Role: r.Role, Password: r.Password}, from)
		if err != nil {
			return nil, err
		}
		return struct {
			User userAnswer `json:"user"`
		}{userAnswer{u.ID, u.Email, made}}, nil
	}
}

// licenseAccount is the command account.license: what an account has paid for.
func licenseAccount(c Config) command {
	o := &operator.Operator{Table: c.Table, Now: c.Now}
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
