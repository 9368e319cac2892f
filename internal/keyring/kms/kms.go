// Package kms is the key ring over a key of AWS KMS, which never leaves it.
//
//	client, err := kmsclient.New(os.Getenv)
//	ring, err := kms.New(client, kms.Config{Key: os.Getenv("KEYRING_KEY")})
//	sealed, err := ring.Seal(ctx, text, keyring.Binding{Account: "acc_…", Token: "tok_…"})
//
// It promises what package keyring promises, and this besides:
//   - A text is bound by KMS's encryption context {"account", "token"}: KMS authenticates it, its policies can ask for
//     it, and CloudTrail shows for which token each call was. Opening names the key as well, so that what somebody has
//     sealed under a key of theirs does not open.
//   - Throttling, lost connections and failures of KMS's own are tried again, with growing random pauses, within the
//     call's budget; after that the call fails with a fault of kind Unavailable. So does what another try cannot mend
//     (a missing permission, a key that is disabled), at once. No other layer may repeat: the SDK's own retries are
//     switched off for each call, whatever client is given.
//
// A sealed text is the form's number, 1, and KMS's ciphertext.
//
// It has no cache and no data keys: each call is one of KMS's, so that CloudTrail has each showing of a token.
package kms

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"keyfob/internal/keyring"
)

// A Client is what is asked of *kms.Client.
type Client interface {
	Encrypt(context.Context, *awskms.EncryptInput, ...func(*awskms.Options)) (*awskms.EncryptOutput, error)
	Decrypt(context.Context, *awskms.DecryptInput, ...func(*awskms.Options)) (*awskms.DecryptOutput, error)
}

// Defaults of Config. A handler makes one call of the ring besides its calls of the table, and has ten seconds.
const (
	DefaultBudget  = 3 * time.Second
	DefaultAttempt = 1200 * time.Millisecond
)

// A Config says which key, and how long to try.
type Config struct {
	Key     string        // the key's ARN, or its alias: "alias/keyfob-reveal"
	Budget  time.Duration // of one call of the role, with all its requests and pauses; DefaultBudget if zero
	Attempt time.Duration // of one request, after which its connection is given up; DefaultAttempt if zero
}

// form is the number of the form that texts are sealed in.
const form = 1

// maxCiphertext is the length of the longest ciphertext that KMS takes.
const maxCiphertext = 6144

// A Ring is the role over one key.
type Ring struct {
	client  Client
	key     *string
	budget  time.Duration
	attempt time.Duration
}

var _ keyring.Ring = (*Ring)(nil)

// New gives the role over the key that c names. The error says that it names none.
func New(client Client, c Config) (*Ring, error) {
	if c.Key == "" {
		return nil, errors.New("kms: there is no key: KEYRING_KEY is not set")
	}
	return &Ring{
		client: client, key: aws.String(c.Key),
		budget: cmp.Or(c.Budget, DefaultBudget), attempt: cmp.Or(c.Attempt, DefaultAttempt),
	}, nil
}

// Seal implements keyring.Ring.
func (r *Ring) Seal(ctx context.Context, plaintext []byte, b keyring.Binding) ([]byte, error) {
	if err := keyring.Sealable(plaintext, b); err != nil {
		return nil, err
	}
	var sealed []byte
	err := r.request(ctx, "Encrypt", func(ctx context.Context) error {
		out, err := r.client.Encrypt(ctx, &awskms.EncryptInput{KeyId: r.key, Plaintext: plaintext, EncryptionContext: encryptionContext(b)}, once)
		switch {
		case err == nil && len(out.CiphertextBlob) == 0:
			return errEmpty
		case err == nil:
			sealed = append([]byte{form}, out.CiphertextBlob...)
		}
		return err
	})
	return sealed, err
}

// Open implements keyring.Ring.
func (r *Ring) Open(ctx context.Context, sealed []byte, b keyring.Binding) ([]byte, error) {
	if !b.Whole() || len(sealed) < 2 || len(sealed) > 1+maxCiphertext || sealed[0] != form {
		return nil, keyring.ErrSealed
	}
	var text []byte
	err := r.request(ctx, "Decrypt", func(ctx context.Context) error {
		out, err := r.client.Decrypt(ctx, &awskms.DecryptInput{KeyId: r.key, CiphertextBlob: sealed[1:], EncryptionContext: encryptionContext(b)}, once)
		var (
			damaged *types.InvalidCiphertextException // or under another binding
			another *types.IncorrectKeyException
		)
		switch {
		case errors.As(err, &damaged), errors.As(err, &another):
			return keyring.ErrSealed
		case err == nil && len(out.Plaintext) == 0:
			return errEmpty
		case err == nil:
			text = out.Plaintext
		}
		return err
	})
	return text, err
}

// errEmpty says that KMS answered with nothing, which no sealed text is.
var errEmpty = errors.New("an answer without a text")

func encryptionContext(b keyring.Binding) map[string]string {
	return map[string]string{"account": b.Account, "token": b.Token}
}
