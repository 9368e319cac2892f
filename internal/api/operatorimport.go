package api

import (
	"context"
	"fmt"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/tokenfile"
)

// importTokens is the command tokens.import: tokens that another system issued, by their hashes. Rows are refused one by
// one, in the answer's list; next is the line to go on from, where the time did not suffice for all.
func importTokens(c Config) command {
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			Account string          `json:"account"`
			Rows    []tokenfile.Row `json:"rows"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		if r.Account == "" {
			return nil, fault.Bad("account", "required", "account is required.")
		}
		if len(r.Rows) == 0 || len(r.Rows) > tokenfile.MaxBatch {
			return nil, fault.Bad("rows", "out_of_range", fmt.Sprintf("rows has 1 to %d rows.", tokenfile.MaxBatch))
		}
		last := 0
		for i, row := range r.Rows {
			if row.Line <= last {
				return nil, fault.Bad(fmt.Sprintf("rows[%d].line", i), "out_of_order", "Each row has a line of its own, above the one before.")
			}
			last = row.Line
		}
		report, err := c.authority().Import(ctx, r.Account, r.Rows, from)
		if err != nil {
			return nil, err
		}
		return struct {
			Imported  int                 `json:"imported"`
			Unchanged int                 `json:"unchanged"`
			Refused   []tokenfile.Problem `json:"refused"`
			Next      int                 `json:"next,omitzero"`
		}{report.Imported, report.Unchanged, report.Refused, report.Next}, nil
	}
}
