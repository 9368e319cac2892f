package api

import (
	"context"
	"net/http"
	"unicode/utf8"

	"keyfob/internal/account"
	"keyfob/internal/catalogue"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
)

// Search is the function that searches the catalogue as Circularo's clients search documents (R6).
func Search(c Config) *gateway.Function {
	s := searches{&catalogue.Catalogue{Table: c.Table, Now: c.Now}, c.accounts()}
	return c.function(gateway.Routes{"POST /api/v1/search": s.search})
}

type searches struct {
	catalogue *catalogue.Catalogue
	accounts  *account.Accounts
}

// Bounds of a search.
const (
	defaultSize = 10
	maxSize     = 100
	maxFrom     = 1_000_000
	maxQuery    = 200
)

type searchResult struct {
	DocumentID   string `json:"documentId"`
	resourceView `json:",inline"`
}

func (s searches) search(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	p, err := r.Principal()
	if err != nil {
		return gateway.Response{}, err
	}
	body := struct {
		From  int    `json:"from"`
		Size  *int   `json:"size"`
		Query string `json:"query"`
	}{}
	if err := r.DecodeOptional(&body); err != nil {
		return gateway.Response{}, err
	}
	size := defaultSize
	if body.Size != nil {
		size = *body.Size
	}
	switch {
	case body.From < 0 || body.From > maxFrom:
		return gateway.Response{}, fault.Bad("from", "out_of_range", "from is a whole number from 0 to 1000000.")
	case size < 0 || size > maxSize:
		return gateway.Response{}, fault.Bad("size", "out_of_range", "size is a whole number from 0 to 100.")
	case utf8.RuneCountInString(body.Query) > maxQuery:
		return gateway.Response{}, fault.Bad("query", "too_long", "query has at most 200 characters.")
	}
	found, err := s.catalogue.Search(ctx, p, catalogue.Search{Query: body.Query, From: body.From, Size: size})
	if err != nil {
		return gateway.Response{}, err
	}
	results := make([]searchResult, len(found.Resources))
	creators := map[string]bool{}
	for i, f := range found.Resources {
		results[i] = searchResult{f.ID, resourceViewOf(f)}
		creators[f.Creator] = true
	}
	users, err := s.users(ctx, p.Account, creators)
	if err != nil {
		return gateway.Response{}, err
	}
	return gateway.JSON(http.StatusOK, struct {
		From    int                 `json:"from"`
		Total   int                 `json:"total"`
		Results []searchResult      `json:"results"`
		Users   map[string]userName `json:"users"`
	}{body.From, found.Total, results, users})
}

// userName is what a search tells of the people behind its results.
type userName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// users names the creators of what was found.
func (s searches) users(ctx context.Context, accountID string, wanted map[string]bool) (map[string]userName, error) {
	names := map[string]userName{}
	if len(wanted) == 0 {
		return names, nil
	}
	members, err := s.accounts.Members(ctx, accountID)
	if err != nil {
		return nil, err
	}
	for _, u := range members {
		if wanted[u.ID] {
			names[u.ID] = userName{u.ID, u.Name}
		}
	}
	return names, nil
}
