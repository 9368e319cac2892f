package ses

import (
	"errors"
	"strings"
	"testing"

	"keyfob/internal/mail"
)

// S32: a recipient is written as SES takes it, or the message is refused for good before anything is sent.
func TestS32RecipientsAreOneAddressInASCII(t *testing.T) {
	for to, want := range map[string]string{
		"adam@example.com":                             "adam@example.com",
		"Adam+keys@Example.COM":                        "Adam+keys@Example.COM",
		"o'neil.x_y@mail.example.com":                  "o'neil.x_y@mail.example.com",
		"a@[192.0.2.1]":                                "a@[192.0.2.1]",
		"adam@bücher.example":                          "adam@xn--bcher-kva.example",
		"adam@BÜCHER.example":                          "adam@xn--bcher-kva.example",
		"adam@bu\u0308cher.example":                    "adam@xn--bcher-kva.example",
		"adam@例え.テスト":                                  "adam@xn--r8jz45g.xn--zckzah",
		"adam@faß.example":                             "adam@xn--fa-hia.example",
		"adam@xn--bcher-kva.example":                   "adam@xn--bcher-kva.example",
		"ädam@example.com":                             "",
		"адам@example.com":                             "",
		"adam@b\u200bücher.example":                    "adam@xn--bcher-kva.example", // UTS 46 drops what cannot be seen
		"adam@\u202ebücher.example":                    "",
		"adam@aא.example":                              "", // left to right and right to left in one
		"adam@-bücher-.example":                        "",
		"adam@bü cher.example":                         "",
		"":                                             "",
		"adam":                                         "",
		"Adam <adam@example.com>":                      "",
		"adam@example.com,eve@x.com":                   "",
		"adam@example.com\r\nBcc: e@x":                 "",
		"adam@example.com\nBcc: e@x.co":                "",
		"adam@example.com\x00":                         "",
		"adam@example.com\u2028":                       "",
		"adam@" + strings.Repeat("ü", 64) + ".example": "",
	} {
		s := newStandIn(t)
		m := message()
		m.To = to
		err := sender(t, once(s)).Send(t.Context(), m)
		calls, accepted := s.seen()
		if want == "" {
			if rejected := new(mail.Rejected); !errors.As(err, &rejected) || calls != 0 {
				t.Errorf("%q: %v, %d calls", to, err, calls)
			}
			continue
		}
		if err != nil || len(accepted) != 1 || accepted[0].Get("Destination.ToAddresses.member.1") != want || accepted[0].Has("Destination.ToAddresses.member.2") {
			t.Errorf("%q: %v, %v", to, err, accepted)
		}
	}
}

// S32: nothing that a name or a subject holds begins a header of its own.
func TestS32NoHeaderCanBeInjected(t *testing.T) {
	for _, breaks := range []string{"\r\n", "\n", "\r", "\x00", "\x0b", "\x7f"} {
		s := newStandIn(t)
		m := message()
		m.Subject = "Keyfob: x" + breaks + "Bcc: eve@example.com"
		var rejected *mail.Rejected
		if err := sender(t, once(s)).Send(t.Context(), m); !errors.As(err, &rejected) {
			t.Errorf("%q: %v", breaks, err)
		}
		if calls, _ := s.seen(); calls != 0 {
			t.Errorf("%q: %d calls", breaks, calls)
		}
		if _, err := New(nil, Config{From: "Keyfob" + breaks + "Bcc: eve@example.com <no-reply@keys.example.com>"}); err == nil {
			t.Errorf("%q: taken as the sender", breaks)
		}
	}
}
