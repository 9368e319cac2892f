package main

import (
	"net/http"
	"testing"
)

// C16, S9: whoever has a copy of the cookie has nothing of it once the password is changed with it; the browser goes on with
// the one it is given, and programs keep their tokens' sessions apart from it.
func TestC16ACopyOfTheCookieIsDeadAfterAChangeOfPassword(t *testing.T) {
	s := newClient(t)
	cookie, other := s.cookieLogin(), s.login()
	r := s.do("POST", "/v1/me/password", browser(cookie), `{"current":"`+testPassword+`","password":"`+freshPassword+`"}`)
	s.want(r, http.StatusNoContent)
	set, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	if err != nil || !set.HttpOnly || set.MaxAge <= 0 || set.MaxAge > 86400 {
		t.Fatalf("%v, %v", r.header, err)
	}
	s.want(s.do("GET", "/v1/tokens", browser(cookie), ""), http.StatusUnauthorized)
	s.want(s.get("/v1/tokens", other), http.StatusUnauthorized)
	s.want(s.do("GET", "/v1/tokens", browser(set.Name+"="+set.Value), ""), http.StatusOK)
	program := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": freshPassword, "returnToken": true}).text("token")
	r = s.post("/v1/me/password", program, map[string]any{"current": freshPassword, "password": testPassword})
	if s.want(r, http.StatusNoContent); r.header.Get("Set-Cookie") != "" {
		t.Error("a cookie for who has none")
	}
	s.want(s.get("/v1/tokens", program), http.StatusOK)
	s.want(s.do("GET", "/v1/tokens", browser(set.Name+"="+set.Value), ""), http.StatusUnauthorized)
}
