package faulty

import (
	"context"
	"errors"

	"keyfob/internal/fault"
	"keyfob/internal/table"
)

// A Table is a table as one function of one process sees it. It makes the faults of that table and of its caller.
type Table struct {
	Inner    table.Table
	Function string // the CodeUri of who calls
	Plan     *Plan
	Process  *Process
	// Told is called after each call with what its caller was told: ErrDead where nobody is left to be told. Nil for nobody.
	Told func(Call, error)
	// Spared are the kinds that this function cannot meet.
	Spared []Kind
}

var _ table.Table = (*Table)(nil)

var (
	errBusy = errors.New("faulty: the table throttles")
	errLost = errors.New("faulty: the connection was lost")
)

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, keys ...table.Key) (items []table.Item, err error) {
	err = t.call(ctx, Call{Function: t.Function, Verb: Get, Keys: keys}, func() error {
		items, err = t.Inner.Get(ctx, keys...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	err = t.call(ctx, Call{Function: t.Function, Verb: Query, Keys: []table.Key{{PK: q.PK, SK: q.Prefix}}}, func() error {
		page, err = t.Inner.Query(ctx, q)
		return err
	})
	if err != nil {
		return table.Page{}, err
	}
	return page, nil
}

// Commit implements table.Table.
func (t *Table) Commit(ctx context.Context, ops ...table.Op) error {
	c := Call{Function: t.Function, Verb: Commit, Ops: ops}
	for _, op := range ops {
		if op.Kind != table.KindCheck {
			c.Keys = append(c.Keys, op.Key)
		}
	}
	return t.call(ctx, c, func() error { return t.Inner.Commit(ctx, ops...) })
}

// call makes a call with the fault that the plan has for it.
func (t *Table) call(ctx context.Context, c Call, do func() error) error {
	told := func(err error) {
		if t.Told != nil {
			t.Told(c, err)
		}
	}
	t.Process.alive(ctx, told)
	gone := func() {
		told(ErrDead)
		die(ctx)
	}
	kind := t.Plan.choose(c, t.possible(ctx, c.Verb)...)
	dies := kind == DiesBefore
	if kind == ProcessDies {
		// With the machine goes everything, before the commit or after it.
		if dies = t.Plan.turn(); dies {
			t.Process.Kill()
		}
	}
	switch {
	case dies:
		gone()
	case kind == TableBusy:
		err := fault.Retry(errBusy)
		told(err)
		return err
	case kind == TableHang:
		err := t.Process.hang(ctx)
		t.Process.alive(ctx, told)
		told(err)
		return err
	}
	err := do()
	if kind == ProcessDies {
		t.Process.Kill()
	}
	if kind == DiesAfter || t.Process.isDead() {
		gone()
	}
	if kind == TableLost && err == nil {
		err = fault.Retry(errLost)
	}
	told(err)
	return err
}

// possible gives the kinds that a call can meet.
func (t *Table) possible(ctx context.Context, v Verb) []Kind {
	kinds := []Kind{TableBusy, TableHang}
	if v == Commit {
		kinds = append(kinds, TableLost)
	}
	if mortalCall(ctx) {
		kinds = append(kinds, DiesBefore)
		if v == Commit {
			kinds = append(kinds, DiesAfter, ProcessDies)
		}
	}
	if len(t.Spared) == 0 {
		return kinds
	}
	var left []Kind
	for _, k := range kinds {
		if !isOf(k, t.Spared) {
			left = append(left, k)
		}
	}
	return left
}
