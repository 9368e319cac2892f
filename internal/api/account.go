package api

import (
	"context"
	"net/http"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/people"
	"keyfob/internal/scope"
)

// Account is the function that shows and changes an account's people and its policy.
func Account(c Config) *gateway.Function {
	a := accounts{&people.People{Table: c.Table, Now: c.Now}}
	return c.function(gateway.Routes{
		"GET /v1/account": a.show, "PATCH /v1/account": a.change,
		"GET /v1/users": a.users, "GET /v1/users/{id}": a.user, "PATCH /v1/users/{id}": a.changeUser,
		"GET /v1/me": a.me, "PATCH /v1/me": a.changeMe,
	})
}

type accounts struct{ people *people.People }

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
}

// accountAnswer shows an account, with its version as the entity tag.
func accountAnswer(a account.Account) (gateway.Response, error) {
	p := a.Policy
	view := accountView{a.ID, a.Name, a.Status, licenseView{a.APIManagement}, policyView{
		Issuers: p.Issuers, DefaultLifeSeconds: int64(p.DefaultLife / time.Second), MaxOverlapSeconds: int64(p.MaxOverlap / time.Second),
		Revealable: p.Revealable, QueryCredentials: p.QueryCredentials, TokensPerAccount: p.TokensPerAccount, TokensPerUser: p.TokensPerUser,
	}}
	if p.MaxLife > 0 {
		bound := int64(p.MaxLife / time.Second)
		view.Policy.MaxLifeSeconds = &bound
	}
	return tagged(view, a.Version)
}

// memberView is a user as the API shows one to those who manage users.
type memberView struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Email     string         `json:"email"`
	Role      scope.Role     `json:"role"`
	Status    account.Status `json:"status"`
	CreatedAt *string        `json:"createdAt"`
}

func memberViewOf(u account.User) memberView {
	return memberView{u.ID, u.Name, u.Email, u.Role, u.Status, stamp(u.Created)}
}

// meAnswer shows people themselves.
func meAnswer(u account.User) (gateway.Response, error) {
	return tagged(struct {
		memberView    `json:",inline"`
		DeveloperMode bool `json:"developerMode"`
	}{memberViewOf(u), u.Developer}, u.Version)
}

// tagged answers with v and its version as the entity tag.
func tagged(v any, version int64) (gateway.Response, error) {
	response, err := gateway.JSON(http.StatusOK, v)
	if err == nil {
		response.Headers["ETag"] = gateway.ETag(version)
	}
	return response, err
}

// act tells who asks for a change.
func act(r *gateway.Request) (people.Act, error) {
	p, err := r.Principal()
	if err != nil {
		return people.Act{}, err
	}
	match, err := r.IfMatch()
	return people.Act{By: p, Via: r.Via(), From: r.Origin(), Match: match}, err
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
		Policy struct {
			Issuers            *scope.Issuers `json:"issuers"`
			DefaultLifeSeconds *int           `json:"defaultLifeSeconds"`
			MaxLifeSeconds     *int           `json:"maxLifeSeconds"` // 0: no bound
			MaxOverlapSeconds  *int           `json:"maxOverlapSeconds"`
			Revealable         *bool          `json:"revealable"`
			QueryCredentials   *bool          `json:"queryCredentials"`
			TokensPerAccount   *int           `json:"tokensPerAccount"`
			TokensPerUser      *int           `json:"tokensPerUser"`
		} `json:"policy"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	p := body.Policy
	acc, err := a.people.ChangePolicy(ctx, by, people.PolicyChange{
		Issuers: p.Issuers, DefaultLife: p.DefaultLifeSeconds, MaxLife: p.MaxLifeSeconds, MaxOverlap: p.MaxOverlapSeconds,
		Revealable: p.Revealable, QueryCredentials: p.QueryCredentials, TokensPerAccount: p.TokensPerAccount, TokensPerUser: p.TokensPerUser,
	})
	if err != nil {
		return gateway.Response{}, err
	}
	return accountAnswer(acc)
}

func (a accounts) users(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.KnownQuery("limit", "cursor"); err != nil {
		return gateway.Response{}, err
	}
	owner := p.Account + "/users"
	limit, position, err := r.Page(owner)
	if err != nil {
		return gateway.Response{}, err
	}
	page, err := a.people.List(ctx, p, limit, position)
	if err != nil {
		return gateway.Response{}, err
	}
	views := make([]memberView, len(page.Users))
	for i, u := range page.Users {
		views[i] = memberViewOf(u)
	}
	return gateway.JSON(http.StatusOK, struct {
		Users  []memberView `json:"users"`
		Cursor string       `json:"cursor,omitzero"`
	}{views, gateway.Cursor(owner, page.Next)})
}

func (a accounts) user(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.Get(ctx, p, r.Param("id"))
	if err != nil {
		return gateway.Response{}, err
	}
	return tagged(memberViewOf(u), u.Version)
}

func (a accounts) changeUser(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := act(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Role   *scope.Role     `json:"role"`
		Status *account.Status `json:"status"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.Change(ctx, by, r.Param("id"), people.UserChange{Role: body.Role, Status: body.Status})
	if err != nil {
		return gateway.Response{}, err
	}
	return tagged(memberViewOf(u), u.Version)
}

func (a accounts) me(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.Me(ctx, p)
	if err != nil {
		return gateway.Response{}, err
	}
	return meAnswer(u)
}

func (a accounts) changeMe(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := act(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		DeveloperMode *bool `json:"developerMode"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if body.DeveloperMode == nil {
		return gateway.Response{}, fault.Bad("developerMode", "required", "developerMode is required.")
	}
	u, err := a.people.SetDeveloper(ctx, by, *body.DeveloperMode)
	if err != nil {
		return gateway.Response{}, err
	}
	return meAnswer(u)
}
