package factor

import (
	"bytes"
	"slices"

	"keyfob/internal/fault"
)

// Passkeys is the knowledge of passkeys (Web Authentication, Level 3). It is a role of its own, so that functions which
// show none need not carry it: package factor/passkey has it.
//
// All texts are JSON as the browser's API takes and gives it. What is kept is for the role's own eyes.
type Passkeys interface {
	// Create asks an authenticator for a new key.
	Create(Site, Person, []Key) (options, kept []byte, err error)
	// Created checks the answer. It reports false for one that is wrong in whichever way.
	Created(Site, Person, []byte, []byte) (Key, bool)
	// Get asks for an answer by one of the keys, all of the site.
	Get(Site, Person, []Key) (options, kept []byte, err error)
	// Got checks the answer, and gives the key that gave it as it is to be kept. It reports false for one that is wrong, and
	// copied where the key's counter did not go on, as where somebody has a copy of it.
	Got(site Site, of Person, keys []Key, kept, answer []byte) (key Key, ok, copied bool)
}

// A Person is whom a passkey is made for.
type Person struct{ ID, Email, Name string }

func (s scene) person() Person { return Person{s.user.ID, s.user.Email, s.user.Name} }

// here gives those of the user's passkeys that work at the site.
func (s scene) here() []Key {
	return slices.DeleteFunc(slices.Clone(s.record.Passkeys), func(k Key) bool { return k.Site != s.act.Site.ID })
}

// askPasskey asks the user's authenticators to prove themselves.
func (f *Factors) askPasskey(s scene) (options []byte, c challenge, err error) {
	keys := s.here()
	if len(keys) == 0 {
		return nil, c, fault.Refused("factor", "not_enrolled", "You have enrolled no passkey of this site.")
	}
	c = s.challenges[Passkey].again(toProve, s.now, PasskeyLife)
	options, c.kept, err = f.Passkeys.Get(s.act.Site, s.person(), keys)
	return options, c, err
}

// answered checks a passkey's answer, and gives all of the user's passkeys as they are to be kept, nil where it is wrong.
func (f *Factors) answered(s scene, c challenge, answer []byte) (keys []Key, copied bool, err error) {
	used, ok, copied := f.Passkeys.Got(s.act.Site, s.person(), s.here(), c.kept, answer)
	if !ok || copied {
		return nil, copied, nil
	}
	keys = slices.Clone(s.record.Passkeys)
	i := slices.IndexFunc(keys, func(k Key) bool { return bytes.Equal(k.Credential, used.Credential) })
	if i < 0 {
		return nil, false, nil
	}
	keys[i].Stored, keys[i].LastUsed = used.Stored, s.now
	return keys, false, nil
}
