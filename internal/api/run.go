package api

import (
	"context"
	"net/http"

	"keyfob/internal/catalogue"
	"keyfob/internal/gateway"
	"keyfob/internal/scope"
)

// Run is the function that runs exports and imports, and shows their debug logs.
func Run(c Config) *gateway.Function {
	s := runs{&catalogue.Catalogue{Table: c.Table, Now: c.Now}}
	return c.function(gateway.Routes{
		"POST /v1/{category}/{id}/run": s.run, "GET /v1/{category}/{id}/debugLogs": s.debugLogs,
	})
}

type runs struct{ catalogue *catalogue.Catalogue }

func (s runs) run(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	var body struct{}
	if err := r.DecodeOptional(&body); err != nil {
		return gateway.Response{}, err
	}
	run, err := s.catalogue.Run(ctx, p, r.Via(), r.Origin(), scope.Category(r.Param("category")), r.Param("id"))
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusAccepted, struct {
		RunID     string         `json:"runId"`
		Category  scope.Category `json:"category"`
		ID        string         `json:"id"`
		StartedAt *string        `json:"startedAt"`
		Status    string         `json:"status"`
	}{run.ID, run.Category, run.Resource, stamp(run.At), "accepted"})
}

// logEntry is an entry of a debug log as the API shows it.
type logEntry struct {
	RunID   string  `json:"runId"`
	At      *string `json:"at"`
	By      string  `json:"by"`
	Via     string  `json:"via"`
	Message string  `json:"message"`
}

func (s runs) debugLogs(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	if err := r.KnownQuery("limit", "cursor"); err != nil {
		return gateway.Response{}, err
	}
	owner := p.Account + "/" + r.Param("category") + "/" + r.Param("id") + "/debugLogs"
	limit, position, err := r.Page(owner)
	if err != nil {
		return gateway.Response{}, err
	}
	page, err := s.catalogue.DebugLog(ctx, p, scope.Category(r.Param("category")), r.Param("id"), limit, position)
	if err != nil {
		return gateway.Response{}, err
	}
	entries := make([]logEntry, len(page.Entries))
	for i, e := range page.Entries {
		entries[i] = logEntry{e.ID, stamp(e.At), e.Credential, e.Via, e.Message}
	}
	return gateway.JSON(http.StatusOK, struct {
		Entries []logEntry `json:"entries"`
		Cursor  string     `json:"cursor,omitzero"`
	}{entries, gateway.Cursor(owner, page.Next)})
}
