package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"keyfob/internal/authority"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/trail"
)

// Audit is the function that shows what happened: in the account, or to one token.
func Audit(c Config) *gateway.Function {
	a := audits{&trail.Trails{Table: c.Table, Now: c.Now}}
	return c.function(gateway.Routes{"GET /v1/audit": a.account, "GET /v1/tokens/{id}/audit": a.token})
}

type audits struct{ trails *trail.Trails }

func (a audits) account(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	return a.page(ctx, r, "actor", "action", "tokenId")
}

func (a audits) token(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	return a.page(ctx, r, "actor", "action")
}

// An auditQuery is what a request for events says in its query.
type auditQuery struct {
	trail.Filter
	format string     // csv or json for a file; empty for a page
	owner  string     // of the cursor
	given  url.Values // what was said, for the address of the next page
}

// page answers either route. The trail is that of the token in the path, where there is one.
func (a audits) page(ctx context.Context, r *gateway.Request, words ...string) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	q, err := auditQueryOf(r, p, words)
	if err != nil {
		return gateway.Response{}, err
	}
	standard, most := gateway.DefaultLimit, trail.MaxPage
	if q.format != "" {
		standard, most = trail.MaxExport, trail.MaxExport
	}
	limit, position, err := r.PageOf(q.owner, standard, most)
	if err != nil {
		return gateway.Response{}, err
	}
	read := a.trails.Account
	if handle := r.Param("id"); strings.Contains(r.Resource, "{id}") {
		read = func(ctx context.Context, by authority.Principal, f trail.Filter, limit int, after string) (trail.Page, error) {
			return a.trails.Token(ctx, by, handle, f, limit, after)
		}
	}
	page, err := read(ctx, p, q.Filter, limit, position)
	if err != nil {
		return gateway.Response{}, err
	}
	cursor := gateway.Cursor(q.owner, page.Next)
	views := make([]eventView, len(page.Events))
	for i, e := range page.Events {
		views[i] = eventViewOf(e)
	}
	if q.format == "csv" {
		return q.attached(eventsCSV(views), cursor, r.Param("id"), a.trails.Now())
	}
	response, err := gateway.JSON(http.StatusOK, struct {
		Events []eventView `json:"events"`
		Cursor string      `json:"cursor,omitzero"`
	}{views, cursor})
	if err != nil || q.format == "" {
		return response, err
	}
	return q.attached(response, cursor, r.Param("id"), a.trails.Now())
}

// auditQueryOf reads the query. The words are the parameters that are taken as they are.
func auditQueryOf(r *gateway.Request, p authority.Principal, words []string) (auditQuery, error) {
	names := append([]string{"since", "until", "format"}, words...)
	if err := r.KnownQuery(append(names, "limit", "cursor")...); err != nil {
		return auditQuery{}, err
	}
	q := auditQuery{given: url.Values{}}
	q.owner = fmt.Sprintf("%s %s %q", p.Account, r.Resource, r.Param("id"))
	for _, name := range names {
		text, given, err := r.Lookup(name)
		if err != nil {
			return auditQuery{}, err
		}
		if !given {
			continue
		}
		if err := q.set(name, text); err != nil {
			return auditQuery{}, err
		}
		q.given.Set(name, text)
		if name != "format" { // which is not about what the list holds
			q.owner += fmt.Sprintf(" %s=%q", name, text)
		}
	}
	if limit, given, err := r.Lookup("limit"); given && err == nil {
		q.given.Set("limit", limit)
	}
	return q, nil
}

// rfc3339 leaves out what package time takes besides: an hour of one digit, a comma (go.dev/issue/54580).
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

func (q *auditQuery) set(name, text string) error {
	if text == "" {
		return fault.Bad(name, "required", name+" is not empty.")
	}
	switch name {
	case "actor":
		q.Actor = text
	case "action":
		q.Action = text
	case "tokenId":
		q.Filter.Token = text
	case "format":
		if text != "csv" && text != "json" {
			return fault.Bad("format", "unknown_value", "format is csv or json.")
		}
		q.format = text
	default:
		var at time.Time
		if err := at.UnmarshalText([]byte(text)); err != nil || !rfc3339.MatchString(text) {
			return fault.Bad(name, "malformed", name+" is a time such as 2030-01-02T03:04:05Z (RFC 3339); in an address, + is written %2B.")
		}
		if name == "since" {
			q.Since = &at
		} else {
			q.Until = &at
		}
	}
	return nil
}

// attached makes an answer a file to keep. Where there is more, its address is beside it, relative: an absolute one would
// have to know the stage.
func (q auditQuery) attached(r gateway.Response, cursor, handle string, now time.Time) (gateway.Response, error) {
	name := "keyfob-audit-"
	if handle != "" {
		name += handle + "-"
	}
	r.Headers["Content-Disposition"] = `attachment; filename="` + name + now.UTC().Format("2006-01-02") + "." + q.format + `"`
	if cursor != "" {
		q.given.Set("cursor", cursor)
		r.Headers["Link"] = "<?" + q.given.Encode() + `>; rel="next"`
	}
	return r, nil
}
