package authorizer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/authorizer"
	"keyfob/internal/metric"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// memory is a table of fixed items that counts its reads; it exists to inject failures and to cost nothing in
// benchmarks.
type memory struct {
	items map[table.Key]table.Item
	reads int
	fail  error // of reads
	full  error // of writes
}

func (m *memory) Get(_ context.Context, keys ...table.Key) ([]table.Item, error) {
	m.reads += len(keys)
	if m.fail != nil {
		return nil, m.fail
	}
	items := make([]table.Item, len(keys))
	for i, k := range keys {
		items[i] = m.items[k]
	}
	return items, nil
}

func (m *memory) Query(context.Context, table.Query) (table.Page, error) {
	return table.Page{}, errors.New("the authorizer does not query")
}

// Commit keeps what is put, so that the records are made by the code that owns them.
func (m *memory) Commit(_ context.Context, ops ...table.Op) error {
	if m.full != nil {
		return m.full
	}
	for _, op := range ops {
		if op.Kind == table.KindPut {
			m.items[op.Key] = op.Item
		}
	}
	return nil
}

const arn = "arn:aws:execute-api:us-east-1:123456789012:abc123/live/GET/v1/tokenInfo"

type world struct {
	table   *memory
	logged  bytes.Buffer
	form    token.Form
	handler *authorizer.Authorizer
	now     time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	yaml, err := os.ReadFile("../../authorizer/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	routes, err := authorizer.ParseRoutes(yaml)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{table: &memory{items: map[table.Key]table.Item{}}, form: token.Form{Brand: "kf", Realm: "us"}, now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	out := io.Writer(&w.logged)
	if _, measured := t.(*testing.B); measured {
		out = io.Discard
	}
	w.handler = authorizer.New(authorizer.Config{
		Authority: &authority.Authority{Table: w.table, Now: func() time.Time { return w.now }, Form: w.form},
		Routes:    routes, Log: slog.New(slog.NewJSONHandler(out, nil)), Meter: metric.New(out, "keyfob", "authorizer", func() time.Time { return w.now }),
	})
	return w
}

// token stores a token of the scope, made by an owner.
func (w *world) token(t testing.TB, s scope.Scope) string {
	t.Helper()
	c := w.form.New(token.API)
	d := c.Digest()
	k := key.Token(c.ID().String()).Key()
	w.table.items[k] = table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "account": table.S("acc_1"), "user": table.S("usr_1"), "name": table.S("deploy"),
		"digest": table.B(d.Bytes()), "scope": table.S(s.String()), "role": table.S("owner"), "issuers": table.S("admins"), "created": table.N(1),
	}
	return c.Plaintext().Reveal()
}

func (w *world) session(t testing.TB) string {
	t.Helper()
	sessions := session.Sessions{Table: w.table, Now: func() time.Time { return w.now }}
	_, c, err := sessions.Start(t.Context(), w.form, session.Basis{Account: "acc_1", User: "usr_1", Life: account.DefaultSessionLife, Standing: standing.Standing{Role: scope.Owner, Issuers: scope.IssuersAdmins}}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Plaintext().Reveal()
}

// rest is a REST API's REQUEST event.
func rest(method, resource, path string, more map[string]any) []byte {
	e := map[string]any{
		"type": "REQUEST", "methodArn": strings.Replace(arn, "GET/v1/tokenInfo", method+path, 1),
		"resource": resource, "path": path, "httpMethod": method, "stageVariables": map[string]string{authorizer.StageVariable: "own"},
	}
	for name, value := range more {
		e[name] = value
	}
	b, _ := json.Marshal(e)
	return b
}

func bearer(text string) map[string]any {
	return map[string]any{"multiValueHeaders": map[string][]string{"Authorization": {"Bearer " + text}}}
}

type answer struct {
	PrincipalID    string
	PolicyDocument struct {
		Version   string
		Statement []struct {
			Action, Effect string
			Resource       []string
		}
	}
	Context      map[string]string
	IsAuthorized *bool
}

func (w *world) ask(t *testing.T, event []byte) (answer, error) {
	t.Helper()
	out, err := w.handler.Invoke(t.Context(), event)
	var a answer
	if err == nil {
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatal(err)
		}
	}
	return a, err
}

// effect is what an event comes to: Allow, Deny, or the error.
func (w *world) effect(t *testing.T, event []byte) string {
	t.Helper()
	a, err := w.ask(t, event)
	if err != nil {
		return err.Error()
	}
	return a.PolicyDocument.Statement[0].Effect
}
