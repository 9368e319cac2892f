package soak

import (
	"fmt"

	"keyfob/internal/audit"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// judge holds what there is when everything has come to rest against what was asked for and answered.
func (w *world) judge() {
	inv := w.inspect()
	w.wholeCounts(inv)
	w.wholeAgenda(inv)
	w.notices(inv, &w.judged)
	w.changes(inv)
	w.secret(inv)
}

// changes: what was acknowledged is there, and what was refused is not.
func (w *world) changes(inv *inventory) {
	made := map[string][]string{} // by the name that it was made under
	done := map[[2]string]int{}
	gone := map[string]bool{}
	for _, e := range inv.events {
		if e.Subject.Kind != "token" {
			continue
		}
		done[[2]string{e.Subject.ID, string(e.Type)}]++
		switch e.Type {
		case audit.TokenCreated:
			made[e.Subject.Name] = append(made[e.Subject.Name], e.Subject.ID)
		case audit.TokenPurged:
			gone[e.Subject.ID] = true
		}
	}
	w.intents.mu.Lock()
	defer w.intents.mu.Unlock()
	for name, in := range w.intents.made {
		handles := made[name]
		switch {
		case len(handles) > 1:
			w.broke(duplicated, "%s was made %d times: %v", name, len(handles), handles)
		case in.outcome == acknowledged && (len(handles) == 0 || handles[0] != in.handle):
			w.broke(lost, "%s was acknowledged as %s, and there is %v", name, in.handle, handles)
		case in.outcome == refused && len(handles) > 0:
			w.broke(halfDone, "%s was refused, and there is %v", name, handles)
		}
		for _, handle := range handles {
			it := inv.items[key.Token(handle[len("tok_"):]).Key()]
			revoked := done[[2]string{handle, string(audit.TokenRevoked)}] > 0
			if it == nil && !revoked && !gone[handle] && done[[2]string{handle, string(audit.TokenRotated)}] == 0 {
				w.broke(lost, "%s was made, and is gone without an event", handle)
			}
		}
	}
	for k, d := range w.intents.deeds {
		if n := done[k]; n < d.sure || n > d.sure+d.perhaps {
			w.broke(lost, "%s of %s: %d were acknowledged, %d may have been made, and there are %d", d.event, d.handle, d.sure, d.perhaps, n)
		}
	}
	for handle, names := range w.intents.named {
		if it := inv.items[key.Token(handle[len("tok_"):]).Key()]; it != nil && !names[it.String("name")] {
			w.broke(lost, "%s is called %q, which it was not", handle, it.String("name"))
		}
	}
}

// secret looks for what may be nowhere: in the logs, the mails, the table's file as it lies on the disk, and its items.
func (w *world) secret(inv *inventory) {
	w.judged.Secrets = w.secrets.count()
	for what, path := range map[string]string{"the logs": "log", "the mails": "mails", "the table's file": "table.db"} {
		s := &w.secrets
		if path == "mails" {
			s = w.secrets.withoutLinks()
		}
		found, err := s.inFile(w.house.path(path))
		if err != nil {
			w.broke(odd, "%s cannot be read: %v", what, err)
		}
		if found > 0 {
			w.broke(leaked, "%s have %d secrets", what, found)
		}
	}
	w.secrets.mu.Lock()
	defer w.secrets.mu.Unlock()
	for k, it := range inv.items {
		if w.secrets.in(fmt.Appendf(nil, "%v", map[string]table.Value(it))) > 0 {
			w.broke(leaked, "the item %s %s holds a secret", k.PK, k.SK)
		}
	}
}
