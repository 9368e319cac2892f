package notice

import (
	"context"
	"errors"

	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Outstanding is the agenda.See of agenda.Owed: it delivers what the stream and whoever claimed it have not.
func (n *Notices) Outstanding(ctx context.Context, entry agenda.Entry) (agenda.Verdict, error) {
	items, err := n.Table.Get(ctx, table.Key{PK: key.PrefixAudit + entry.Account, SK: entry.Place})
	if err != nil || items[0] == nil {
		return agenda.Verdict{}, err
	}
	e, err := audit.FromItem(items[0])
	if err != nil {
		return agenda.Verdict{}, err
	}
	err = n.Deliver(ctx, e)
	if left, ok := errors.AsType[*Left](err); ok && left.Why == nil {
		return agenda.Verdict{Next: left.Until}, nil
	}
	return agenda.Verdict{}, err
}
