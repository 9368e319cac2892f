package authority

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// Once makes a request that comes twice be carried out once (S27). The zero Once is none.
//
// The secret that the first answer showed is not kept for the second: it was derived from the credential that the caller
// presented and from a seed, and the seed is all that is stored (P3). So it can be shown again only to who comes with the
// same credential.
type Once struct {
	Key         string // the caller's, from Idempotency-Key; empty for none
	Presented   string // the text of the credential that the request came with
	Fingerprint [sha256.Size]byte
}

// remembered is for how long a key stands for its first request.
const remembered = 24 * time.Hour

// A record is what a key stands for.
type onceRecord struct {
	once    Once
	key     table.Key
	version int64 // of what is there under the key; 0 for nothing
	holder  string
	seed    []byte
	answer  table.Item // of the first request; nil where this is it
}

func (o Once) recordKey(user string) table.Key {
	digest := sha256.Sum256([]byte(o.Key))
	return key.Idempotency{User: user, Digest: hex.EncodeToString(digest[:])}.Key()
}

// read finds out from what is there under the key whether the request is the first. Conflict: the key stands for
// another request, or for one that was made with another credential.
func (o Once) read(k table.Key, it table.Item, by Principal, now time.Time) (*onceRecord, error) {
	r := &onceRecord{once: o, key: k, holder: by.Handle(), version: it.Version()}
	if it == nil || now.Unix() >= it.PurgeAt() {
		r.seed = token.NewSeed()
		return r, nil
	}
	if subtle.ConstantTimeCompare(it.Bytes("fingerprint"), o.Fingerprint[:]) != 1 {
		return nil, errOnce("key_reused", "Idempotency-Key was used with another request.")
	}
	if it.String("holder") != r.holder {
		return nil, errOnce("other_credential", "Idempotency-Key was used with another credential, and its answer can be given to that one only.")
	}
	r.seed, r.answer = it.Bytes("seed"), it.Map("answer")
	return r, nil
}

func errOnce(code, message string) error {
	return &fault.Error{Kind: fault.Conflict, Code: code, Message: message, Fields: []fault.Field{{Name: "Idempotency-Key", Code: code, Message: message}}}
}

// op gives the operation that remembers the request with what its answer is made of.
func (r *onceRecord) op(answer table.Item, now time.Time) table.Op {
	it := table.Item{
		table.AttrPK: table.S(r.key.PK), table.AttrSK: table.S(r.key.SK), table.AttrPurgeAt: table.N(now.Add(remembered).Unix()),
		"fingerprint": table.B(r.once.Fingerprint[:]), "holder": table.S(r.holder), "seed": table.B(r.seed), "answer": answer,
	}
	if r.version == 0 {
		return table.Create(it)
	}
	return table.Replace(it, r.version)
}

// credential makes the credential that the request's answer shows: a new one, or the one that a repetition shows again.
func (a *Authority) credential(r *onceRecord) token.Credential {
	if r == nil {
		return a.Form.New(token.API)
	}
	return a.Form.Derive(token.API, r.once.Presented, r.seed)
}

// shown gives the token and the credential that the first answer showed.
func (a *Authority) shown(r *onceRecord) (Token, token.Credential, error) {
	t, err := tokenFrom(r.answer)
	if err != nil {
		return Token{}, token.Credential{}, err
	}
	c := a.credential(r)
	if digest := c.Digest(); !digest.Equal(&t.Digest) {
		return Token{}, token.Credential{}, errRecord
	}
	return t, c, nil
}
