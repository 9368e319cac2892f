package soak

import (
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// inspect finds what is in the table in part. It may be done at any moment: what is committed together is there together.
func (w *world) inspect() *inventory {
	inv := w.take()
	w.wholeEvents(inv)
	w.wholeTokens(inv)
	w.wholeSessions(inv)
	return inv
}

// due reports whether the store may delete the item, or may have deleted what belongs to it.
func (w *world) due(it table.Item) bool {
	at := it.PurgeAt()
	return at != 0 && time.Unix(at, 0).Before(w.house.clock.Now().Add(time.Second))
}

// wholeEvents: each event is in the trail of each thing it is about, and each place in a trail is an event's.
func (w *world) wholeEvents(inv *inventory) {
	for id, e := range inv.events {
		for _, s := range append([]audit.Subject{e.Subject}, e.Also...) {
			trail := inv.items[key.Trail{Account: e.Account, Subject: s.ID, At: e.At, Event: id}.Key()]
			if trail == nil || trail.String("event") != e.Key().SK {
				w.broke(halfDone, "%s %s is not in the trail of %s", e.Type, id, s.ID)
			}
		}
	}
	inv.under(key.PrefixTrail, func(rest string, it table.Item) {
		account, _, _ := strings.Cut(rest, "/")
		if inv.items[table.Key{PK: key.PrefixAudit + account, SK: it.String("event")}] == nil {
			w.broke(halfDone, "a place in the trail %s leads to no event", rest)
		}
	})
	inv.under(key.PrefixDue, func(shard string, it table.Item) {
		if it.String("kind") == "owed" && inv.items[table.Key{PK: key.PrefixAudit + it.String("account"), SK: it.String("place")}] == nil {
			w.broke(halfDone, "the agenda has %s, which there is not", it.String("ref"))
		}
	})
	inv.under(key.PrefixNotice, func(event string, it table.Item) {
		if _, is := inv.events[event]; !is {
			w.broke(halfDone, "a notice is of %s, which there is not", event)
		}
	})
}

// wholeTokens: each token that is not revoked has its places in both lists, a revoked one has none, each has the event that
// made it, and if it has ended the one that ended it; each place is a token's.
func (w *world) wholeTokens(inv *inventory) {
	made, ended := map[string]int{}, map[string]int{}
	for _, e := range inv.events {
		switch e.Type {
		case audit.TokenCreated:
			made[e.Subject.ID]++
		case audit.TokenRotated:
			for _, s := range e.Also {
				made[s.ID]++
			}
			ended[e.Subject.ID+"/rotated"]++
		case audit.TokenRevoked, audit.TokenLeaked:
			ended[e.Subject.ID+"/revoked"]++
		case audit.TokenPurged:
			ended[e.Subject.ID+"/purged"]++
		}
	}
	inv.under(key.PrefixToken, func(id string, it table.Item) {
		handle := "tok_" + id
		revoked, rotated := it.Int("revoked") != 0, it.String("successor") != ""
		created := time.UnixMilli(it.Int("created"))
		for _, k := range []table.Key{
			key.AccountToken{Account: it.String("account"), Created: created, ID: id}.Key(), key.UserToken{User: it.String("user"), Created: created, ID: id}.Key(),
		} {
			if place := inv.items[k]; (place != nil) == revoked && !w.due(it) {
				w.broke(halfDone, "%s, revoked %t, has its place %s: %t", handle, revoked, k.PK, place != nil)
			} else if place != nil && place.Bool("replaced") != rotated {
				w.broke(halfDone, "%s, rotated %t, is listed otherwise", handle, rotated)
			}
		}
		if made[handle] != 1 {
			w.broke(halfDone, "%s has %d events of its making", handle, made[handle])
		}
		if n := ended[handle+"/revoked"]; (n == 1) != revoked || n > 1 {
			w.broke(halfDone, "%s, revoked %t, has %d events of that", handle, revoked, n)
		}
		if n := ended[handle+"/rotated"]; (n == 1) != rotated || n > 1 {
			w.broke(halfDone, "%s, rotated %t, has %d events of that", handle, rotated, n)
		}
		if next := it.String("successor"); rotated && made["tok_"+next] != 1 {
			w.broke(halfDone, "%s has the successor tok_%s, of whose making there are %d events", handle, next, made["tok_"+next])
		}
	})
	for handle, n := range made {
		if n > 1 {
			w.broke(duplicated, "%s was made %d times", handle, n)
		}
		if n := ended[handle+"/purged"]; n > 1 {
			w.broke(duplicated, "%s was purged %d times", handle, n)
		}
	}
	for _, prefix := range []string{key.PrefixAccountTokens, key.PrefixUserTokens} {
		inv.under(prefix, func(rest string, it table.Item) {
			_, id, _ := strings.Cut(it.String(table.AttrSK), "#")
			if inv.items[key.Token(id).Key()] == nil && !w.due(it) {
				w.broke(halfDone, "the list %s has tok_%s, which there is not", prefix+rest, id)
			}
		})
	}
}

// wholeSessions: each session is in its user's list and in its account's, and each place there is a session's.
func (w *world) wholeSessions(inv *inventory) {
	inv.under(key.PrefixSession, func(id string, it table.Item) {
		for _, k := range []table.Key{key.UserSession{User: it.String("user"), ID: id}.Key(), key.AccountSession{Account: it.String("account"), ID: id}.Key()} {
			if inv.items[k] == nil && !w.due(it) {
				w.broke(halfDone, "ses_%s has no place in %s", id, k.PK)
			}
		}
	})
	for _, prefix := range []string{key.PrefixUserSessions, key.PrefixAccountSessions} {
		inv.under(prefix, func(rest string, it table.Item) {
			id := it.String(table.AttrSK)
			if inv.items[key.Session(id).Key()] == nil && !w.due(it) {
				w.broke(halfDone, "the list %s has ses_%s, which there is not", prefix+rest, id)
			}
		})
	}
}

// wholeAgenda: when everything has come to rest, no mail is on the agenda any more, nor gathered for a digest.
func (w *world) wholeAgenda(inv *inventory) {
	for _, it := range inv.pending() {
		w.broke(halfDone, "%s %s is still on the agenda", it.String("kind"), it.String("ref"))
	}
	inv.under(key.PrefixDigest, func(user string, it table.Item) {
		if strings.HasPrefix(it.Key().SK, key.PrefixGathered) {
			w.broke(halfDone, "%s is gathered for %s, and no digest has told of it", it.Key().SK, user)
		}
	})
}

// pending lists what is on the agenda but what has its time: reminders, and purges of tokens that are there.
func (inv *inventory) pending() (all []table.Item) {
	inv.under(key.PrefixDue, func(_ string, it table.Item) {
		switch it.String("kind") {
		case "reminder":
		case "purge":
			if inv.items[key.Token(it.String("ref")).Key()] == nil {
				all = append(all, it)
			}
		default:
			all = append(all, it)
		}
	})
	return all
}

// wholeCounts: when everything has come to rest, the quotas count exactly the tokens that there are.
func (w *world) wholeCounts(inv *inventory) {
	counts := map[table.Key]int64{}
	inv.under(key.PrefixToken, func(_ string, it table.Item) {
		if it.Int("revoked") == 0 && it.String("successor") == "" {
			counts[key.AccountQuota(it.String("account")).Key()]++
			counts[key.UserQuota{Account: it.String("account"), User: it.String("user")}.Key()]++
		}
	})
	inv.under(key.PrefixQuota, func(_ string, it table.Item) {
		if got := it.Int("tokens"); got != counts[it.Key()] {
			w.broke(halfDone, "%s/%s counts %d tokens, and there are %d", it.Key().PK, it.Key().SK, got, counts[it.Key()])
		}
	})
	inv.under(key.PrefixAccount, func(rest string, it table.Item) {
		if it.Bool("behind") {
			w.broke(halfDone, "%s/%s is still behind", rest, it.Key().SK)
		}
	})
}
