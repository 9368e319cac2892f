package api

import (
	"context"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/gateway"
	"keyfob/internal/people"
	"keyfob/internal/scope"
)

// accountView is an account as the API shows it.
type accountView struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Status  account.Status `json:"status"`
	License licenseView    `json:"license"`
	Policy  policyView     `json:"policy"`
}

type licenseView struct {
	APIManagement bool `json:"apiManagement"`
}

type policyView struct {
	Issuers            scope.Issuers `json:"issuers"`
	DefaultLifeSeconds int64         `json:"defaultLifeSeconds"`
	MaxLifeSeconds     *int64        `json:"maxLifeSeconds"` // null: no bound
	MaxOverlapSeconds  int64         `json:"maxOverlapSeconds"`
	Revealable         bool          `json:"revealable"`
	QueryCredentials   bool          `json:"queryCredentials"`
	TokensPerAccount   int           `json:"tokensPerAccount"`
	TokensPerUser      int           `json:"tokensPerUser"`
	MFARequired        bool          `json:"mfaRequired"`
	SessionIdleSeconds int64         `json:"sessionIdleSeconds"`
	SessionLifeSeconds int64         `json:"sessionLifeSeconds"`
	TokenNetworks      []string      `json:"tokenNetworks"`
	LoginNetworks      []string      `json:"loginNetworks"`
	MutedMails         []string      `json:"mutedMails"`
	ReminderDays       []int         `json:"reminderDays"` // before a token's end
}

func policyViewOf(p account.Policy) policyView {
	whole := func(d time.Duration) int64 { return int64(d / time.Second) }
	view := policyView{
		Issuers: p.Issuers, DefaultLifeSeconds: whole(p.DefaultLife), MaxOverlapSeconds: whole(p.MaxOverlap),
		Revealable: p.Revealable, QueryCredentials: p.QueryCredentials, TokensPerAccount: p.TokensPerAccount, TokensPerUser: p.TokensPerUser,
		MFARequired: p.MFA, SessionIdleSeconds: whole(p.SessionIdle), SessionLifeSeconds: whole(p.SessionLife),
		TokenNetworks: p.TokenNetworks.Words(), LoginNetworks: p.LoginNetworks.Words(), MutedMails: p.Muted.Words(), ReminderDays: p.ReminderDays(),
	}
	if p.MaxLife > 0 {
		bound := whole(p.MaxLife)
		view.MaxLifeSeconds = &bound
	}
	return view
}

// policyRequest is a change of a policy as it is asked for; what is absent stays as it is.
type policyRequest struct {
	Issuers            *scope.Issuers `json:"issuers"`
	DefaultLifeSeconds *int           `json:"defaultLifeSeconds"`
	MaxLifeSeconds     *int           `json:"maxLifeSeconds"` // 0: no bound
	MaxOverlapSeconds  *int           `json:"maxOverlapSeconds"`
	Revealable         *bool          `json:"revealable"`
	QueryCredentials   *bool          `json:"queryCredentials"`
	TokensPerAccount   *int           `json:"tokensPerAccount"`
	TokensPerUser      *int           `json:"tokensPerUser"`
	MFARequired        *bool          `json:"mfaRequired"`
	SessionIdleSeconds *int           `json:"sessionIdleSeconds"`
	SessionLifeSeconds *int           `json:"sessionLifeSeconds"`
	TokenNetworks      *[]string      `json:"tokenNetworks"` // empty: any
	LoginNetworks      *[]string      `json:"loginNetworks"` // empty: any
	MutedMails         *[]string      `json:"mutedMails"`
	ReminderDays       *[]int         `json:"reminderDays"` // empty: none
}

func (r policyRequest) change() people.PolicyChange {
	return people.PolicyChange{
		Issuers: r.Issuers, DefaultLife: r.DefaultLifeSeconds, MaxLife: r.MaxLifeSeconds, MaxOverlap: r.MaxOverlapSeconds,
		Revealable: r.Revealable, QueryCredentials: r.QueryCredentials, TokensPerAccount: r.TokensPerAccount, TokensPerUser: r.TokensPerUser,
		MFA: r.MFARequired, SessionIdle: r.SessionIdleSeconds, SessionLife: r.SessionLifeSeconds,
		TokenNetworks: r.TokenNetworks, LoginNetworks: r.LoginNetworks, MutedMails: r.MutedMails, Reminders: r.ReminderDays,
	}
}

// accountAnswer shows an account, with its version as the entity tag.
func accountAnswer(a account.Account) (gateway.Response, error) {
	return tagged(accountView{a.ID, a.Name, a.Status, licenseView{a.APIManagement}, policyViewOf(a.Policy)}, a.Version)
}

func (a accounts) show(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	acc, err := a.people.Account(ctx, p)
	if err != nil {
		return gateway.Response{}, err
	}
	return accountAnswer(acc)
}

func (a accounts) change(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := act(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Policy policyRequest `json:"policy"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	acc, err := a.people.ChangePolicy(ctx, by, body.Policy.change())
	if err != nil {
		return gateway.Response{}, err
	}
	return accountAnswer(acc)
}
