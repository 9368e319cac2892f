package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// happening is an event as a client reads it.
type happening struct {
	ID, Type, At string
	Actor        struct{ UserID, Credential, Via string }
	From         struct{ IP, UserAgent, RequestID string }
	Subject      struct{ Kind, ID, Name string }
	Also         []struct{ Kind, ID, Name string }
	Changes      []struct{ Field, From, To string }
	Note         string
}

// happenings reads one page of a trail.
func (s *client) happenings(session, path string) (events []happening, cursor string) {
	s.Helper()
	r := s.get(path, session)
	s.want(r, http.StatusOK)
	var page struct {
		Events []happening
		Cursor string
	}
	if err := json.Unmarshal([]byte(r.body), &page); err != nil {
		s.Fatal(err)
	}
	return page.Events, page.Cursor
}

// spreadsheet reads the rows of a CSV export as events, following its pages.
func (s *client) spreadsheet(session, path, query string) (events []happening) {
	s.Helper()
	for pages := 0; query != ""; pages++ {
		r := s.get(path+"?"+query, session)
		s.want(r, http.StatusOK)
		if r.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(r.header.Get("Content-Disposition"), "attachment; ") || pages > 100 {
			s.Fatalf("%v", r.header)
		}
		rows, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
		if err != nil {
			s.Fatal(err)
		}
		for _, row := range rows[1:] {
			var e happening
			lists := map[string]any{"also": &e.Also, "changes": &e.Changes}
			texts := map[string]*string{
				"id": &e.ID, "type": &e.Type, "at": &e.At, "actor.userId": &e.Actor.UserID, "actor.credential": &e.Actor.Credential, "actor.via": &e.Actor.Via,
				"from.ip": &e.From.IP, "from.userAgent": &e.From.UserAgent, "from.requestId": &e.From.RequestID,
				"subject.kind": &e.Subject.Kind, "subject.id": &e.Subject.ID, "subject.name": &e.Subject.Name, "note": &e.Note,
			}
			for i, name := range rows[0] {
				if list := lists[name]; list != nil && row[i] != "" {
					if err := json.Unmarshal([]byte(row[i]), list); err != nil {
						s.Fatal(err)
					}
				} else if list == nil {
					*texts[name] = strings.TrimPrefix(row[i], "'")
				}
			}
			events = append(events, e)
		}
		link, more := strings.CutSuffix(strings.TrimPrefix(r.header.Get("Link"), "<?"), `>; rel="next"`)
		if query = ""; more {
			query = link
		}
	}
	return events
}

func typesOf(events []happening) string {
	types := make([]string, len(events))
	for i, e := range events {
		types[i] = e.Type
	}
	return strings.Join(types, " ")
}

// C15: each token has its trail: who did what when, what changed, and from where. It outlives the token, and can be taken
// away as CSV and as JSON.
func TestC15EachTokenHasItsTrail(t *testing.T) {
	s := newClient(t)
	session := s.login()
	info := s.get("/v1/tokenInfo", session)
	_, handle := s.create(session, full("=SUM(1;2)"))
	path := "/v1/tokens/" + handle
	s.advance(time.Second)
	s.want(s.patch(path, session, "", `{"name":"release","description":"for, \"all\" of us"}`), http.StatusOK)
	s.advance(time.Second)
	set := s.post("/v1/login", "", map[string]any{"name": testEmail, "password": testPassword}).header.Get("Set-Cookie")
	cookie, _, _ := strings.Cut(set, ";")
	s.want(s.do("DELETE", path, http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"same-origin"}}, ""), http.StatusNoContent)
	s.want(s.get(path, session), http.StatusNotFound)

	events, cursor := s.happenings(session, path+"/audit")
	if typesOf(events) != "token.revoked token.edited token.created" || cursor != "" {
		t.Fatalf("%v, %q", events, cursor)
	}
	for i, e := range events {
		via, credential, name := "api", info.text("id"), "release"
		if i == 0 {
			via, credential = "dashboard", e.Actor.Credential
		}
		if i == 2 {
			name = "=SUM(1;2)"
		}
		at := fmt.Sprintf("2026-11-21T20:00:0%d.000Z", 2-i)
		if e.Actor.UserID != info.text("_userId") || e.Actor.Credential != credential || e.Actor.Via != via || e.At != at ||
			e.From.IP != "127.0.0.1" || e.From.UserAgent == "" || e.From.RequestID == "" || e.Subject.Kind != "token" || e.Subject.ID != handle || e.Subject.Name != name {
			t.Errorf("%+v", e)
		}
	}
	if c := fmt.Sprint(events[1].Changes); !strings.Contains(c, "{name =SUM(1;2) release}") || !strings.Contains(c, `for, "all" of us`) {
		t.Errorf("the change: %v", c)
	}
	if events[0].Actor.Credential == info.text("id") || !strings.HasPrefix(events[0].Actor.Credential, "ses_") {
		t.Errorf("revoked with %s", events[0].Actor.Credential)
	}
	if got := s.spreadsheet(session, path+"/audit", "format=csv&limit=1"); !reflect.DeepEqual(got, events) {
		t.Errorf("as CSV: %+v, want %+v", got, events)
	}
	if got, _ := s.happenings(session, path+"/audit?format=json"); !reflect.DeepEqual(got, events) {
		t.Errorf("as JSON: %+v", got)
	}
	file := s.get(path+"/audit?format=json", session).header.Get("Content-Disposition")
	if file != `attachment; filename="keyfob-audit-`+handle+`-2026-11-21.json"` {
		t.Error(file)
	}
	s.advance(40 * 24 * time.Hour) // the record is gone
	if events, _ := s.happenings(s.login(), path+"/audit"); !strings.HasSuffix(typesOf(events), "token.revoked token.edited token.created") {
		t.Errorf("long after: %s", typesOf(events))
	}
}

// C15: a rotation stands in both tokens' trails, and the account's can be asked for by actor, action, token and time.
func TestC15TheAccountsTrailByActorActionTokenAndTime(t *testing.T) {
	s := newClient(t)
	session := s.login()
	me := s.get("/v1/tokenInfo", session).text("_userId")
	mate, other := s.somebody(session, "mate", "admin")
	s.advance(time.Second)
	secret, first := s.create(session, full("first"))
	s.advance(time.Second)
	s.want(s.get("/v1/tokenInfo", secret), http.StatusOK) // from a network that is new to it
	s.advance(time.Second)
	_, second := s.create(other, full("second"))
	s.advance(time.Second)
	_, third := s.create(secret, full("third"))
	s.advance(time.Second)
	rotated := s.post("/v1/tokens/"+second+"/rotate", session, nil)
	s.want(rotated, http.StatusCreated)
	s.advance(time.Second)
	s.want(s.delete("/v1/tokens/"+third, other), http.StatusNoContent)

	const day = "2026-11-21T20:00:0"
	for query, want := range map[string]string{
		"action=token":                                "token.revoked token.rotated token.created token.created token.accessed token.created",
		"action=token.created":                        "token.created token.created token.created",
		"action=token.created&actor=" + mate:          "token.created",
		"action=token&actor=" + me:                    "token.rotated token.created token.accessed token.created",
		"action=token.created&actor=" + first:         "token.created",
		"tokenId=" + first:                            "token.accessed token.created",
		"tokenId=" + second:                           "token.rotated token.created",
		"tokenId=" + rotated.text("id"):               "token.rotated",
		"tokenId=" + third + "&actor=" + mate:         "token.revoked",
		"tokenId=tok_0123456789ABCDEF":                "",
		"since=" + day + "4Z":                         "token.revoked token.rotated token.created",
		"since=" + day + "4Z&until=" + day + "6Z":     "token.rotated token.created",
		"since=" + day + "4.001Z&until=" + day + "6Z": "token.rotated",
		"action=token&until=" + day + "2Z":            "token.created",
		"since=" + day + "7Z":                         "",
		"since=" + day + "5Z&until=" + day + "5Z":     "",
	} {
		events, _ := s.happenings(session, "/v1/audit?"+query)
		if got := typesOf(events); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		var paged []happening
		for cursor := ""; ; {
			page, next := s.happenings(session, "/v1/audit?limit=1&cursor="+cursor+"&"+query)
			paged = append(paged, page...)
			if cursor = next; cursor == "" {
				break
			}
		}
		if !slices.EqualFunc(paged, events, func(a, b happening) bool { return a.ID == b.ID }) {
			t.Errorf("%s, page by page: %s", query, typesOf(paged))
		}
		if got := s.spreadsheet(session, "/v1/audit", "format=csv&limit=2&"+query); !slices.EqualFunc(got, events, func(a, b happening) bool { return a.ID == b.ID }) {
			t.Errorf("%s, as CSV: %s", query, typesOf(got))
		}
	}
	all, _ := s.happenings(session, "/v1/audit?limit=100")
	if got := typesOf(all); !strings.HasPrefix(got, "token.revoked token.rotated token.created token.created token.accessed token.created ") || !strings.Contains(got, "account.created") || !strings.Contains(got, "session.started") {
		t.Errorf("all of it: %s", got)
	}
}
