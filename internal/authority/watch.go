package authority

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/network"
	"keyfob/internal/table"
)

// A Network is where a token was used from.
type Network struct {
	Prefix      string // 203.0.113.0/24, 2001:db8::/64
	First, Last time.Time
	UserAgent   string // at the last note
}

// What is noted of a token's use, and how often. Each note is a write that a request waits for, so in the ordinary case
// there is none.
const (
	noteEvery      = 5 * time.Minute     // between two notes of a token's use
	networkEvery   = 24 * time.Hour      // between two of a network's, which another may keep out of the former
	networkForgets = 30 * 24 * time.Hour // after which a network is new again
	maxNetworks    = 16
	maxAgent       = 100             // bytes of a user agent; sixteen of them still leave the record within one read's 4 KB
	calm           = 8               // new networks within an hour that are told of at once; further ones wait, or are left out
	alarmEvery     = time.Hour       // between two alarms, of one network, about a token that was rotated out
	noteWithin     = 1 * time.Second // that a note may take of its request's time
)

// UsedWithin reports whether the token was used in the time d before now, to within five minutes.
func (t Token) UsedWithin(now time.Time, d time.Duration) bool {
	return !t.LastUsed.IsZero() && now.Sub(t.LastUsed) < d
}

// Note writes down what is to be remembered of a sighting: when and from where a token was used, and that one was used
// again after it was rotated out. It decides nothing: an error says only that this was not noted. The record is replaced
// in the version that was read, or not at all, so that nothing which was changed meanwhile is brought back.
func (a *Authority) Note(ctx context.Context, s Sighting) error {
	if s.item == nil {
		return nil
	}
	var events []table.Op
	t, now := s.token, a.Now().UTC()
	if s.Principal.Holder.Outside {
		return nil // who may not use it from there must not keep it alive either
	}
	if !s.session.ID.IsZero() {
		it := maps.Clone(s.item)
		if !s.session.Used(it, now) {
			return nil
		}
		return a.replaceUse(ctx, it, s.session.Version)
	}
	switch s.Denial {
	case None:
		e, due := t.used(now, s.from)
		if !due {
			return nil
		}
		if e != nil {
			events = e.Ops()
		}
	case Rotated:
		if !t.alarm(now, s.from.IP) {
			return nil
		}
		// Who it was, nobody knows: not necessarily the token's user.
		actor := audit.Actor{Credential: t.Handle(), Via: audit.ViaAPI}
		events = audit.New(audit.TokenReused, now, t.Account, actor, s.from, t.Subject()).Ops()
	default:
		return nil
	}
	it := maps.Clone(s.item)
	t.putUse(it)
	return a.replaceUse(ctx, it, t.Version, events...)
}

// replaceUse puts a record with a use noted in the place of the version that was read, with the events that are owed.
func (a *Authority) replaceUse(ctx context.Context, it table.Item, version int64, events ...table.Op) error {
	ctx, cancel := context.WithTimeout(ctx, noteWithin)
	defer cancel()
	err := a.Table.Commit(ctx, append(events, table.Replace(it, version))...)
	if _, moved := errors.AsType[*table.Conflict](err); moved {
		return nil // it was noted by another, or is not any more what was used
	}
	return err
}

// alarm takes the use of a token that was rotated out into the record, and reports whether it is to be told of: once an hour
// for each network, of so many at the most.
func (t *Token) alarm(now time.Time, ip string) bool {
	prefix, _ := network.Of(ip)
	if t.Reused.IsZero() || now.Sub(t.Reused) >= alarmEvery {
		t.Reused, t.ReusedFrom = now, nil
	}
	if slices.Contains(t.ReusedFrom, prefix) || len(t.ReusedFrom) == calm {
		return false
	}
	t.ReusedFrom = append(slices.Clone(t.ReusedFrom), prefix)
	return true
}

// used takes a use into the record, and reports whether that is due to be noted. The event, if any, is owed with it.
func (t *Token) used(now time.Time, from audit.Origin) (event *audit.Event, due bool) {
	due = now.Sub(t.LastUsed) >= noteEvery
	prefix, known := network.Of(from.IP)
	if !known {
		t.LastUsed = now
		return nil, due
	}
	i := slices.IndexFunc(t.Networks, func(n Network) bool { return n.Prefix == prefix })
	isNew := i < 0 || now.Sub(t.Networks[i].Last) >= networkForgets
	if isNew {
		due = due || t.recent(now) < calm
	} else {
		due = due || now.Sub(t.Networks[i].Last) >= networkEvery
	}
	if !due {
		return nil, false
	}
	if moved := t.Foreign != "" && t.LastUsed.IsZero(); isNew && !moved {
		event = t.accessed(now, from, prefix) // of a token that came from elsewhere it is unknown what would be new
	}
	t.LastUsed = now
	t.sawNetwork(now, i, isNew, Network{Prefix: prefix, First: now, Last: now, UserAgent: agent(from.UserAgent)})
	return event, true
}

// recent counts the networks that were new within the last hour.
func (t *Token) recent(now time.Time) (n int) {
	for _, seen := range t.Networks {
		if now.Sub(seen.First) < time.Hour {
			n++
		}
	}
	return n
}

// accessed is the event that tells of a use from a network that is new.
func (t *Token) accessed(now time.Time, from audit.Origin, prefix string) *audit.Event {
	actor := audit.Actor{User: t.User, Credential: t.Handle(), Via: audit.ViaAPI}
	e := audit.New(audit.TokenAccessed, now, t.Account, actor, from, t.Subject())
	e.Changes = []audit.Change{{Field: "network", To: prefix}}
	e.Note = "Used from a network that it was not used from in the last 30 days."
	if t.LastUsed.IsZero() {
		e.Note = "Used for the first time."
	}
	return &e
}

// sawNetwork keeps the network in the place i, or as the newest one where it is new, and drops what there is no room
// for: the one that was seen longest ago.
func (t *Token) sawNetwork(now time.Time, i int, isNew bool, n Network) {
	networks := slices.Clone(t.Networks)
	switch {
	case !isNew:
		n.First = networks[i].First
		networks[i] = n
	case i >= 0:
		networks = append(slices.Delete(networks, i, i+1), n)
	default:
		networks = append(networks, n)
	}
	if len(networks) > maxNetworks {
		networks = slices.DeleteFunc(networks, func(n Network) bool { return now.Sub(n.Last) >= networkForgets })
	}
	for len(networks) > maxNetworks {
		oldest := 0
		for j := range networks {
			if networks[j].Last.Before(networks[oldest].Last) {
				oldest = j
			}
		}
		networks = slices.Delete(networks, oldest, oldest+1)
	}
	t.Networks = networks
}

// agent cuts a user agent to what is kept of it. A caller may send any bytes, and the cut may split a character.
func agent(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxAgent)], "\uFFFD")
}

// putUse writes what Note keeps into the token's item, in the place of what is there.
func (t Token) putUse(it table.Item) {
	setTime(it, "used", t.LastUsed)
	setTime(it, "reused", t.Reused)
	if len(t.ReusedFrom) > 0 {
		from := make(table.L, len(t.ReusedFrom))
		for i, prefix := range t.ReusedFrom {
			from[i] = table.S(prefix)
		}
		it["reusedFrom"] = from
	}
	if len(t.Networks) == 0 {
		return
	}
	networks := make(table.L, len(t.Networks))
	for i, n := range t.Networks {
		networks[i] = table.Item{
			"prefix": table.S(n.Prefix), "first": table.N(n.First.Unix()), "last": table.N(n.Last.Unix()), "agent": table.S(n.UserAgent),
		}
	}
	it["networks"] = networks
}

// getUse reads it.
func (t *Token) getUse(it table.Item) {
	t.LastUsed, t.Reused = getTime(it, "used"), getTime(it, "reused")
	for _, v := range it.List("reusedFrom") {
		prefix, _ := v.(table.S)
		t.ReusedFrom = append(t.ReusedFrom, string(prefix))
	}
	list := it.List("networks")
	if len(list) == 0 {
		return
	}
	t.Networks = make([]Network, len(list))
	for i, v := range list {
		n, _ := v.(table.Item)
		t.Networks[i] = Network{Prefix: n.String("prefix"), First: getTime(n, "first"), Last: getTime(n, "last"), UserAgent: n.String("agent")}
	}
}
