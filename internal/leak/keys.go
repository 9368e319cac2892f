package leak

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// MaxKeys bounds how many keys are configured.
const MaxKeys = 20

// The headers that an alert is proved by, and their bounds in bytes. A signature of P-256 has at most 72, 96 in base64.
const (
	KeyHeader       = "Github-Public-Key-Identifier"
	SignatureHeader = "Github-Public-Key-Signature"

	maxIdentifier = 128
	maxSignature  = 96
)

// A PublicKey is a key as GitHub publishes it.
type PublicKey struct {
	Identifier string
	PEM        string // SubjectPublicKeyInfo of a key on NIST P-256
}

// A stored key: its identifier, and its DER.
type stored struct {
	id  string
	der []byte
}

// verify proves that the alert comes from the holder of a configured key. Without keys there is nobody to come from.
func (l *Leaks) verify(ctx context.Context, d Delivery) error {
	if !identifies(d.Key) {
		return fault.Bad(KeyHeader, "malformed", KeyHeader+" is not the identifier of a key.")
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(d.Signature)
	var numbers struct{ R, S *big.Int }
	if err == nil && len(d.Signature) <= maxSignature {
		var rest []byte
		if rest, err = asn1.Unmarshal(signature, &numbers); len(rest) > 0 {
			err = errors.New("trailing bytes")
		}
	}
	if err != nil || len(d.Signature) > maxSignature {
		return fault.Bad(SignatureHeader, "malformed", SignatureHeader+" is not a signature: ASN.1 of two numbers, in base64.")
	}
	keys, _, err := l.read(ctx)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(d.Body)
	for _, k := range keys {
		if k.id != d.Key {
			continue
		}
		public, err := publicKey(k.der)
		if err != nil {
			return fault.Retry(fmt.Errorf("leak: the key %s is damaged: %w", k.id, err))
		}
		if ecdsa.VerifyASN1(public, digest[:], signature) {
			return nil
		}
	}
	return fault.New(fault.Unauthenticated, "", "Unauthenticated.").Because(errors.New("leak: the alert's key is not configured, or its signature is not that key's"))
}

func identifies(id string) bool {
	return id != "" && len(id) <= maxIdentifier && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

var errCurve = errors.New("leak: not a public key on P-256")

func publicKey(der []byte) (*ecdsa.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errCurve
	}
	return public, nil
}

// Keys gives the identifiers of the configured keys.
func (l *Leaks) Keys(ctx context.Context) ([]string, error) {
	keys, _, err := l.read(ctx)
	return identifiers(keys), err
}

// Configure puts the keys in the place of those that were configured. None at all is a choice: no alert is taken then.
// Errors of kind Invalid name the key at fault, as a member of the published document.
func (l *Leaks) Configure(ctx context.Context, keys []PublicKey, from audit.Origin) ([]string, error) {
	fresh, err := check(keys)
	if err != nil {
		return nil, err
	}
	old, version, err := l.read(ctx)
	if err != nil || same(old, fresh) {
		return identifiers(fresh), err
	}
	k := key.LeakKeys{}.Key()
	it := table.Item{table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK), "keys": table.L{}}
	for _, f := range fresh {
		it["keys"] = append(table.L(it.List("keys")), table.Item{"id": table.S(f.id), "der": table.B(f.der)})
	}
	put := table.Create(it)
	if version > 0 {
		put = table.Replace(it, version)
	}
	changed := audit.New(audit.LeakKeysChanged, l.Now(), audit.Deployment, audit.Actor{Via: audit.ViaOperator}, from, audit.Subject{Kind: "leakKeys", ID: "leakKeys"})
	changed.Changes = []audit.Change{{Field: "keys", From: described(old), To: described(fresh)}}
	err = l.Table.Commit(ctx, append(changed.Ops(), put)...)
	if _, moved := errors.AsType[*table.Conflict](err); moved {
		err = fault.Retry(err)
	}
	return identifiers(fresh), err
}

func check(keys []PublicKey) ([]stored, error) {
	const list = "publicKeys.public_keys"
	if len(keys) > MaxKeys {
		return nil, fault.Bad(list, "too_many", fmt.Sprintf("%s has more than %d members.", list, MaxKeys))
	}
	seen := map[string]bool{}
	fresh := make([]stored, 0, len(keys))
	for i, k := range keys {
		field := fmt.Sprintf("%s[%d].", list, i)
		if !identifies(k.Identifier) {
			return nil, fault.Bad(field+"key_identifier", "malformed", fmt.Sprintf("%skey_identifier is not of 1 to %d visible ASCII characters.", field, maxIdentifier))
		}
		if seen[k.Identifier] {
			return nil, fault.Bad(field+"key_identifier", "duplicate", field+"key_identifier is there more than once.")
		}
		seen[k.Identifier] = true
		block, rest := pem.Decode([]byte(k.PEM))
		if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
			return nil, fault.Bad(field+"key", "malformed", field+"key is not a PEM block of type PUBLIC KEY.")
		}
		if _, err := publicKey(block.Bytes); err != nil {
			return nil, fault.Bad(field+"key", "wrong_key", field+"key is not a public key on the curve NIST P-256.")
		}
		fresh = append(fresh, stored{k.Identifier, block.Bytes})
	}
	return fresh, nil
}

// read gives the configured keys and the version of their record, 0 where there is none.
func (l *Leaks) read(ctx context.Context) ([]stored, int64, error) {
	items, err := l.Table.Get(ctx, key.LeakKeys{}.Key())
	if err != nil || items[0] == nil {
		return nil, 0, err
	}
	var keys []stored
	for _, v := range items[0].List("keys") {
		k, _ := v.(table.Item)
		keys = append(keys, stored{k.String("id"), k.Bytes("der")})
	}
	return keys, items[0].Version(), nil
}

func identifiers(keys []stored) []string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.id
	}
	return ids
}

// described names each key with the beginning of its digest, so that another key under the same identifier shows.
func described(keys []stored) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		sum := sha256.Sum256(k.der)
		names[i] = fmt.Sprintf("%s:%x", k.id, sum[:8])
	}
	return strings.Join(names, " ")
}

func same(a, b []stored) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].id != b[i].id || !bytes.Equal(a[i].der, b[i].der) {
			return false
		}
	}
	return true
}
