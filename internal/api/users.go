package api

import (
	"context"
	"net/http"

	"keyfob/internal/account"
	"keyfob/internal/gateway"
	"keyfob/internal/notice"
	"keyfob/internal/people"
	"keyfob/internal/scope"
)

// memberView is a user as the API shows one to those who manage users.
type memberView struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Email        string         `json:"email"`
	Role         scope.Role     `json:"role"`
	Status       account.Status `json:"status"`
	MFA          bool           `json:"mfa"`
	CreatedAt    *string        `json:"createdAt"`
	InvitedUntil *string        `json:"invitedUntil,omitzero"` // of somebody invited who has a link
	MailHeld     *heldView      `json:"mailHeld,omitzero"`     // of somebody who is not written to
}

type heldView struct {
	Reason notice.Reason `json:"reason"`
	Since  *string       `json:"since"`
}

func memberViewOf(u account.User) memberView {
	return memberView{ID: u.ID, Name: u.Name, Email: u.Email, Role: u.Role, Status: u.Status, MFA: u.Factors, CreatedAt: stamp(u.Created)}
}

// members shows users to those who manage them, with what stands elsewhere than in their records.
func (a accounts) members(ctx context.Context, users ...account.User) ([]memberView, error) {
	until, err := a.people.Invitations(ctx, users...)
	if err != nil {
		return nil, err
	}
	addresses := make([]string, len(users))
	for i, u := range users {
		addresses[i] = u.Email
	}
	held, err := a.suppressions.Of(ctx, addresses...)
	if err != nil {
		return nil, err
	}
	views := make([]memberView, len(users))
	for i, u := range users {
		views[i] = memberViewOf(u)
		views[i].InvitedUntil = stamp(until[u.ID])
		if h, is := held[u.Email]; is {
			views[i].MailHeld = &heldView{h.Reason, stamp(h.Since)}
		}
	}
	return views, nil
}

// member answers with a user.
func (a accounts) member(ctx context.Context, status int, u account.User) (gateway.Response, error) {
	views, err := a.members(ctx, u)
	if err != nil {
		return gateway.Response{}, err
	}
	response, err := tagged(views[0], u.Version)
	response.Status = status
	return response, err
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
	views, err := a.members(ctx, page.Users...)
	if err != nil {
		return gateway.Response{}, err
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
	return a.member(ctx, http.StatusOK, u)
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
	return a.member(ctx, http.StatusOK, u)
}

func (a accounts) invite(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := asker(r)
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct {
		Email string     `json:"email"`
		Name  string     `json:"name"`
		Role  scope.Role `json:"role"`
	}
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.Invite(ctx, by, people.Invitation{Email: body.Email, Name: body.Name, Role: body.Role})
	if err != nil {
		return gateway.Response{}, err
	}
	response, err := a.member(ctx, http.StatusCreated, u)
	if err == nil {
		response.Headers["Location"] = "users/" + u.ID // relative: a path would have to know the stage
	}
	return response, err
}

func (a accounts) inviteAgain(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := act(r)
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.DecodeOptional(&struct{}{}); err != nil {
		return gateway.Response{}, err
	}
	u, err := a.people.InviteAgain(ctx, by, r.Param("id"))
	if err != nil {
		return gateway.Response{}, err
	}
	return a.member(ctx, http.StatusAccepted, u)
}

func (a accounts) removeUser(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := act(r)
	if err == nil {
		err = a.people.Remove(ctx, by, r.Param("id"))
	}
	return gateway.NoContent(), err
}

func (a accounts) resetFactors(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	by, err := act(r)
	if err == nil {
		err = a.people.ResetFactors(ctx, by, r.Param("id"))
	}
	return gateway.NoContent(), err
}
