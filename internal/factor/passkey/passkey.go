// Package passkey is the knowledge of passkeys that package factor asks for: Web Authentication, Level 3, by
// github.com/go-webauthn/webauthn.
//
// It promises that an answer counts only for the site, the person and the question that it was asked with, by a key of the
// person's (§7.1, §7.2); that attestation is neither asked for nor believed; and that a key whose counter did not go on is
// told of.
//
// It is a package of its own so that only the functions which deal with passkeys carry it. It keeps nothing, and whether a
// question is still open it does not know: its caller keeps both, and the time.
package passkey

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"keyfob/internal/factor"
)

// Keys implements factor.Passkeys.
type Keys struct{}

var _ factor.Passkeys = Keys{}

// party makes the relying party of a site.
func party(site factor.Site) (*webauthn.WebAuthn, error) {
	timeout := webauthn.TimeoutConfig{Timeout: factor.PasskeyLife, TimeoutUVD: factor.PasskeyLife} // told to the browser; enforced by the caller
	return webauthn.New(&webauthn.Config{
		RPID: site.ID, RPDisplayName: "Keyfob", RPOrigins: []string{site.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementDiscouraged, UserVerification: protocol.VerificationPreferred,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
}

// person is a factor.Person as the library takes one.
type person struct {
	factor.Person
	keys []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return []byte(p.ID) }
func (p person) WebAuthnName() string                       { return p.Email }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.keys }
func (p person) WebAuthnDisplayName() string {
	if p.Name == "" {
		return p.Email
	}
	return p.Name
}

func personOf(of factor.Person, keys []factor.Key) (person, error) {
	p := person{Person: of}
	for _, k := range keys {
		var c webauthn.Credential
		if err := json.Unmarshal(k.Stored, &c); err != nil {
			return person{}, err
		}
		p.keys = append(p.keys, c)
	}
	return p, nil
}

// Create implements factor.Passkeys.
func (Keys) Create(site factor.Site, of factor.Person, keys []factor.Key) (options, kept []byte, err error) {
	rp, err := party(site)
	if err != nil {
		return nil, nil, err
	}
	p, err := personOf(of, keys)
	if err != nil {
		return nil, nil, err
	}
	creation, data, err := rp.BeginRegistration(p, webauthn.WithExclusions(webauthn.Credentials(p.keys).CredentialDescriptors()))
	if err != nil {
		return nil, nil, err
	}
	return both(creation.Response, data)
}

// Get implements factor.Passkeys.
func (Keys) Get(site factor.Site, of factor.Person, keys []factor.Key) (options, kept []byte, err error) {
	rp, err := party(site)
	if err != nil {
		return nil, nil, err
	}
	p, err := personOf(of, keys)
	if err != nil {
		return nil, nil, err
	}
	assertion, data, err := rp.BeginLogin(p)
	if err != nil {
		return nil, nil, err
	}
	return both(assertion.Response, data)
}

func both(response, data any) (options, kept []byte, err error) {
	if options, err = json.Marshal(response); err == nil {
		kept, err = json.Marshal(data)
	}
	return options, kept, err
}

// Created implements factor.Passkeys.
func (Keys) Created(site factor.Site, of factor.Person, kept, answer []byte) (factor.Key, bool) {
	rp, err := party(site)
	if err != nil {
		return factor.Key{}, false
	}
	var data webauthn.SessionData
	if err := json.Unmarshal(kept, &data); err != nil {
		return factor.Key{}, false
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return factor.Key{}, false
	}
	c, err := rp.CreateCredential(person{Person: of}, data, parsed)
	if err != nil {
		return factor.Key{}, false
	}
	return keyOf(*c)
}

// Got implements factor.Passkeys.
func (Keys) Got(site factor.Site, of factor.Person, keys []factor.Key, kept, answer []byte) (k factor.Key, ok, copied bool) {
	rp, err := party(site)
	if err != nil {
		return k, false, false
	}
	p, err := personOf(of, keys)
	if err != nil {
		return k, false, false
	}
	var data webauthn.SessionData
	if err := json.Unmarshal(kept, &data); err != nil {
		return k, false, false
	}
	// The library holds that the keys which were asked for are the person's still; one may have been removed since.
	data.AllowedCredentialIDs = slices.DeleteFunc(data.AllowedCredentialIDs, func(id []byte) bool {
		return !slices.ContainsFunc(keys, func(k factor.Key) bool { return bytes.Equal(k.Credential, id) })
	})
	if len(data.AllowedCredentialIDs) == 0 {
		return k, false, false
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return k, false, false
	}
	c, err := rp.ValidateLogin(p, data, parsed)
	if err != nil {
		return k, false, false
	}
	k, ok = keyOf(*c)
	return k, ok, c.Authenticator.CloneWarning
}

// keyOf gives what is to be kept of a key. What attests its maker is left out: nobody asked for it, and it is large.
func keyOf(c webauthn.Credential) (factor.Key, bool) {
	c.Attestation = webauthn.CredentialAttestation{}
	stored, err := json.Marshal(c)
	return factor.Key{Credential: c.ID, Stored: stored}, err == nil
}
