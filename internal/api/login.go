package api

import (
	"context"
	"net/http"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/credential"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/login"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/throttle"
)

// Login is the function that logs people in, and tells what a session is.
func Login(c Config) *gateway.Function {
	l := logins{c, &login.Logins{
		Form: c.Form, Accounts: c.accounts(), Sessions: &session.Sessions{Table: c.Table, Now: c.Now}, Hasher: c.Hasher,
		Throttle: &throttle.Throttle{Table: c.Table, Now: c.Now},
	}}
	return c.function(gateway.Routes{
		"POST /v1/login": l.login, "POST /api/v1/login": l.login,
		"GET /v1/login": l.state, "GET /api/v1/login": l.state,
	})
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

// loginState is what Circularo's clients read of a login (R1).
type loginState struct {
	Logged     bool          `json:"logged"`
	IsUnlocked bool          `json:"isUnlocked"`
	Token      string        `json:"token,omitzero"`
	Tenant     string        `json:"tenant"`
	User       userView      `json:"user"`
	Settings   settingsView  `json:"settings"`
	Rights     []scope.Right `json:"rights"`
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
	ExpiresAt   *string       `json:"expiresAt"` // of the credential
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
	state := l.stateOf(in.Account, in.User)
	state.Settings.ExpiresAt = stamp(in.Session.Expires)
	if body.ReturnToken {
		state.Token = in.Credential.Plaintext().Reveal()
		return gateway.JSON(http.StatusOK, state)
	}
	response, err := gateway.JSON(http.StatusOK, state)
	response.Cookies = []string{credential.SetCookie(in.Credential.Plaintext(), session.Absolute)}
	return response, err
}

func (l logins) state(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	acc, user, err := l.logins.Accounts.WithUser(ctx, p.Account, p.User)
	if fault.Is(err, fault.NotFound) {
		return gateway.Response{}, fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(err)
	}
	if err != nil {
		return gateway.Response{}, err
	}
	state := l.stateOf(acc, user)
	state.Settings.ExpiresAt = stamp(p.Expires)
	return gateway.JSON(http.StatusOK, state)
}

func (l logins) stateOf(acc account.Account, user account.User) loginState {
	return loginState{
		Logged: true, IsUnlocked: true, Tenant: acc.ID,
		User:     userView{ID: user.ID, Name: user.Name, Email: user.Email, Role: user.Role},
		Settings: settingsView{AccountName: acc.Name, Realm: l.config.Form.Realm, Issuers: acc.Policy.Issuers},
		Rights:   scope.RightsOf(user.Role, acc.Policy.Issuers),
	}
}
