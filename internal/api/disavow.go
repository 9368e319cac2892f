package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/disavowal"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
)

// The link in a mail says that something was not its reader. To ask for its page changes nothing, since programs that look
// through mail ask for whatever they find in it; the form on the page asks for the same URL with POST, and that ends what the
// page names.
//
// The link is all that counts: no credential is asked for, no cookie is read and no body. So there is nothing that a page of
// another origin could borrow of a browser's by sending the form itself, and neither Origin nor Sec-Fetch-Site is looked at:
// whoever can send it has the link, and may use it.

func (c Config) disavowals() *disavowal.Disavowals {
	return &disavowal.Disavowals{Table: c.Table, Now: c.Now, Form: c.Form, URL: c.URL}
}

type disavowRoutes struct {
	disavowals *disavowal.Disavowals
	dashboard  string // where it is; empty where this API serves it
}

// The states of a link.
const (
	offered     = "offered"
	ended       = "ended"        // with this request
	endedBefore = "ended_before" // nothing was left to end
)

func (d disavowRoutes) offer(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	found, err := d.disavowals.Find(ctx, r.Param("link"))
	if err != nil {
		return gateway.Response{}, d.told(r, err)
	}
	return d.answer(r, found, stateOf(found, offered))
}

func (d disavowRoutes) use(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	used, err := d.disavowals.Use(ctx, r.Param("link"), r.Origin())
	if err != nil {
		return gateway.Response{}, d.told(r, err)
	}
	return d.answer(r, used, stateOf(used, ended))
}

// stateOf gives the state, or that none of the link's tokens was left to end.
func stateOf(f disavowal.Found, state string) string {
	if f.Kind == disavowal.Tokens && !slices.ContainsFunc(f.Tokens, func(t disavowal.Token) bool { return !t.Ended }) {
		return endedBefore
	}
	return state
}

// wantsJSON reports whether the caller is a program that says so. Everybody else gets a page.
func wantsJSON(r *gateway.Request) bool {
	accept := r.Header("Accept")
	return (strings.Contains(accept, "application/json") || strings.Contains(accept, "application/problem+json")) && !strings.Contains(accept, "text/html")
}

// told gives the error in the form that the caller reads.
func (d disavowRoutes) told(r *gateway.Request, err error) error {
	if wantsJSON(r) {
		return err
	}
	return &gateway.OnPage{Err: err, Page: func(e *fault.Error) gateway.Response { return d.page(refusal(e)) }}
}

// answer tells how things stand with the link.
func (d disavowRoutes) answer(r *gateway.Request, f disavowal.Found, state string) (gateway.Response, error) {
	if !wantsJSON(r) {
		page := d.page(viewOfDisavowal(f, state))
		page.Status = http.StatusOK
		return page, nil
	}
	type tokenView struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Ended bool   `json:"ended"`
	}
	tokens := make([]tokenView, len(f.Tokens))
	for i, t := range f.Tokens {
		tokens[i] = tokenView{t.Handle, t.Name, t.Ended || state != offered}
	}
	type about struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		At   string `json:"at"`
	}
	return gateway.JSON(http.StatusOK, struct {
		State  string      `json:"state"`
		Ends   string      `json:"ends"`
		Tokens []tokenView `json:"tokens"`
		Event  about       `json:"event"`
		Until  *string     `json:"until"`
	}{state, string(f.Kind), tokens, about{f.Event.ID, string(f.Event.Type), f.Event.At.UTC().Format(eventTime)}, stamp(f.Until)})
}
