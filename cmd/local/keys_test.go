package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// R7: what the list of keys shows can be sent back to end one; that is no secret, so it takes a credential.
func TestR7AListedKeyIsRevokedByItsName(t *testing.T) {
	s := newClient(t)
	session := s.login()
	key := s.post("/api/v1/api/key", session, nil).text("id")
	var list struct{ Results []struct{ ID string } }
	if err := json.Unmarshal([]byte(s.get("/api/v1/api/key?token="+session, "").body), &list); err != nil || len(list.Results) != 1 {
		t.Fatal(list, err)
	}
	path := "/api/v1/api/key/" + list.Results[0].ID
	s.want(s.delete(path, ""), http.StatusUnauthorized)
	s.want(s.delete(path+"?token="+key[1:], ""), http.StatusUnauthorized)
	member := s.as(session, "member")
	s.refused("a member", s.delete(path, member), 403, "")
	s.want(s.get("/v1/tokenInfo", key), http.StatusOK)
	s.want(s.delete(path+"?token="+session, ""), http.StatusOK)
	s.want(s.get("/v1/tokenInfo", key), http.StatusUnauthorized)
	s.refused("nobody's", s.delete("/api/v1/api/key/tok_0123456789ABCDEF", session), 404, "")
}

// R7, S17, S21, C15: the route that takes a listed name asks for a credential by itself, and all that holds for one that the
// authorizer has seen holds for it.
func TestR7ANamedRevocationIsAskedForLikeAnyOther(t *testing.T) {
	s := newClient(t)
	session := s.login()
	_, first := s.create(session, full("first"))
	_, second := s.create(session, full("second"))
	by, byHandle := s.create(session, full("by"))
	s.policy(session, `{"queryCredentials":false}`)
	s.want(s.delete("/api/v1/api/key/"+first+"?token="+by, ""), http.StatusUnauthorized)
	s.want(s.delete("/api/v1/api/key/"+first, by), http.StatusOK)
	if _, recently, networks := s.used(session, byHandle); !recently || len(networks) != 1 {
		t.Errorf("its use is not noted: %v", networks)
	}
	s.want(s.post("/v1/tokens/"+byHandle+"/rotate", session, nil), http.StatusCreated)
	s.want(s.delete("/api/v1/api/key/"+second, by), http.StatusUnauthorized)
	if said := s.events(session, byHandle); !strings.Contains(said, "token.reused") {
		t.Errorf("no alarm: %s", said)
	}
	if list := s.get("/api/v1/api/key", session).body; strings.Contains(list, byHandle) {
		t.Errorf("what was rotated out is listed as a key: %s", list)
	}
	r := s.do("POST", "/v1/login", http.Header{"Content-Type": {"application/json"}}, `{"name":"`+testEmail+`","password":"`+testPassword+`"}`)
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	s.want(s.do("DELETE", "/api/v1/api/key/"+second, http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"cross-site"}}, ""), http.StatusUnauthorized)
	s.want(s.do("DELETE", "/api/v1/api/key/"+second, http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"same-origin"}}, ""), http.StatusOK)
	if trail := s.get("/v1/tokens/"+second+"/audit", session).body; !strings.Contains(trail, `"via":"dashboard"`) {
		t.Errorf("%s", trail)
	}
}
