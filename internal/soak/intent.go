package soak

import "sync"

// An intent is a token that somebody set out to make, under a name that no other has.
type intent struct {
	name    string
	outcome outcome
	handle  string // where it was acknowledged
}

// A deed is a change of a token, and what is known of it.
type deed struct {
	handle, event string // the type of the event that records it
	sure, perhaps int
}

// intents are what was asked for, to be held against the table in the end. They are safe for concurrent use.
type intents struct {
	mu    sync.Mutex
	made  map[string]*intent
	deeds map[[2]string]*deed
	named map[string]map[string]bool // by handle: the names that the token may have
}

func (i *intents) make(name string) *intent {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.made == nil {
		i.made, i.deeds, i.named = map[string]*intent{}, map[[2]string]*deed{}, map[string]map[string]bool{}
	}
	in := &intent{name: name, outcome: unknown}
	i.made[name] = in
	return in
}

// did notes a change of a token of which the event is the record.
func (i *intents) did(handle, event string, o outcome) {
	i.mu.Lock()
	defer i.mu.Unlock()
	k := [2]string{handle, event}
	d := i.deeds[k]
	if d == nil {
		d = &deed{handle: handle, event: event}
		i.deeds[k] = d
	}
	switch o {
	case acknowledged:
		d.sure++
	case unknown:
		d.perhaps++
	}
}

// call notes a name that the token was given: for sure, or perhaps.
func (i *intents) call(handle, name string, sure bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if sure || i.named[handle] == nil {
		i.named[handle] = map[string]bool{name: true}
		return
	}
	i.named[handle][name] = true
}

// may reports whether the token may have the name.
func (i *intents) may(handle, name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.named[handle][name]
}
