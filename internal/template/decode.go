package template

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
)

// An object is a resolved mapping that is being read into the typed view. The first thing wrong is kept, so that
// a reader may go on and look once at the end.
type object struct {
	scope *scope
	place string
	m     map[string]any
	err   *error
}

func newObject(s *scope, place string, v any) object {
	o := object{scope: s, place: place, err: new(error)}
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		o.fail("", "it is not a mapping")
	}
	o.m = m
	return o
}

// fail keeps the error unless there is one already. The key is empty for the object itself.
func (o object) fail(key, reason string) {
	if *o.err == nil {
		place := o.place
		if key != "" {
			place = join(place, key)
		}
		*o.err = o.scope.errorAt(place, reason)
	}
}

// only refuses every key that is not known.
func (o object) only(known ...string) {
	for _, key := range o.keys() {
		if !slices.Contains(known, key) {
			o.fail(key, "the local service cannot honour it")
		}
	}
}

// keys gives the keys in order.
func (o object) keys() []string {
	keys := make([]string, 0, len(o.m))
	for key := range o.m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func (o object) has(key string) bool { return o.m[key] != nil }

// text gives the scalar under the key, empty where there is none.
func (o object) text(key string) string {
	switch v := o.m[key].(type) {
	case map[string]any, []any:
		o.fail(key, "it is not a text")
		return ""
	default:
		return scalar(v)
	}
}

// need gives the text under the key, which has to be there.
func (o object) need(key string) string {
	v := o.text(key)
	if v == "" {
		o.fail(key, "it is missing")
	}
	return v
}

// number gives the whole number under the key. CloudFormation takes a text for one, and so does this.
func (o object) number(key string, otherwise, least, most int) int {
	if !o.has(key) {
		return otherwise
	}
	n, err := strconv.Atoi(o.text(key))
	if err != nil || n < least || n > most {
		o.fail(key, fmt.Sprintf("it is not a whole number from %d to %d", least, most))
		return otherwise
	}
	return n
}

// flag gives the truth value under the key.
func (o object) flag(key string, otherwise bool) bool {
	if !o.has(key) {
		return otherwise
	}
	v, err := strconv.ParseBool(o.text(key))
	if err != nil {
		o.fail(key, "it is not true or false")
	}
	return v
}

// texts gives the list of scalars under the key; a lone scalar is a list of one.
func (o object) texts(key string) []string {
	switch v := o.m[key].(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, len(v))
		for i, item := range v {
			if _, ok := item.(map[string]any); ok {
				o.fail(key, "it is not a list of texts")
			}
			out[i] = scalar(item)
		}
		return out
	}
	return []string{o.text(key)}
}

// object gives the mapping under the key, an empty one where there is none.
func (o object) object(key string) object {
	in := object{scope: o.scope, place: join(o.place, key), err: o.err}
	m, ok := o.m[key].(map[string]any)
	if !ok && o.m[key] != nil {
		o.fail(key, "it is not a mapping")
	}
	in.m = m
	return in
}

// table gives the mapping of texts under the key.
func (o object) table(key string) map[string]string {
	in := o.object(key)
	out := make(map[string]string, len(in.m))
	for _, name := range in.keys() {
		out[name] = in.text(name)
	}
	return out
}

// merge lays over onto base as SAM merges Globals: mappings are merged, lists appended, the rest replaced.
func merge(base, over any) any {
	switch over := over.(type) {
	case nil:
		return base
	case map[string]any:
		b, ok := base.(map[string]any)
		if !ok {
			return over
		}
		out := make(map[string]any, len(b)+len(over))
		for key, v := range b {
			out[key] = v
		}
		for key, v := range over {
			out[key] = merge(b[key], v)
		}
		return out
	case []any:
		if b, ok := base.([]any); ok {
			return append(slices.Clone(b), over...)
		}
		return over
	}
	return over
}
