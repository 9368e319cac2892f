package authorizer_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/authority"
	"keyfob/internal/authorizer"
	"keyfob/internal/dynamotest"
	"keyfob/internal/scope"
	"keyfob/internal/session"
	"keyfob/internal/standing"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/token"
)

// The credentials of a scene: tokens, and a session at the end.
const (
	credentials = 3
	theSession  = credentials - 1
)

// A scene is an account on a table that others may use too, with an admin whose credentials are looked at, and an owner
// who takes things away from them.
type scene struct {
	testing.TB
	table       table.Table
	form        token.Form
	routes      authorizer.Routes
	owner       authority.Principal
	admin       account.User
	ids         [credentials]token.ID
	credentials [credentials]string
	validations atomic.Int64
}

var began = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// now runs ahead with every validation, so that uses fall due to be noted again and again, in the very records that
// others are changing; but not for so long that a session would expire.
func (s *scene) now() time.Time {
	return began.Add(min(time.Duration(s.validations.Load())*10*time.Second, 20*time.Hour))
}

func newScene(t testing.TB, db table.Table) *scene {
	t.Helper()
	s := &scene{TB: t, table: jostling{db}, form: token.Form{Brand: "kf", Realm: "us"}}
	text, err := os.ReadFile("../../authorizer/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s.routes, err = authorizer.ParseRoutes(text); err != nil {
		t.Fatal(err)
	}
	acc := account.Account{ID: token.NewName("acc_"), Name: "Example Ltd", Status: account.Active, Policy: account.DefaultPolicy(), APIManagement: true, Created: s.now(), Version: 1}
	owner := account.User{ID: token.NewName("usr_"), Account: acc.ID, Email: token.NewName("u") + "@example.com", Name: "Olga", Role: scope.Owner, Status: account.Active, Created: s.now(), Version: 1}
	s.admin = owner
	s.admin.ID, s.admin.Email, s.admin.Name, s.admin.Role = token.NewName("usr_"), token.NewName("u")+"@example.com", "Adam", scope.Admin
	if err := db.Commit(t.Context(), append(append(owner.Create(), s.admin.Create()...), acc.Create())...); err != nil {
		t.Fatal(err)
	}
	s.owner, _ = s.login(acc, owner)
	admin, c := s.login(acc, s.admin)
	s.ids[theSession], s.credentials[theSession] = c.ID(), c.Plaintext().Reveal()
	for i := range theSession {
		_, c, err := s.authority().Issue(t.Context(), admin, audit.ViaAPI, audit.Origin{}, authority.Request{Name: "deploy", Scope: scope.Full()})
		if err != nil {
			t.Fatal(err)
		}
		s.ids[i], s.credentials[i] = c.ID(), c.Plaintext().Reveal()
	}
	return s
}

func (s *scene) login(acc account.Account, u account.User) (authority.Principal, token.Credential) {
	s.Helper()
	sessions := session.Sessions{Table: s.table, Now: s.now}
	_, c, err := sessions.Start(s.Context(), s.form, session.Basis{Account: acc.ID, User: u.ID, Life: account.DefaultSessionLife, Standing: standing.Of(acc, u)}, audit.ViaAPI, audit.Origin{})
	if err != nil {
		s.Fatal(err)
	}
	p, denial, err := s.authority().Verify(s.Context(), c.Plaintext().Reveal())
	if err != nil || denial != authority.None {
		s.Fatal(denial, err)
	}
	return p, c
}

// authority is a new one at each call: nobody shares anything but the table.
func (s *scene) authority() *authority.Authority {
	return &authority.Authority{Table: s.table, Now: s.now, Form: s.form}
}

// A judge says whether whoever shows the credential may read the account's audit trail, which admins may and only full
// scope reaches.
type judge interface {
	allows(ctx context.Context, credential string) (bool, error)
}

type instance struct {
	*authorizer.Authorizer
	count *atomic.Int64
}

func (s *scene) judge() judge {
	return instance{authorizer.New(authorizer.Config{Authority: s.authority(), Routes: s.routes, Log: slog.New(slog.DiscardHandler)}), &s.validations}
}

// allows asks as API Gateway does.
func (i instance) allows(ctx context.Context, credential string) (bool, error) {
	i.count.Add(1)
	from := bearer(credential)
	from["requestContext"] = map[string]any{"identity": map[string]any{"sourceIp": fmt.Sprintf("203.0.%d.7", rand.IntN(32))}}
	answer, err := i.Invoke(ctx, rest("GET", "/v1/audit", "/v1/audit", from))
	if err != nil && err.Error() == "Unauthorized" {
		return false, nil
	}
	return strings.Contains(string(answer), `"Effect":"Allow"`), err
}

// jostling is a table before and after whose calls others often come first.
type jostling struct{ table.Table }

func jostle() {
	for range rand.IntN(8) {
		runtime.Gosched()
	}
}

func (j jostling) Get(ctx context.Context, keys ...table.Key) ([]table.Item, error) {
	jostle()
	defer jostle()
	return j.Table.Get(ctx, keys...)
}

func (j jostling) Commit(ctx context.Context, ops ...table.Op) error {
	jostle()
	defer jostle()
	return j.Table.Commit(ctx, ops...)
}

// An opener gives a test a table.
type opener func(*testing.T) table.Table

func openBolt(t *testing.T) table.Table {
	t.Helper()
	db, err := bolt.Open(filepath.Join(t.TempDir(), "table"), func() time.Time { return began })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// openDynamo makes the table that is deployed, on a DynamoDB of the test binary's own.
func openDynamo(t *testing.T) table.Table {
	t.Helper()
	db, _ := dynamotest.Deployed(t)
	return db
}
