package authority

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/agenda"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// Whoever sets a token's life puts its first reminder onto the agenda in the same commit. The token remembers in which
// edition that was: a reminder of an earlier life finds that it is none any more, so nobody has to look for it.
//
// A reminder is due at each of account.ReminderDays, whatever the account's policy: which of them people are told of is
// decided when it is due, so that a change of the policy holds for every token at once.

const day = 24 * time.Hour

// nextReminder gives the next time at which people may be to be reminded of an end; zero where there is none any more.
func nextReminder(end, now time.Time) time.Time {
	if end.IsZero() {
		return time.Time{}
	}
	for _, days := range account.ReminderDays {
		if at := end.Add(-time.Duration(days) * day); at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// reminders gives the operation that puts the token's first reminder onto the agenda, if there is to be one.
func (t Token) reminders(now time.Time) []table.Op {
	due := nextReminder(t.Life.ExpiresAt, now)
	if due.IsZero() {
		return nil
	}
	e := agenda.Entry{Due: due, Kind: agenda.Reminder, Ref: t.ID.String(), Account: t.Account, Place: strconv.FormatInt(t.LifeSet, 10)}
	return []table.Op{e.Add()}
}

// Remind is the agenda.See of agenda.Reminder: it records that the token will end, where the account's policy wants people
// to be reminded now, and gives the time of the next reminder. A token whose user or account may not act is not reminded
// of; one that does not go on until its end has no reminder any more.
func (a *Authority) Remind(ctx context.Context, entry agenda.Entry) (agenda.Verdict, error) {
	items, err := a.Table.Get(ctx, key.Token(entry.Ref).Key())
	if err != nil || items[0] == nil {
		return agenda.Verdict{}, err
	}
	t, err := tokenFrom(items[0])
	if err != nil {
		return agenda.Verdict{}, err
	}
	now := a.Now().UTC()
	denial := t.denial(now)
	if entry.Place != strconv.FormatInt(t.LifeSet, 10) || !t.Successor.IsZero() || denial != None && denial != Ended {
		return agenda.Verdict{}, nil
	}
	verdict := agenda.Verdict{Next: nextReminder(t.Life.ExpiresAt, now)}
	acc, err := (&account.Accounts{Table: a.Table}).Get(ctx, t.Account)
	if fault.Is(err, fault.NotFound) {
		return agenda.Verdict{}, nil
	}
	if err != nil {
		return agenda.Verdict{}, err
	}
	if left := t.Life.ExpiresAt.Sub(now); denial == None && reached(acc.Policy, t.Life.ExpiresAt, entry.Due, now) {
		e := audit.New(audit.TokenExpiring, now, t.Account, audit.Actor{Via: audit.ViaSystem}, audit.Origin{}, t.Subject())
		e.Changes = []audit.Change{{Field: "endsIn", To: inDays(left)}, {Field: "expiresAt", To: instant(t.Life.ExpiresAt)}}
		if !t.Life.PurgeAt.IsZero() {
			e.Changes = append(e.Changes, audit.Change{Field: "purgeAt", To: instant(t.Life.PurgeAt)})
		}
		verdict.With = append(e.Ops(), table.Check(t.key(), table.VersionIs(t.Version)))
	}
	return verdict, nil
}

// reached reports whether a time at which the policy wants people to be reminded of the end has come between the two.
func reached(p account.Policy, end, from, now time.Time) bool {
	return slices.ContainsFunc(p.ReminderDays(), func(days int) bool {
		at := end.Add(-time.Duration(days) * day)
		return !at.Before(from) && !at.After(now)
	})
}

// inDays says a time span in whole days, or hours where it is less than one and a half.
func inDays(d time.Duration) string {
	if d < 36*time.Hour {
		hours := max(int((d+30*time.Minute)/time.Hour), 1)
		if hours == 1 {
			return "1 hour"
		}
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d days", int((d+12*time.Hour)/day))
}
