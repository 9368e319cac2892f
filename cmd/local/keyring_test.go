package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"keyfob/internal/keyring"
	keyfile "keyfob/internal/keyring/local"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// revealable makes a token that can be shown again, after the account and its owner were let.
func (s *client) revealable(session, name string) (secret, handle string) {
	s.Helper()
	s.policy(session, `{"revealable":true}`)
	s.want(s.patch("/v1/me", session, "", `{"developerMode":true}`), http.StatusOK)
	return s.create(session, map[string]any{"name": name, "scope": "full", "autoPurge": "never", "revealable": true})
}

func (s *client) reveal(session, handle string) response {
	s.Helper()
	return s.post("/v1/tokens/"+handle+"/reveal", session, map[string]any{"reason": "moving the job"})
}

// revealFails asks for what cannot be shown, which is nothing that a caller could mend, and gives the answer's body.
func (s *client) revealFails(session, handle string) string {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), "POST", s.service.URL+"/v1/tokens/"+handle+"/reveal", strings.NewReader(`{"reason":"moving the job"}`))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+session)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusInternalServerError {
		s.Errorf("%d %s, %v", answer.StatusCode, body, err)
	}
	return string(body)
}

// C11: what was sealed opens after a restart too, and is nowhere in the open.
func TestC11ATokenIsShownAgainAfterARestartAndLiesNowhereInTheOpen(t *testing.T) {
	s := newClient(t)
	dir := s.service.dir
	secret, handle := s.revealable(s.login(), "deploy")
	if err := s.service.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.service = startIn(t, dir)
	if r := s.reveal(s.login(), handle); r.status != http.StatusOK || r.text("token") != secret || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.mails()
	for _, f := range s.files() {
		if strings.Contains(f.content, secret) {
			t.Errorf("the token is in %s", f.name)
		}
	}
}

// S30: whoever can write the table cannot have one token's text shown as another's, nor shown at all.
func TestS30SealedTextsExchangedBetweenRowsAreNotShown(t *testing.T) {
	s := newClient(t)
	session := s.login()
	one, a := s.revealable(session, "one")
	two, b := s.revealable(session, "two")
	records, err := s.service.store.Get(t.Context(), record(a), record(b))
	if err != nil {
		t.Fatal(err)
	}
	texts := [][]byte{records[0].Bytes("sealed"), records[1].Bytes("sealed")}
	damaged := bytes.Clone(texts[1])
	damaged[len(damaged)-1] ^= 1
	for name, sealed := range map[string][]byte{"the other's": texts[0], "damaged": damaged, "shortened": texts[1][:20], "none of ours": []byte(one)} {
		items, err := s.service.store.Get(t.Context(), record(b))
		if err != nil {
			t.Fatal(err)
		}
		items[0]["sealed"] = table.B(sealed)
		if err := s.service.store.Commit(t.Context(), table.Replace(items[0], items[0].Version())); err != nil {
			t.Fatal(err)
		}
		if r := s.revealFails(session, b); strings.Contains(r, one) || strings.Contains(r, two) {
			t.Errorf("%s: %s", name, r)
		}
	}
	// The ring itself says so of the very texts that the table holds.
	ring, err := keyfile.Open(s.service.dir)
	if err != nil {
		t.Fatal(err)
	}
	account := records[0].String("account")
	for at, text := range map[string][]byte{a: texts[1], b: texts[0]} {
		if _, err := ring.Open(t.Context(), text, keyring.Binding{Account: account, Token: at}); !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if text, err := ring.Open(t.Context(), texts[0], keyring.Binding{Account: account, Token: a}); err != nil || string(text) != one {
		t.Errorf("%v", err)
	}
	if r := s.reveal(session, a); r.status != http.StatusOK || r.text("token") != one {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func record(handle string) table.Key { return key.Token(strings.TrimPrefix(handle, "tok_")).Key() }
