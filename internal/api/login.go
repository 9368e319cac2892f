package api

import (
	"context"
	"net/http"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/credential"
	"keyfob/internal/factor"
	"keyfob/internal/gateway"
	"keyfob/internal/login"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/table/key"
	"keyfob/internal/throttle"
	"keyfob/internal/token"
)

// Login is the function that logs people in, and tells what a session is.
func Login(c Config) *gateway.Function {
	l := logins{c, c.logins()}
	return c.function(gateway.Routes{
		"POST /v1/login": l.login, "POST /api/v1/login": l.login,
		"GET /v1/login": l.state, "GET /api/v1/login": l.state,
	})
}

func (c Config) logins() *login.Logins {
	return &login.Logins{
		Form: c.Form, Now: c.Now, Accounts: c.accounts(), Sessions: &session.Sessions{Table: c.Table, Now: c.Now}, Hasher: c.Hasher,
		Throttle: &throttle.Throttle{Table: c.Table, Now: c.Now},
	}
}

type logins struct {
	config Config
	logins *login.Logins
}

type loginRequest struct {
	Name        string `json:"name"`
	Password    string `json:"password"`
	Tenant      string `json:"tenant"`
	ReturnToken bool   `json:"returnToken"`
}

// loginState is what Circularo's clients read of a login (R1). What it is locked for stands in it as long as it is: the
// factors that it can be unlocked with, or that one has to be enrolled.
type loginState struct {
	Logged     bool           `json:"logged"`
	IsUnlocked bool           `json:"isUnlocked"`
	Token      string         `json:"token,omitzero"`
	Tenant     string         `json:"tenant"`
	User       userView       `json:"user"`
	Settings   settingsView   `json:"settings"`
	Rights     []scope.Right  `json:"rights"`
	Factors    *[]factor.Name `json:"factors,omitzero"`
	Enrol      bool           `json:"enrol,omitzero"`
}

type userView struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Email string     `json:"email"`
	Role  scope.Role `json:"role"`
}

type settingsView struct {
	AccountName string        `json:"accountName"`
	Realm       string        `json:"realm"`
	Issuers     scope.Issuers `json:"issuers"`
	ExpiresAt   *string       `json:"expiresAt"`   // of the credential, however much it is used
	IdleSeconds *int          `json:"idleSeconds"` // after which the session ends if it is not used; null for a token
}

func (l logins) login(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	var body loginRequest
	if err := r.Decode(&body); err != nil {
		return gateway.Response{}, err
	}
	if !body.ReturnToken && !r.IsJSON() {
		// A page of another origin can post a text without asking first, and must not plant a cookie by it.
		return gateway.Response{}, gateway.NotJSON()
	}
	via := audit.ViaDashboard
	if body.ReturnToken {
		via = audit.ViaAPI
	}
	in, err := l.logins.Login(ctx, login.Attempt{Name: body.Name, Password: body.Password, Tenant: body.Tenant}, via, r.Origin())
	if err != nil {
		return gateway.Response{}, err
	}
	state := l.config.stateOf(in.State, in.Session.Holder(), in.Session.Expires)
	if body.ReturnToken {
		state.Token = in.Credential.Plaintext().Reveal()
		return gateway.JSON(http.StatusOK, state)
	}
	response, err := gateway.JSON(http.StatusOK, state)
	response.Cookies = []string{credential.SetCookie(in.Credential.Plaintext(), in.Session.Expires.Sub(in.Session.Created))}
	return response, err
}

func (l logins) state(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	state, err := l.config.loginState(ctx, p)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, state)
}

// loginState tells the state of the principal's credential.
func (c Config) loginState(ctx context.Context, p authority.Principal) (loginState, error) {
	id := token.ID{}
	if p.Kind == token.Session {
		id = p.ID
	}
	s, err := c.logins().State(ctx, key.User{Account: p.Account, User: p.User}, id)
	if err != nil {
		return loginState{}, err
	}
	now := scope.Holder{Session: p.Holder.Session, Lock: s.Lock(), Scope: p.Holder.Scope, Role: s.User.Role, Issuers: s.Account.Policy.Issuers}
	return c.stateOf(s, now, p.Expires), nil
}

// stateOf writes the state of a credential that gives its holder so much, and lives until then.
func (c Config) stateOf(s login.State, h scope.Holder, until time.Time) loginState {
	state := loginState{
		Logged: true, IsUnlocked: h.Lock == scope.Open, Tenant: s.Account.ID,
		User:     userView{ID: s.User.ID, Name: s.User.Name, Email: s.User.Email, Role: s.User.Role},
		Settings: settingsView{AccountName: s.Account.Name, Realm: c.Form.Realm, Issuers: s.Account.Policy.Issuers, ExpiresAt: stamp(until)},
		Rights:   h.Rights(), Enrol: h.Lock == scope.Enrol,
	}
	if h.Lock != scope.Open {
		state.Rights, state.Factors = []scope.Right{}, &s.Factors
	}
	if s.Session.Idle > 0 {
		idle := int(s.Session.Idle / time.Second)
		state.Settings.IdleSeconds = &idle
	}
	return state
}
