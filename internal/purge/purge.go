// Package purge is the life of a token: when it ends to be valid, and when its record is deleted.
//
// The two are separate times. Auto purge sets both to the same instant; a plain expiry sets only the first, and the
// expired token stays visible until somebody deletes it.
//
// It is pure: the time is an argument, and nothing is deleted here.
package purge

import (
	"strings"
	"time"

	"keyfob/internal/fault"
)

// A Life is the two times of a token; a zero time is never. It remembers how they were chosen, so that a successor can
// be given the same.
type Life struct {
	ExpiresAt time.Time     // the credential is refused from this instant on
	PurgeAt   time.Time     // the record is hidden from this instant on, and deleted by the store some time after
	Auto      string        // the auto purge setting it was made with; empty for none
	For       time.Duration // how long it was to be from when it was set; 0 where an instant was named, or never
}

// Expired reports whether the credential is refused at now: from the very instant of expiry on.
func (l Life) Expired(now time.Time) bool { return !l.ExpiresAt.IsZero() && !now.Before(l.ExpiresAt) }

// Purged reports whether the record is to be treated as gone at now, whether the store has deleted it or not.
func (l Life) Purged(now time.Time) bool { return !l.PurgeAt.IsZero() && !now.Before(l.PurgeAt) }

// Within reports whether the life, of a token made at the given time, is no longer than the bound.
func (l Life) Within(bound time.Duration, made time.Time) bool {
	return !l.ExpiresAt.IsZero() && !l.ExpiresAt.After(ceil(made.Add(bound)))
}

// Again gives a life of the same settings that begins at now: as long, where it was chosen by its length, and to the
// same instant where that was named. Errors: as Until's, where that instant has passed.
func (l Life) Again(now time.Time) (Life, error) {
	switch {
	case l.Auto != "":
		return Auto(l.Auto, now)
	case l.For > 0:
		return In(l.For, now)
	case l.ExpiresAt.IsZero():
		return Life{}, nil
	}
	return Until(l.ExpiresAt, now)
}

// choices are the auto purge settings, in their order.
var choices = []struct {
	name string
	life time.Duration // 0 is never
}{
	{"1h", time.Hour}, {"4h", 4 * time.Hour}, {"1d", 24 * time.Hour}, {"4d", 4 * 24 * time.Hour},
	{"10d", 10 * 24 * time.Hour}, {"30d", 30 * 24 * time.Hour}, {Never, 0},
}

// Never is the auto purge setting of a token that stays until somebody ends it.
const Never = "never"

// Choices lists the names of the auto purge settings: 1h, 4h, 1d, 4d, 10d, 30d, never.
func Choices() []string {
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = c.name
	}
	return names
}

// Auto gives the life of a token made at now with the named auto purge setting. Times are whole seconds, since the
// store purges by seconds; they are rounded up, so that a life is never shorter than promised.
func Auto(name string, now time.Time) (Life, error) {
	for _, c := range choices {
		if c.name != name {
			continue
		}
		if c.life == 0 {
			return Life{Auto: name}, nil
		}
		at := ceil(now.Add(c.life))
		return Life{ExpiresAt: at, PurgeAt: at, Auto: name, For: c.life}, nil
	}
	return Life{}, fault.Bad("autoPurge", "unknown_value", "autoPurge is one of "+strings.Join(Choices(), ", ")+".")
}

// longest bounds a life that is not for ever, in years. Beyond it nobody means what they wrote, and RFC 3339 ends with
// the year 9999.
const longest = 100

// Until gives the life of a token that expires at the given time and stays visible after it. The time lies in the
// future, and at most 100 years ahead.
func Until(at, now time.Time) (Life, error) {
	if !at.After(now) {
		return Life{}, fault.Refused("expiresAt", "in_the_past", "expiresAt lies in the past.")
	}
	if at.After(now.AddDate(longest, 0, 0)) {
		return Life{}, fault.Refused("expiresAt", "too_far", "expiresAt lies more than 100 years ahead.")
	}
	return Life{ExpiresAt: ceil(at)}, nil
}

// In gives the life of a token that expires so long after now and stays visible after it: from one second to 100 years.
func In(d time.Duration, now time.Time) (Life, error) {
	at := now.Add(d)
	if d < time.Second || at.After(now.AddDate(longest, 0, 0)) {
		return Life{}, fault.Refused("expiresIn", "out_of_range", "expiresIn is a number of seconds from 1 to 100 years.")
	}
	return Life{ExpiresAt: ceil(at), For: d}, nil
}

func ceil(t time.Time) time.Time {
	if c := t.Truncate(time.Second); !c.Equal(t) {
		return c.Add(time.Second).UTC()
	}
	return t.UTC()
}

// A Choice is how somebody says how long a token is to live: one of the three ways, the others nil.
type Choice struct {
	Auto *string        // an auto purge setting
	At   *time.Time     // an instant
	In   *time.Duration // a length
}

// From gives the life of a token that was made at the given time, which has to last beyond now.
func (c Choice) From(made, now time.Time) (l Life, err error) {
	switch {
	case c.Auto != nil:
		l, err = Auto(*c.Auto, made)
	case c.In != nil:
		l, err = In(*c.In, made)
	case c.At != nil:
		return Until(*c.At, now)
	}
	if err == nil && l.Expired(now) {
		err = fault.Refused(c.Field(), "in_the_past", c.Field()+" has passed already, counted from when the token was made.")
	}
	return l, err
}

// Field names the field by which it is said.
func (c Choice) Field() string {
	switch {
	case c.Auto != nil:
		return "autoPurge"
	case c.In != nil:
		return "expiresIn"
	}
	return "expiresAt"
}

// Is reports whether the life was chosen so.
func (c Choice) Is(l Life) bool {
	switch {
	case c.Auto != nil:
		return l.Auto == *c.Auto
	case c.In != nil:
		return l.Auto == "" && l.For == *c.In
	}
	return c.At != nil && l.Auto == "" && l.For == 0 && l.ExpiresAt.Equal(ceil(*c.At))
}
