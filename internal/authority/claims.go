package authority

import (
	"errors"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/scope"
	"keyfob/internal/token"
)

// A Claim is one thing that the authorizer tells of a principal.
type Claim struct{ Name, Value string }

// Claims gives the principal as the authorizer hands it to the functions behind it, all of it public. The rights are
// what the credential may do now, for the functions of attached APIs.
func (p Principal) Claims() []Claim {
	claims := append(make([]Claim, 0, 13), []Claim{
		{"accountId", p.Account}, {"userId", p.User}, {"tokenId", p.Handle()}, {"kind", p.Kind.String()}, {"scope", p.Holder.Scope.String()},
		{"role", string(p.Holder.Role)}, {"issuers", string(p.Holder.Issuers)}, {"rights", joinRights(p.Holder)}, {"name", p.Name}, {"via", p.Via},
	}...)
	if p.Holder.Lock != scope.Open {
		claims = append(claims, Claim{"lock", string(p.Holder.Lock)})
	}
	if !p.Expires.IsZero() {
		claims = append(claims, Claim{"expiresAt", p.Expires.Format(time.RFC3339)})
	}
	if !p.Login.IsZero() {
		claims = append(claims, Claim{"loginAt", p.Login.Format(time.RFC3339)})
	}
	return claims
}

func joinRights(h scope.Holder) string {
	var b strings.Builder
	b.Grow(160)
	for i, r := range h.Rights() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(r))
	}
	return b.String()
}

// ErrClaims says that a function was called without the authorizer's claims, or with claims it never makes: the route has
// lost its authorizer, and nobody may do anything.
var ErrClaims = errors.New("authority: no valid claims from the authorizer")

// FromClaims reads what Claims gave, as the gateway passes it on.
func FromClaims(m map[string]string) (Principal, error) {
	p := Principal{Account: m["accountId"], User: m["userId"], Name: m["name"], Via: m["via"]}
	switch m["kind"] {
	case "token":
		p.Kind = token.API
	case "session":
		p.Kind = token.Session
	default:
		return Principal{}, ErrClaims
	}
	var err error
	if p.ID, err = token.ParseHandle(p.Kind, m["tokenId"]); err != nil {
		return Principal{}, ErrClaims
	}
	s, err := scope.Parse(m["scope"])
	if err != nil {
		return Principal{}, ErrClaims
	}
	p.Holder = scope.Holder{Session: p.Kind == token.Session, Lock: scope.Lock(m["lock"]), Scope: s, Role: scope.Role(m["role"]), Issuers: scope.Issuers(m["issuers"])}
	if p.Via != audit.ViaDashboard && p.Via != audit.ViaAPI || p.Account == "" || p.User == "" || !p.Holder.Role.Known() || !p.Holder.Lock.Known() {
		return Principal{}, ErrClaims
	}
	for name, t := range map[string]*time.Time{"expiresAt": &p.Expires, "loginAt": &p.Login} {
		if at := m[name]; at != "" {
			if *t, err = time.Parse(time.RFC3339, at); err != nil {
				return Principal{}, ErrClaims
			}
		}
	}
	return p, nil
}
