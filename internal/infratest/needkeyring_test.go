package infratest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/keyring"
	"keyfob/internal/keyring/local"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// revealable drives what changing, rotating and showing tokens needs: once with an Idempotency-Key and again, of the
// caller's own token.
func (s *service) revealable(session string) {
	s.t.Helper()
	who := s.request("TokenInfoFunction", 200, "GET /v1/tokenInfo", session, "")
	account, user := who["accountId"].(string), who["_userId"].(string)
	s.set(key.Account(account).Key(), table.Item{"revealable": table.Bool(true)})
	s.set(key.User{Account: account, User: user}.Key(), table.Item{"developer": table.Bool(true)})
	for _, id := range []string{"exp1", "exp2"} {
		s.request("ResourcesFunction", 201, "PUT /v1/{category}/{id}", session, `{"name":"Orders"}`, "exports", id)
	}
	s.headers = map[string]string{"Idempotency-Key": "made"}
	made := s.request("CreateTokenFunction", 201, "POST /v1/tokens", session, `{"name":"Deploy","autoPurge":"1d","scope":"full","revealable":true}`)
	id := made["id"].(string)
	for _, body := range []string{
		`{"name":"Deploy to production"}`, `{"autoPurge":"4d"}`, `{"scope":"custom","grants":{"exports":["exp1"]}}`,
		`{"scope":"custom","grants":{"exports":["exp1","exp2"]}}`,
	} {
		s.request("EditTokenFunction", 200, "PATCH /v1/tokens/{id}", session, body, id)
	}
	s.headers = map[string]string{"Idempotency-Key": "shown"}
	for range 2 {
		if shown := s.request("RevealTokenFunction", 200, "POST /v1/tokens/{id}/reveal", session, `{"reason":"lost"}`, id); shown["token"] != made["token"] {
			s.t.Error("another token was revealed")
		}
	}
	s.headers = map[string]string{"Idempotency-Key": "rotated"}
	first := s.request("RotateTokenFunction", 201, "POST /v1/tokens/{id}/rotate", session, `{"overlapSeconds":60}`, id)
	again := s.request("RotateTokenFunction", 201, "POST /v1/tokens/{id}/rotate", session, `{"overlapSeconds":60}`, id)
	if first["token"] != again["token"] {
		s.t.Error("there are two successors")
	}
	s.headers = nil
	if shown := s.request("RevealTokenFunction", 200, "POST /v1/tokens/{id}/reveal", session, `{"reason":"lost"}`, first["id"].(string)); shown["token"] != first["token"] {
		s.t.Error("another successor was revealed")
	}
	for _, id := range []string{"exp1", "exp2"} {
		s.request("ResourcesFunction", 204, "DELETE /v1/{category}/{id}", session, "", "exports", id)
	}
}

// set changes a record behind the functions' back.
func (s *service) set(k table.Key, change table.Item) {
	s.t.Helper()
	items, err := s.table.Get(s.t.Context(), k)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := maps.Clone(items[0])
	maps.Copy(changed, change)
	if err := s.table.Commit(s.t.Context(), table.Replace(changed, changed.Version())); err != nil {
		s.t.Fatal(err)
	}
}

// ring makes the key ring that the functions share.
func ring(t *testing.T) keyring.Ring {
	t.Helper()
	r, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sealing is the key ring as one function has it. It holds each use to the leave that the function has for the action
// that keyring/kms makes of it: from its own policy, or from that of its key.
type sealing struct {
	keyring.Ring
	service  *service
	function string
}

func (s sealing) Seal(ctx context.Context, text []byte, b keyring.Binding) ([]byte, error) {
	if !slices.Contains(besides[s.function], "kms:Encrypt") && s.function != keyStacks["FactorKeyStack"].seal+"Function" {
		s.service.t.Errorf("%s seals, and may not", s.function)
	}
	return s.Ring.Seal(ctx, text, b)
}

func (s sealing) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	name := strings.TrimSuffix(s.function, "Function")
	if !slices.Contains(keyStacks["KeyringStack"].open, name) && !slices.Contains(keyStacks["FactorKeyStack"].open, name) {
		s.service.t.Errorf("%s opens what is sealed, and may not (S30)", s.function)
	}
	return s.Ring.Open(ctx, sealed, b)
}
