package soak

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// sceneConfig is a small world's.
func sceneConfig(dir string) Config {
	return Config{Seed: 1, Workers: 2, Dir: dir, Template: "../../template.yaml"}
}

// furnished is a world with its people, made once: most of what that takes is the hashing of their passwords. Its service has
// ended, and scenes go on in copies of its folder.
var furnished = sync.OnceValues(func() (*world, error) {
	dir, err := os.MkdirTemp("", "keyfob-soak-")
	if err != nil {
		return nil, err
	}
	w, err := newWorld(context.Background(), sceneConfig(dir), invocation)
	if err != nil {
		return nil, err
	}
	if err := w.populate(context.Background()); err != nil {
		return nil, err
	}
	w.rest()
	w.house.close()
	return w, nil
})

// furnish starts the service on a copy of the furnished world.
func furnish(t *testing.T) *world {
	t.Helper()
	from, err := furnished()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"table.db", "keyring.key", "mails"} {
		data, err := os.ReadFile(from.house.path(name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := newWorld(t.Context(), sceneConfig(dir), invocation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.house.close)
	if err := w.house.load(); err != nil {
		t.Fatal(err)
	}
	for text := range from.secrets.pieces {
		add(&w.secrets.pieces, text)
	}
	for text := range from.secrets.others {
		w.secrets.other(text)
	}
	w.serial.Store(from.serial.Load())
	for _, old := range from.tenants {
		t := &tenant{id: old.id, muted: old.muted, guestRole: old.guestRole, stranger: old.stranger}
		copied := func(p *person) *person {
			c := &person{tenant: t, id: p.id, email: p.email, password: p.password, totp: p.totp, since: p.since}
			c.session = w.given(c, p.session.secret, p.session.handle, "")
			w.people[c.id] = c
			return c
		}
		t.owner, t.steward, t.guest, t.guarded = copied(old.owner), copied(old.steward), copied(old.guest), copied(old.guarded)
		for _, p := range old.members {
			t.members = append(t.members, copied(p))
		}
		w.tenants = append(w.tenants, t)
	}
	return w
}
