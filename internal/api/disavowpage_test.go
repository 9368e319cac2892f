package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
)

// Each page says what it is about in words of its own, whole and escaped; only what can be ended has a form.
func TestEachPageOfADisavowalSaysHowThingsStand(t *testing.T) {
	e := audit.Event{
		Type: audit.TokenCreated, At: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Origin: audit.Origin{IP: "192.0.2.7"},
		Subject: audit.Subject{Kind: "token", ID: "tok_EXAMPLEexample01", Name: "<i>deploy"},
	}
	found := func(kind disavowal.Kind, tokens ...disavowal.Token) disavowal.Found {
		return disavowal.Found{Kind: kind, Tokens: tokens, Account: account.Account{Name: "Example & Sons"}, Event: e, Who: "Olivia <b>", Until: e.At.Add(disavowal.Life)}
	}
	one := disavowal.Token{Handle: "tok_EXAMPLEexample01", Name: "<i>deploy"}
	over := one
	over.Ended = true
	novel := found(disavowal.Sessions)
	novel.Event.Type, novel.Event.Subject = audit.SessionNovel, audit.Subject{Kind: "user", ID: "usr_EXAMPLEexample01"}
	gone := found(disavowal.Tokens)
	gone.Event = audit.Event{} // its event is not there any more
	for name, c := range map[string]struct {
		view disavowView
		form bool
		says []string
	}{
		"one":            {viewOfDisavowal(found(disavowal.Tokens, one), offered), true, []string{"revoke the token</button>", "ends in le01", "It works.", "9 January 2030, 03:04:05 UTC", "&lt;i&gt;deploy", "Olivia &lt;b&gt;", "Example &amp; Sons", "192.0.2.7", "2 January 2030"}},
		"two":            {viewOfDisavowal(found(disavowal.Tokens, one, over), offered), true, []string{"revoke both tokens</button>", "uses them", "It had ended already."}},
		"three":          {viewOfDisavowal(found(disavowal.Tokens, one, one, one), offered), true, []string{"revoke all 3 tokens</button>"}},
		"one is ended":   {viewOfDisavowal(found(disavowal.Tokens, one), ended), false, []string{"The token is revoked", "It is revoked."}},
		"two are ended":  {viewOfDisavowal(found(disavowal.Tokens, one, over), ended), false, []string{"Both tokens are revoked", "It had ended already."}},
		"ended before":   {viewOfDisavowal(found(disavowal.Tokens, over), endedBefore), false, []string{"Nothing is left to end"}},
		"no event":       {viewOfDisavowal(gone, endedBefore), false, []string{"Nothing is left to end", "Example"}},
		"sessions":       {viewOfDisavowal(novel, offered), true, []string{"end all my sessions</button>", "A login from a new network"}},
		"sessions ended": {viewOfDisavowal(novel, ended), false, []string{"All your sessions are ended", "Set another one now"}},
		"unknown":        {refusal(fault.New(fault.NotFound, "", "There is no such link.")), false, []string{"This link does not work", "There is no such link."}},
		"used":           {refusal(fault.New(fault.Gone, "", "It was used.")), false, []string{"This link does not work", "It was used."}},
		"a failure":      {refusal(fault.Retry(errors.New("down"))), false, []string{"That did not work", "Open the link again"}},
	} {
		for dashboard, link := range map[string]string{"": `href="../"`, "https://console.example.com": `href="https://console.example.com"`} {
			r := disavowRoutes{dashboard: dashboard}.page(c.view)
			body := string(r.Body)
			if !strings.HasSuffix(body, "</html>\n") || strings.Contains(body, `<form method="post">`) != c.form || strings.Contains(body, link) == c.form || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s:\n%s", name, body)
			}
			for _, want := range c.says {
				if !strings.Contains(body, want) {
					t.Errorf("%s: no %q in\n%s", name, want, body[strings.Index(body, "<body>"):])
				}
			}
		}
	}
}
