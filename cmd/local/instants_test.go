package main

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"keyfob/internal/totp"
)

// codeOf gives the authenticator app's code of so many steps from the service's time.
func (s *client) codeOf(secret string, steps int64) string {
	s.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		s.Fatal(err)
	}
	return totp.Secret(raw).Code(totp.Step(s.service.clock.Now()) + steps)
}

// S6: a code counts one step before its time and one after, at the begin of a step as at its end, and never twice or after a
// later one.
func TestS6OneStepAndNoFurther(t *testing.T) {
	for _, second := range []time.Duration{0, 29 * time.Second} {
		s := newClient(t)
		secret, _ := s.app(s.login())
		s.advance(10*time.Minute + second)
		for i, step := range []struct {
			step   int64
			status int
		}{{-2, 422}, {2, 422}, {-1, 200}, {0, 200}, {1, 200}, {1, 422}, {0, 422}, {-1, 422}} {
			if r := s.shows(s.login(), "totp", s.codeOf(secret, step.step)); r.status != step.status {
				t.Errorf("%v into the step, the code %+d (try %d): %d %s, want %d", second, step.step, i, r.status, r.body, step.status)
			}
		}
		// The same of an enrolment.
		boss := s.enter("owner", testPassword)
		s.advance(10 * time.Minute)
		s.want(s.shows(boss, "totp", s.code(secret)), http.StatusOK)
		_, mia := s.somebody(boss, "mia", "member")
		for _, step := range []struct {
			step   int64
			status int
		}{{-2, 422}, {2, 422}, {1, 200}} {
			r := s.post("/v1/me/factors/totp", mia, nil)
			s.want(r, http.StatusCreated)
			if r := s.post("/v1/me/factors/totp/confirm", mia, map[string]any{"code": s.codeOf(r.text("secret"), step.step)}); r.status != step.status {
				t.Errorf("an enrolment by the code %+d: %d %s, want %d", step.step, r.status, r.body, step.status)
			}
		}
	}
}

// attested answers the question of a passkey that is to be enrolled, as an authenticator does.
func (s *client) attested(r response) (body string) {
	s.Helper()
	s.want(r, http.StatusCreated)
	origin := strings.Replace(s.service.URL, "127.0.0.1", "localhost", 1)
	party := virtualwebauthn.RelyingParty{ID: "localhost", Name: "Keyfob", Origin: origin}
	device, credential := virtualwebauthn.NewAuthenticator(), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(credential.Key.AttestationData()) != 77 { // virtualwebauthn leaves out a coordinate's leading zero byte, which no authenticator does
		credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	var asked struct{ PublicKey json.RawMessage }
	if err := json.Unmarshal([]byte(r.body), &asked); err != nil {
		s.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAttestationOptions(string(asked.PublicKey))
	if err != nil {
		s.Fatal(r.body, err)
	}
	return fmt.Sprintf(`{"name":"Laptop","credential":%s}`, virtualwebauthn.CreateAttestationResponse(party, device, credential, *options))
}

// S7, S8, S23: what was asked for can be answered until a second before its end, and not at its end.
func TestS7WhatWasAskedForEndsToTheSecond(t *testing.T) {
	const minute, week = time.Minute, 7 * 24 * time.Hour
	for _, c := range []struct {
		what             string
		life             time.Duration
		answered, refuse int
		ask              func(s *client) (answer func() response)
	}{
		{"a code that was mailed to unlock", 10 * minute, 200, 422, func(s *client) func() response {
			session := s.login()
			s.want(s.post("/v1/me/factors/email", session, nil), http.StatusAccepted)
			s.want(s.post("/v1/me/factors/email/confirm", session, map[string]any{"code": s.mailed()}), http.StatusOK)
			s.advance(minute)
			locked := s.login()
			code := s.mailed()
			return func() response { return s.shows(locked, "email", code) }
		}},
		{"a code that was mailed to enrol", 10 * minute, 200, 422, func(s *client) func() response {
			session := s.login()
			s.want(s.post("/v1/me/factors/email", session, nil), http.StatusAccepted)
			code := s.mailed()
			return func() response { return s.post("/v1/me/factors/email/confirm", session, map[string]any{"code": code}) }
		}},
		{"an app that is being enrolled", 10 * minute, 200, 422, func(s *client) func() response {
			session := s.login()
			r := s.post("/v1/me/factors/totp", session, nil)
			s.want(r, http.StatusCreated)
			return func() response {
				return s.post("/v1/me/factors/totp/confirm", session, map[string]any{"code": s.code(r.text("secret"))})
			}
		}},
		{"a passkey that is being enrolled", 5 * minute, 200, 422, func(s *client) func() response {
			session := s.login()
			body := s.attested(s.post("/v1/me/factors/passkeys", session, nil))
			header := http.Header{"Authorization": {"Bearer " + session}, "Content-Type": {"application/json"}}
			return func() response { return s.do("POST", "/v1/me/factors/passkeys/confirm", header, body) }
		}},
		{"an account that is offered", week, 200, 404, func(s *client) func() response {
			boss := s.login()
			id, _ := s.somebody(boss, "mia", "admin")
			s.want(s.post("/v1/account/handover", boss, map[string]any{"to": id}), http.StatusCreated)
			return func() response { return s.post("/v1/account/handover/accept", s.enter("mia", testPassword), nil) }
		}},
		{"an invitation", week, 200, 422, func(s *client) func() response {
			s.invite(s.login(), "mia@example.com", "member")
			link := s.linkIn("mia@example.com")
			return func() response { return s.join(link) }
		}},
		{"a reset", 15 * minute, 200, 422, func(s *client) func() response {
			s.want(s.forgot(testEmail, ""), http.StatusAccepted)
			link := s.linkIn(testEmail)
			return func() response { return s.join(link) }
		}},
	} {
		for before, want := range map[time.Duration]int{time.Second: c.answered, 0: c.refuse} {
			s := newClient(t)
			answer := c.ask(s)
			s.advance(c.life - before)
			if r := answer(); r.status != want {
				t.Errorf("%s, %v before its end: %d %s, want %d", c.what, before, r.status, r.body, want)
			}
		}
	}
}
