package authority

import (
	"context"
	"slices"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/text"
)

// An Edit changes of a token what is not nil.
type Edit struct {
	Name        *string
	Description *string
	Scope       *scope.Scope
	Life        *purge.Choice // counted from when the token was made
	Match       []int64       // the editions that the caller takes it to be; nil for any
}

// Edit changes a token of the principal's account. An edit that changes nothing is none.
//
// Errors: as Issue's, and NotFound for everything the principal may not see; Precondition where the token is of another
// edition; Conflict for the life of a token that has expired or was rotated.
func (a *Authority) Edit(ctx context.Context, by Principal, via string, from audit.Origin, handle string, e Edit) (t Token, err error) {
	if e.Name != nil {
		if err := text.Name("name", *e.Name); err != nil {
			return Token{}, err
		}
	}
	if e.Description != nil {
		if err := text.Description("description", *e.Description); err != nil {
			return Token{}, err
		}
	}
	err = table.Again(ctx, table.Patient, func() error {
		t, err = a.edit(ctx, by, via, from, handle, e)
		return err
	})
	return t, err
}

func (a *Authority) edit(ctx context.Context, by Principal, via string, from audit.Origin, handle string, e Edit) (Token, error) {
	b, err := a.basis(ctx, by, Once{})
	if err != nil {
		return Token{}, err
	}
	if err := b.permits(scope.IssueTokens, scope.OwnTokens); err != nil {
		return Token{}, err
	}
	old, err := a.findFor(ctx, b, handle, scope.IssueTokens)
	if err == nil && !old.visible(a.Now()) {
		err = errNoToken()
	}
	if err != nil {
		return Token{}, err
	}
	if err := old.matches(e.Match); err != nil {
		return Token{}, err
	}
	t, err := a.edited(ctx, b, old, e)
	if err != nil {
		return Token{}, err
	}
	changes := changed(old, t)
	if len(changes) == 0 {
		return old, nil
	}
	var ops []table.Op
	if t.Scope.String() != old.Scope.String() || t.Life != old.Life {
		// Whoever has the token's secret gains by these, perhaps the one who edits it.
		creator, checks, err := a.creator(ctx, b, old)
		if err != nil {
			return Token{}, err
		}
		if err := b.outranked(creator.Role); err != nil {
			return Token{}, err
		}
		ops = checks
	}
	now := a.Now().UTC()
	t.Edition++
	if t.Life != old.Life {
		t.LifeSet = t.Edition
		ops = append(ops, t.reminders(now)...)
	}
	ops = append(append(ops, repurge(old, t)...), table.Replace(t.item(), t.Version))
	if !old.listed().Equal(t.listed()) {
		moved, err := a.relist(ctx, t)
		if err != nil {
			return Token{}, err
		}
		ops = append(ops, moved...)
	}
	event := audit.New(audit.TokenEdited, now, t.Account, by.actor(via), from, t.Subject())
	event.Changes = changes
	if err := a.Table.Commit(ctx, b.resting(append(ops, event.Ops()...)...)...); err != nil {
		return Token{}, err
	}
	t.Version++
	return t, nil
}

// matches refuses a token that is of none of the editions.
func (t Token) matches(editions []int64) error {
	if editions == nil || slices.Contains(editions, t.Edition) {
		return nil
	}
	const message = "The token has changed since: read it again."
	return &fault.Error{
		Kind: fault.Precondition, Code: "stale", Message: message, Fields: []fault.Field{{Name: "If-Match", Code: "stale", Message: message}},
	}
}

// edited applies the edit to the token as far as the rules let it.
func (a *Authority) edited(ctx context.Context, b basis, t Token, e Edit) (Token, error) {
	if e.Name != nil {
		t.Name = *e.Name
	}
	if e.Description != nil {
		t.Description = *e.Description
	}
	if e.Scope != nil && e.Scope.String() != t.Scope.String() {
		if t.Scope.IntegrationID() != "" {
			return Token{}, fault.Refused("scope", "integration_token", "The scope of an integration's token cannot be changed.")
		}
		if err := a.registered(ctx, t.Account, *e.Scope); err != nil {
			return Token{}, err
		}
		t.Scope = *e.Scope
	}
	if e.Life == nil || e.Life.Is(t.Life) {
		return t, nil
	}
	field := e.Life.Field()
	switch {
	case !t.Successor.IsZero():
		return Token{}, errField(fault.Conflict, field, "rotated", "The life of a rotated token cannot be changed.")
	case t.Life.Expired(a.Now()):
		return Token{}, errField(fault.Conflict, field, "expired", "The token has expired. Rotate it, or make a new one.")
	case t.Foreign != "" && e.Life.Auto != nil:
		return Token{}, fault.Refused(field, "imported_token", "An imported token is not purged by itself: choose expiresAt or expiresIn.")
	}
	life, err := e.Life.From(t.Created, a.Now())
	if err != nil {
		return Token{}, err
	}
	t.Life, err = b.life(&life, false, t.Created)
	return t, err
}

// errField is an error of the kind about one field.
func errField(k fault.Kind, field, code, message string) error {
	return &fault.Error{Kind: k, Code: code, Message: message, Fields: []fault.Field{{Name: field, Code: code, Message: message}}}
}

// changed lists what is other in t than in old.
func changed(old, t Token) []audit.Change {
	var all []audit.Change
	note := func(field, from, to string) {
		if from != to {
			all = append(all, audit.Change{Field: field, From: from, To: to})
		}
	}
	note("name", old.Name, t.Name)
	note("description", old.Description, t.Description)
	note("scope", old.Scope.String(), t.Scope.String())
	note("autoPurge", old.Life.Auto, t.Life.Auto)
	note("expiresAt", instant(old.Life.ExpiresAt), instant(t.Life.ExpiresAt))
	note("purgeAt", instant(old.Life.PurgeAt), instant(t.Life.PurgeAt))
	return all
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// relist gives the operations that bring the token's places in the lists in step with it.
func (a *Authority) relist(ctx context.Context, t Token) ([]table.Op, error) {
	keys := t.pointers()
	there, err := a.Table.Get(ctx, keys[:]...)
	if err != nil {
		return nil, err
	}
	var ops []table.Op
	for i, it := range t.pointerItems() {
		if there[i] == nil { // deleted when it was due, while the record was not yet
			ops = append(ops, table.Create(it))
			continue
		}
		ops = append(ops, table.Replace(it, there[i].Version()))
	}
	return ops, nil
}
