package trail

import (
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// A Filter says which events are wanted. The zero Filter lets all of them through.
type Filter struct {
	Actor  string     // who did it: usr_…, or the handle of the credential it was done with; empty for anybody
	Action string     // an audit.Type, or the noun of several; empty for anything
	Token  string     // a token's handle: only what is about it; empty for everything
	Since  *time.Time // the first instant
	Until  *time.Time // the instant after the last
}

// check refuses what is no filter. The fields have the names that they have on the wire.
func (f Filter) check() error {
	if f.Actor != "" && !isActor(f.Actor) {
		return fault.Bad("actor", "malformed", "actor is the id of a user or the handle of a credential: usr_…, tok_… or ses_….")
	}
	if f.Action != "" && !isAction(f.Action) {
		return fault.Bad("action", "unknown_value", "action is the type of an event, such as token.revoked, or the first word of several, such as token.")
	}
	if _, err := token.ParseHandle(token.API, f.Token); f.Token != "" && err != nil {
		return fault.Bad("tokenId", "malformed", "tokenId is the handle of a token: tok_….")
	}
	if f.Since != nil && f.Until != nil && f.Until.Before(*f.Since) {
		return fault.Refused("until", "conflicting", "until is not before since.")
	}
	return nil
}

func isActor(s string) bool {
	if id, ok := strings.CutPrefix(s, "usr_"); ok {
		return len(id) == token.IDLen && token.IsBase62(id)
	}
	_, noToken := token.ParseHandle(token.API, s)
	_, noSession := token.ParseHandle(token.Session, s)
	return noToken == nil || noSession == nil
}

func isAction(s string) bool {
	return slices.ContainsFunc(audit.Types(), func(t audit.Type) bool { return string(t) == s || t.Noun() == s })
}

// narrow reports whether the filter may leave out events that lie between its bounds.
func (f Filter) narrow() bool { return f.Actor != "" || f.Action != "" }

// matches reports whether an event from between the bounds, and of the token's trail, is wanted.
func (f Filter) matches(e audit.Event) bool {
	return (f.Actor == "" || e.Actor.User == f.Actor || e.Actor.Credential == f.Actor) &&
		(f.Action == "" || string(e.Type) == f.Action || e.Type.Noun() == f.Action)
}

// floor gives the position below which nothing is wanted; empty for none.
func (f Filter) floor() string {
	if f.Since == nil {
		return ""
	}
	return key.Instant(*f.Since)
}

// start gives the position to read down from: where the last page ended, but never above the filter's end.
func (f Filter) start(after string) string {
	if f.Until == nil {
		return after
	}
	end := key.Instant(*f.Until)
	if after == "" || after > end {
		return end
	}
	return after
}
