package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// weakly hashes a password with less memory and fewer passes than new hashes are made with.
func weakly(plain string) string {
	salt := []byte("sixteen bytes of")
	derived := argon2.IDKey([]byte(plain), salt, 1, 8192, 1, 32)
	return fmt.Sprintf("$argon2id$v=19$m=8192,t=1,p=1$%s$%s", base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(derived))
}

// S3: who logs in with a hash of weaker parameters has one of today's from then on, of the same password; who fails to log in
// changes nothing.
func TestS3AnOlderHashIsUpgradedAtLogin(t *testing.T) {
	s := newClient(t)
	info := s.get("/v1/tokenInfo", s.login())
	k := key.User{Account: info.text("accountId"), User: info.text("_userId")}.Key()
	stored := func() table.Item {
		t.Helper()
		items, err := s.service.store.Get(t.Context(), k)
		if err != nil || items[0] == nil {
			t.Fatal(items, err)
		}
		return items[0]
	}
	user := stored()
	weak := weakly(testPassword)
	user["password"] = table.S(weak)
	if err := s.service.store.Commit(t.Context(), table.Replace(user, user.Version())); err != nil {
		t.Fatal(err)
	}
	s.want(s.attempt(testEmail, "wrong horse battery", ""), http.StatusUnauthorized)
	if got := stored().String("password"); got != weak {
		t.Error("a wrong password changed the hash")
	}
	s.login()
	upgraded := stored().String("password")
	if !strings.HasPrefix(upgraded, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(upgraded, strings.Split(weak, "$")[4]) {
		t.Errorf("after the login the hash begins %.40s", upgraded)
	}
	s.login()
	if got := stored().String("password"); got != upgraded {
		t.Error("a second login hashed again")
	}
	s.want(s.attempt(testEmail, "wrong horse battery", ""), http.StatusUnauthorized)
}

// S3: sixteen who log in at the same instant are all let in: some wait for their turn to hash, none is turned away. They are
// the first that ever log in, so that each also finds the network new.
func TestS3SixteenLoginsAtOnceAreAllAnswered(t *testing.T) {
	s := newClient(t)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for range 16 {
		all.Go(func() {
			<-begin
			r := s.attempt(testEmail, testPassword, "")
			if r.status != http.StatusOK || r.text("token") == "" {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	close(begin)
	all.Wait()
	if n := len(s.sessions(s.login())); n != 17 {
		t.Errorf("%d sessions", n)
	}
}
