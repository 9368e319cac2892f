package api

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/leak"
)

// leakKeys is the command leaks.keys: it names the public keys that leak alerts may be signed with, or puts others in
// their place, as GitHub publishes them: {"publicKeys":{"public_keys":[{"key_identifier":…,"key":…,"is_current":…}]}}.
// What else GitHub says of a key is passed over.
func leakKeys(c Config) command {
	l := c.leaks()
	return func(ctx context.Context, payload []byte, from audit.Origin) (any, error) {
		var r struct {
			PublicKeys jsontext.Value `json:"publicKeys"`
		}
		if err := gateway.Unmarshal(payload, &r); err != nil {
			return nil, err
		}
		var identifiers []string
		var err error
		if r.PublicKeys == nil {
			identifiers, err = l.Keys(ctx)
		} else {
			var keys []leak.PublicKey
			if keys, err = published(r.PublicKeys); err == nil {
				identifiers, err = l.Configure(ctx, keys, from)
			}
		}
		if err != nil {
			return nil, err
		}
		return struct {
			PublicKeys []string `json:"publicKeys"`
		}{identifiers}, nil
	}
}

// published reads GitHub's document. A document without the list is not one of no keys.
func published(document []byte) ([]leak.PublicKey, error) {
	var d struct {
		PublicKeys []struct {
			Identifier string `json:"key_identifier"`
			Key        string `json:"key"`
		} `json:"public_keys"`
	}
	if err := json.Unmarshal(document, &d); err != nil || d.PublicKeys == nil {
		return nil, fault.Bad("publicKeys", "malformed", "publicKeys is not an object with the list public_keys, as GitHub publishes it.")
	}
	keys := make([]leak.PublicKey, len(d.PublicKeys))
	for i, k := range d.PublicKeys {
		keys[i] = leak.PublicKey{Identifier: k.Identifier, PEM: k.Key}
	}
	return keys, nil
}
