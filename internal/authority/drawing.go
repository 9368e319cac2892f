package authority

import (
	"context"

	"keyfob/internal/keyring"
	"keyfob/internal/token"
)

// A drawing is the credential that one request makes, however often its commit has to be tried: the key service is asked
// to seal it once.
type drawing struct {
	drawn      bool
	credential token.Credential
	seed       []byte
	sealed     []byte
}

// draw gives the request's new credential, and the record under its key, if any, the seed that it is derived from.
func (a *Authority) draw(d *drawing, r *onceRecord) token.Credential {
	if !d.drawn {
		if r != nil {
			d.seed = r.seed
		}
		d.credential, d.drawn = a.credential(r), true
	}
	if r != nil {
		r.seed = d.seed
	}
	return d.credential
}

// seal gives the drawn credential under the key ring's key, bound to its token.
func (a *Authority) seal(ctx context.Context, d *drawing, t Token) (sealed []byte, err error) {
	if d.sealed == nil {
		d.sealed, err = a.Keys.Seal(ctx, []byte(d.credential.Plaintext().Reveal()), keyring.Binding{Account: t.Account, Token: t.Handle()})
	}
	return d.sealed, err
}
