package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyfob/internal/token"
)

// What resources are called, in either account. Custom tokens are granted the first and last of these and what is the
// other account's alone: they were all registered when the tokens were made.
const (
	grantedID = "granted"
	otherID   = "ungiven"
	nobodysID = "nobody"
	shopID    = "shop01" // the integration that the first belongs to
)

// A tenant is an account of the matrix.
type tenant struct {
	id     string
	only   string // what its things are called that the other account has nothing of the name of
	mark   string // a word that is in the names of all that it has
	boss   string // the session of the owner who looks after it
	senior *user  // another owner
	junior *user  // a member
	other  *tenant
}

// A user is somebody with credentials.
type user struct {
	id, email   string
	role        who
	tenant      *tenant
	credentials map[string]string
	spare       string   // a token to be revoked by presenting it
	kept        string   // the handle of a token that nobody may do anything to
	stock       []string // handles of tokens to be used up
	made        []string // of all
}

// matrix is the running service with its two accounts. The second lets everyone issue tokens.
type matrix struct {
	*client
	tenants [2]*tenant
	users   []*user // one of each role
	answers map[string]map[string]int
	held    map[string]*http.Client
	checked *http.Client
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	amber, blue := &tenant{only: "only-a", mark: "Amber"}, &tenant{only: "only-b", mark: "Blue"}
	amber.other, blue.other = blue, amber
	m := &matrix{client: newClient(t), tenants: [2]*tenant{amber, blue}, answers: map[string]map[string]int{}, held: map[string]*http.Client{}}
	m.checked = m.http
	amber.boss = m.login()
	m.operate(`{"command":"account.create","account":{"name":"Blue"},"owner":{"email":"blue@example.com","password":"` + testPassword + `"}}`)
	blue.boss = m.enter("blue", testPassword)
	m.policy(amber.boss, `{"revealable":true}`)
	m.policy(blue.boss, `{"revealable":true,"issuers":"everyone"}`)
	for _, of := range m.tenants {
		of.id = m.get("/v1/account", of.boss).text("id")
		of.senior, of.junior = m.user(of, "senior", "owner", owners), m.user(of, "junior", "admin", members)
	}
	m.users = []*user{m.user(amber, "owner", "owner", owners), m.user(amber, "admin", "admin", admins), m.user(amber, "member", "admin", members), m.user(blue, "issuer", "member", issuers)}
	for _, u := range m.users {
		u.credentials[anExpired], _ = m.token(u, "expiresIn", 60)
	}
	m.advance(2 * time.Minute)
	for _, of := range m.tenants {
		m.register(of)
	}
	for _, u := range m.users {
		m.equip(u)
	}
	for _, of := range m.tenants {
		m.supply(of.senior, 18)
		m.supply(of.junior, 18)
	}
	for _, of := range m.tenants {
		for _, id := range []string{of.other.only, nobodysID} {
			m.want(m.delete("/v1/exports/"+id, of.boss), http.StatusNoContent)
		}
		m.want(m.turn(of.boss, of.junior.id, `{"role":"member"}`), http.StatusOK)
	}
	m.want(m.turn(amber.boss, m.users[2].id, `{"role":"member"}`), http.StatusOK)
	return m
}

// hold has the next answer held against the document, where it is the first of its kind: for all of them it takes longer
// than the answers do.
func (m *matrix) hold(kind string) {
	m.http = cmp.Or(m.held[kind], m.checked)
	m.held[kind] = http.DefaultClient
}

// user makes somebody of the account and logs them in, in developer mode.
func (m *matrix) user(of *tenant, name, role string, as who) *user {
	m.Helper()
	name = strings.ToLower(of.mark) + name
	u := &user{email: name, role: as, tenant: of, credentials: map[string]string{}}
	out := m.operate(fmt.Sprintf(`{"command":"user.create","account":%q,"email":"%s@example.com","name":"%s","role":%q,"password":%q}`, of.id, name, of.mark, role, testPassword))
	var made struct{ User struct{ ID string } }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.User.ID == "" {
		m.Fatal(out, err)
	}
	u.id, u.credentials[aSession] = made.User.ID, m.enter(name, testPassword)
	m.want(m.patch("/v1/me", u.credentials[aSession], "", `{"developerMode":true}`), http.StatusOK)
	return u
}

// hire makes somebody of the same account and role who can be let go. They are not asked for a password.
func (m *matrix) hire(like *user) *user {
	m.Helper()
	role := map[who]string{owners: "owner", admins: "admin", members: "member", issuers: "member"}[like.role]
	out := m.operate(fmt.Sprintf(`{"command":"user.create","account":%q,"email":"%s@example.com","name":"%s","role":%q}`, like.tenant.id, rand.Text(), like.tenant.mark, role))
	var made struct{ User struct{ ID string } }
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.User.ID == "" {
		m.Fatal(out, err)
	}
	return &user{id: made.User.ID}
}

// token makes a token of the user's, by default of full scope and to be shown again; more are members and their values.
func (m *matrix) token(u *user, more ...any) (secret, handle string) {
	m.Helper()
	body := map[string]any{"name": u.tenant.mark, "scope": "full", "revealable": true}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	secret, handle = m.create(u.credentials[aSession], body)
	u.made = append(u.made, handle)
	return secret, handle
}

// register fills an account's catalogue.
func (m *matrix) register(of *tenant) {
	m.Helper()
	for _, id := range []string{shopID, of.only} {
		m.integration(of, id)
	}
	for _, id := range []string{grantedID, otherID, of.only, of.other.only, nobodysID} {
		m.resource(of, id)
	}
}

func (m *matrix) integration(of *tenant, id string) {
	m.Helper()
	if r := m.put("/v1/integrations/"+id, of.boss, map[string]any{"name": of.mark}); r.status >= 300 {
		m.Fatal(r.body)
	}
}

func (m *matrix) resource(of *tenant, id string) {
	m.Helper()
	body := map[string]any{"name": of.mark}
	if id != otherID {
		body["integration"] = shopID
	}
	if r := m.put("/v1/exports/"+id, of.boss, body); r.status >= 300 {
		m.Fatal(r.body)
	}
}

// equip gives the user one of each credential.
func (m *matrix) equip(u *user) {
	m.Helper()
	m.supply(u, 9)
	c := u.credentials
	c[aFull], _ = m.token(u)
	for name, action := range map[string]string{aReader: "read", aWriter: "write", aRunner: "run"} {
		var grants []any
		for _, id := range []string{grantedID, nobodysID, u.tenant.other.only} {
			grants = append(grants, map[string]any{"id": id, "actions": []string{action}})
		}
		c[name], _ = m.token(u, "scope", "custom", "grants", map[string]any{"exports": grants})
	}
	c[aNothing], _ = m.token(u, "scope", "custom", "grants", map[string]any{})
	r := m.post("/v1/integrations/"+shopID+"/tokens", c[aSession], map[string]any{"name": u.tenant.mark})
	m.want(r, http.StatusCreated)
	c[anIntegration] = r.text("token")
	var handle string
	c[aRevoked], handle = m.token(u)
	m.want(m.delete("/v1/tokens/"+handle, c[aSession]), http.StatusNoContent)
	c[aLoggedOut] = m.enter(u.email, testPassword)
	m.want(m.post("/v1/logout", c[aLoggedOut], nil), http.StatusOK)
	c[aCookie], c[aFullQuery] = c[aSession], c[aFull]
	c[garbage] = token.Form{Brand: "kf", Realm: "us"}.New(token.API).Plaintext().Reveal()
}

// supply makes tokens of the user's for others to try things on.
func (m *matrix) supply(u *user, n int) {
	m.Helper()
	_, u.kept = m.token(u)
	u.spare, _ = m.token(u)
	for range n {
		_, handle := m.token(u)
		u.stock = append(u.stock, handle)
	}
}

// take gives one of the user's tokens to be used up.
func (u *user) take() string {
	handle := u.stock[0]
	u.stock = u.stock[1:]
	return handle
}

// standing gives what nobody may have changed, as those see it who look after it.
func (m *matrix) standing() map[string]string {
	m.Helper()
	all := map[string]string{}
	for _, of := range m.tenants {
		paths := []string{"/v1/integrations/" + shopID, "/v1/integrations/" + of.only, "/v1/integrations/" + nobodysID}
		for _, id := range []string{grantedID, otherID, of.only, of.other.only, nobodysID} {
			paths = append(paths, "/v1/exports/"+id)
		}
		for _, u := range append(m.users, of.senior, of.junior) {
			if u.tenant == of {
				paths = append(paths, "/v1/tokens/"+u.kept, "/v1/users/"+u.id)
			}
		}
		for _, path := range paths {
			r := m.get(path, of.boss)
			all[of.mark+" "+path] = fmt.Sprint(r.status, " ", r.body)
		}
	}
	return all
}
