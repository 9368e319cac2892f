package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

// tokenView is a token as the API shows it. It has no place for a secret.
type tokenView struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	Description  string       `json:"description"`
	Status       string       `json:"status"` // active, expired, rotated or suspended
	Scope        string       `json:"scope"`  // full, custom or integration
	Grants       *grantsField `json:"grants,omitzero"`
	Integration  string       `json:"integration,omitzero"`
	AutoPurge    string       `json:"autoPurge,omitzero"`
	Revealable   bool         `json:"revealable"`
	CreatedAt    *string      `json:"createdAt"`
	CreatedBy    string       `json:"createdBy"`
	ExpiresAt    *string      `json:"expiresAt"`
	PurgeAt      *string      `json:"purgeAt"`
	LastUsedAt   *string      `json:"lastUsedAt"`
	Predecessor  string       `json:"predecessor,omitzero"`
	Successor    string       `json:"successor,omitzero"`
	RotatedOutAt *string      `json:"rotatedOutAt,omitzero"`
	ImportedID   string       `json:"importedId,omitzero"` // the id under which another system issued it
}

func viewOf(t authority.Token, now time.Time) tokenView {
	v := tokenView{
		ID: t.Handle(), Name: t.Name, Description: t.Description, Status: t.Status(now), Scope: t.Scope.Name(), Grants: grantsOf(t.Scope),
		Integration: t.Scope.IntegrationID(), AutoPurge: t.Life.Auto, Revealable: len(t.Sealed) > 0,
		CreatedAt: stamp(t.Created), CreatedBy: t.User, ExpiresAt: stamp(t.Life.ExpiresAt), PurgeAt: stamp(t.Life.PurgeAt),
		LastUsedAt: stamp(t.LastUsed), RotatedOutAt: stamp(t.RotatedOut), ImportedID: t.Foreign,
	}
	if !t.Predecessor.IsZero() {
		v.Predecessor = t.Predecessor.Handle(token.API)
	}
	if !t.Successor.IsZero() {
		v.Successor = t.Successor.Handle(token.API)
	}
	return v
}

// usageView says who still uses a token: what to look at before it is revoked.
type usageView struct {
	LastUsedAt    *string       `json:"lastUsedAt"`
	UsedInLastDay bool          `json:"usedInLastDay"`
	Networks      []networkView `json:"networks"` // the last one first
}

type networkView struct {
	Network     string  `json:"network"`
	FirstUsedAt *string `json:"firstUsedAt"`
	LastUsedAt  *string `json:"lastUsedAt"`
	UserAgent   string  `json:"userAgent"`
}

func usageOf(t authority.Token, now time.Time) usageView {
	u := usageView{LastUsedAt: stamp(t.LastUsed), Networks: []networkView{}}
	u.UsedInLastDay = t.UsedWithin(now, 24*time.Hour)
	networks := slices.SortedStableFunc(slices.Values(t.Networks), func(a, b authority.Network) int { return b.Last.Compare(a.Last) })
	for _, n := range networks {
		u.Networks = append(u.Networks, networkView{n.Prefix, stamp(n.First), stamp(n.Last), n.UserAgent})
	}
	return u
}

// madeView is the answer that shows a token's secret.
type madeView struct {
	tokenView `json:",inline"`
	Token     string `json:"token"`
}

// made answers with a new token: the only time that its secret is answered. A repetition gets the same answer.
func made(t authority.Token, secret token.Credential, location string) (gateway.Response, error) {
	response, err := gateway.JSON(http.StatusCreated, madeView{viewOf(t, t.Created), secret.Plaintext().Reveal()})
	if err == nil {
		response.Headers["Location"] = location + t.Handle() // relative: a path would have to know the stage
		response.Headers["ETag"] = gateway.ETag(t.Edition)
	}
	return response, err
}

// grantsField is what a custom scope grants, by category.
type grantsField map[scope.Category][]grantField

// grantField is one instance: its id alone for all actions, or an object that lists them.
type grantField struct {
	ID      string   `json:"id"`
	Actions []string `json:"actions"`
}

// UnmarshalJSONFrom reads either form, strictly.
func (g *grantField) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		return json.UnmarshalDecode(d, &g.ID)
	}
	type plain grantField
	return json.UnmarshalDecode(d, (*plain)(g), json.RejectUnknownMembers(true))
}

// grantsOf shows a custom scope; nil for another.
func grantsOf(s scope.Scope) *grantsField {
	if s.Name() != "custom" {
		return nil
	}
	g := grantsField{}
	for _, c := range scope.Categories() {
		g[c] = []grantField{}
	}
	for _, grant := range s.Grants() {
		g[grant.Category] = append(g[grant.Category], grantField{grant.ID, grant.Actions.Names()})
	}
	return &g
}

// scopeOf reads the scope of a request: "full" and no grants, or "custom" with them. Both or neither is refused (C18).
func scopeOf(name string, grants *grantsField) (scope.Scope, error) {
	switch name {
	case "full":
		if grants != nil {
			return scope.Scope{}, fault.Refused("grants", "conflicting", "A token of full scope has no grants.")
		}
		return scope.Full(), nil
	case "custom":
		if grants == nil {
			return scope.Scope{}, fault.Refused("grants", "required", "A token of custom scope has grants.")
		}
		return customOf(*grants)
	case "":
		return scope.Scope{}, fault.Refused("scope", "required", "scope is full or custom.")
	}
	return scope.Scope{}, fault.Refused("scope", "unknown_value", "scope is full or custom.")
}

// maxCategory is how much is repeated of a made-up category's name: none is as long, and somebody may have put a secret there.
const maxCategory = 32

func customOf(grants grantsField) (scope.Scope, error) {
	var list []scope.Grant
	for category, fields := range grants {
		if !category.Known() {
			field := "grants"
			if len(category) <= maxCategory {
				field += "." + string(category)
			}
			return scope.Scope{}, fault.Bad(field, "unknown_field", "grants has one of the categories connections, exports, imports, apis and mcpServers as its members.")
		}
		for i, f := range fields {
			at := fmt.Sprintf("grants.%s[%d]", category, i)
			if !scope.ValidID(f.ID) {
				return scope.Scope{}, fault.Bad(at+".id", "malformed", at+".id is not the id of a resource.")
			}
			actions, err := actionsOf(at+".actions", f.Actions)
			if err != nil {
				return scope.Scope{}, err
			}
			list = append(list, scope.Grant{Category: category, ID: f.ID, Actions: actions})
		}
	}
	s, err := scope.Custom(list...)
	if err != nil {
		return scope.Scope{}, fault.Refused("grants", "too_many", fmt.Sprintf("grants names at most %d resources.", scope.MaxGrants))
	}
	return s, nil
}

// actionsOf reads a list of actions; all of them where there is none.
func actionsOf(at string, names []string) (scope.Actions, error) {
	if names == nil {
		return scope.AllActions, nil
	}
	var set scope.Actions
	for i, name := range names {
		a, ok := scope.ParseAction(name)
		if !ok {
			return 0, fault.Bad(fmt.Sprintf("%s[%d]", at, i), "unknown_value", "An action is read, write or run.")
		}
		set |= a
	}
	if set == 0 {
		return 0, fault.Bad(at, "required", at+" names at least one action.")
	}
	return set, nil
}

// instanceField names the field at which a request's grants name an instance that is not registered.
func instanceField(err error, grants *grantsField) error {
	unknown, ok := errors.AsType[*authority.UnknownInstance](err)
	if !ok || grants == nil {
		return err
	}
	at := slices.IndexFunc((*grants)[unknown.Category], func(f grantField) bool { return f.ID == unknown.ID })
	field := fmt.Sprintf("grants.%s[%d].id", unknown.Category, at)
	return fault.Refused(field, "unknown_instance", field+" is not registered.")
}
