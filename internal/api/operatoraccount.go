package api

import (
	"context"

	"keyfob/internal/audit"
	"keyfob/internal/gateway"
	"keyfob/internal/operator"
)

// createAccount is the command account.create: an account with its owner, who is invited where no password is given. Without
// a license the account has all there is.
func createAccount(c Config) command {
	o := c.operator()
	type accountAnswer struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account struct {
				Name string `json:"name"`
			} `json:"account"`
			Owner struct {
				Email    string `json:"email"`
				Name     string `json:"name"`
				Password string `json:"password"`
			} `json:"owner"`
			License *struct {
				APIManagement bool `json:"apiManagement"`
			} `json:"license"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		made, err := o.CreateAccount(ctx, operator.NewAccount{
			Name: r.Account.Name, Email: r.Owner.Email, Owner: r.Owner.Name, Password: r.Owner.Password,
			Unlicensed: r.License != nil && !r.License.APIManagement,
		}, from)
		if err != nil {
			return nil, err
		}
		return struct {
			Account accountAnswer `json:"account"`
			Owner   userAnswer    `json:"owner"`
		}{accountAnswer{made.Account.ID, made.Account.Name}, userAnswerOf(made.Owner, made.Link)}, nil
	}
}

func (c Config) operator() *operator.Operator {
	return &operator.Operator{Table: c.Table, Now: c.Now, Hasher: c.Hasher, Links: c.links()}
}
