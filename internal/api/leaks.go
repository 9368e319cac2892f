package api

import (
	"context"
	"net/http"

	"keyfob/internal/gateway"
	"keyfob/internal/leak"
)

// Leaks is the function that takes GitHub's secret scanning alerts (S33). Its callers have no credential: the alert's
// signature speaks for it.
func Leaks(c Config) *gateway.Function {
	l := leaks{c.leaks()}
	return c.function(gateway.Routes{"POST /v1/leaks/github": l.github})
}

func (c Config) leaks() *leak.Leaks {
	return &leak.Leaks{Table: c.Table, Now: c.Now, Authority: c.authority()}
}

type leaks struct{ leaks *leak.Leaks }

// verdict is an entry of the answer, in the form of GitHub's partner program.
type verdict struct {
	Hash  string `json:"token_hash"`
	Type  string `json:"token_type"`
	Label string `json:"label"`
}

func (l leaks) github(ctx context.Context, r *gateway.Request) (gateway.Response, error) {
	verdicts, err := l.leaks.Receive(ctx, leak.Delivery{
		Key: r.Header(leak.KeyHeader), Signature: r.Header(leak.SignatureHeader), Body: r.Body, From: r.Origin(),
	})
	if err != nil {
		return gateway.Response{}, err
	}
	answer := make([]verdict, len(verdicts))
	for i, v := range verdicts {
		answer[i] = verdict{v.Hash, v.Type, "false_positive"}
		if v.Real {
			answer[i].Label = "true_positive"
		}
	}
	return gateway.JSON(http.StatusOK, answer)
}
