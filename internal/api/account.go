package api

import (
	"context"
	"net/http"

	"keyfob/internal/account"
	"keyfob/internal/gateway"
	"keyfob/internal/notice"
	"keyfob/internal/people"
)

// Account is the function that shows and changes an account's people and its policy.
func Account(c Config) *gateway.Function {
	a := accounts{&people.People{Table: c.Table, Now: c.Now}, &notice.Suppressions{Table: c.Table, Now: c.Now, Accounts: c.accounts()}}
	return c.function(gateway.Routes{
		"GET /v1/account": a.show, "PATCH /v1/account": a.change,
		"GET /v1/users": a.users, "GET /v1/users/{id}": a.user, "PATCH /v1/users/{id}": a.changeUser,
		"POST /v1/users": a.invite, "DELETE /v1/users/{id}": a.removeUser, "POST /v1/users/{id}/invite": a.inviteAgain, "DELETE /v1/users/{id}/factors": a.resetFactors,
		"GET /v1/account/handover": a.handover, "POST /v1/account/handover": a.offerHandover, "DELETE /v1/account/handover": a.withdrawHandover,
		"POST /v1/account/handover/accept": a.acceptHandover,
		"GET /v1/me":                       a.me, "PATCH /v1/me": a.changeMe,
	})
}

type accounts struct {
	people       *people.People
	suppressions *notice.Suppressions
}

// meAnswer shows people themselves.
func meAnswer(u account.User) (gateway.Response, error) {
	return tagged(struct {
		memberView    `json:",inline"`
		DeveloperMode bool     `json:"developerMode"`
		MutedMails    []string `json:"mutedMails"`
	}{memberViewOf(u), u.Developer, u.Muted.Words()}, u.Version)
}

// tagged answers with v and its version as the entity tag.
func tagged(v any, version int64) (gateway.Response, error) {
	response, err := gateway.JSON(http.StatusOK, v)
	if err == nil {
		response.Headers["ETag"] = gateway.ETag(version)
	}
	return response, err
}

// act tells who asks for a change, and of which versions of what is to be changed.
func act(r *gateway.Request) (people.Act, error) {
	by, err := asker(r)
	if err != nil {
		return people.Act{}, err
	}
	by.Match, err = r.IfMatch()
	return by, err
}

// asker tells who asks for a change, whatever it is that is there.
func asker(r *gateway.Request) (people.Act, error) {
	p, err := r.Principal()
	return people.Act{By: p, Via: r.Via(), From: r.Origin()}, err
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
		DeveloperMode *bool     `json:"developerMode"`
		MutedMails    *[]string `json:"mutedMails"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.ChangeSelf(ctx, by, people.SelfChange{Developer: body.DeveloperMode, MutedMails: body.MutedMails})
	if err != nil {
		return gateway.Response{}, err
	}
	return meAnswer(u)
}
