// Package key holds the Go type of every key pattern in the table, so that what is stored where can be read in
// one place and so that an IAM policy can name it by the prefix of its partition key.
//
//	pk                 sk                     type           what it is
//	tok#<id>           tok                    Token          a token: all that a decision about it needs
//	ses#<id>           ses                    Session        a session, likewise
//	acc#<account>      acc                    Account        an account
//	acc#<account>      usr#<user>             User           a user of it
//	acc#<account>      handover               Handover       an owner's offer to hand over the account
//	lgn#<e-mail>       <account>              Login          login name to user, one for each account the e-mail belongs to
//	atk#<account>      <created>#<id>         AccountToken   pointer: the account's tokens by age
//	utk#<user>         <created>#<id>         UserToken      pointer: the tokens a user made, by age
//	use#<user>         <id>                   UserSession    pointer: a user's sessions
//	ase#<account>      <id>                   AccountSession pointer: the account's sessions
//	lnk#<user>         lnk                    Link           the one live link with which the user's password can be set
//	dis#<id>           dis                    Disavowal      what the link in one mail ends, by which its reader says that it was not them
//	mfa#<user>         mfa                    Factors        a user's second factors
//	chg#<session>      <factor>               Challenge      what a session was asked to prove a factor with
//	unw#<user>         <network>              UserNetwork    a network that the user has logged in from
//	rst#<id>           rst                    ResetRequest   that somebody has forgotten the password of a login name
//	sup#<e-mail>       sup                    Suppression    that an address is not written to any more, and why
//	aud#<account>      <at>#<event>           Audit          an audit event
//	trl#<acc>/<thing>  <at>#<event>           Trail          pointer: the audit trail of one thing
//	ntc#<event>        <recipient>            Notice         the delivery of one notice to one person
//	due#<shard>        <at>#<what>            Due            an entry of the agenda: what to look at then
//	dig#<user>         now                    Digest         how many mails a user got lately, and whether a digest is due
//	dig#<user>         e#<at>#<event>         Gathered       pointer: an event whose mail waits for the user's digest
//	thr#<digest>       thr                    Throttle       failed logins, counted
//	cat#<account>      <category>#<id>        Resource       a resource of the catalogue
//	cat#<account>      integrations#<id>      Integration    an integration that resources belong to
//	run#<acc>/<thing>  <at>#<run>             Run            a run of an export or import, with what its debug log says
//	qta#<account>      acc                    AccountQuota   how many tokens the account has
//	qta#<account>      <user>                 UserQuota      how many of them the user made
//	idm#<user>         <digest>               Idempotency    what an Idempotency-Key stands for
//	cfg#leaks          keys                   LeakKeys       the public keys that leak alerts are signed with
//
// Times in keys are 13-digit milliseconds since 1970, so that the order of bytes is the order of time.
package key

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"keyfob/internal/table"
)

// The prefixes of partition keys. Policies name them; a test holds policies and prefixes together.
const (
	PrefixToken           = "tok#"
	PrefixSession         = "ses#"
	PrefixAccount         = "acc#"
	PrefixLogin           = "lgn#"
	PrefixAccountTokens   = "atk#"
	PrefixUserTokens      = "utk#"
	PrefixUserSessions    = "use#"
	PrefixAccountSessions = "ase#"
	PrefixLink            = "lnk#"
	PrefixDisavowal       = "dis#"
	PrefixFactors         = "mfa#"
	PrefixChallenge       = "chg#"
	PrefixUserNetworks    = "unw#"
	PrefixReset           = "rst#"
	PrefixSuppression     = "sup#"
	PrefixAudit           = "aud#"
	PrefixTrail           = "trl#"
	PrefixNotice          = "ntc#"
	PrefixDue             = "due#"
	PrefixDigest          = "dig#"
	PrefixThrottle        = "thr#"
	PrefixCatalogue       = "cat#"
	PrefixRun             = "run#"
	PrefixQuota           = "qta#"
	PrefixIdempotency     = "idm#"
	PrefixConfig          = "cfg#"
)

// PrefixUser is the sort-key prefix at which the users of an account are, under the account's partition.
const PrefixUser = "usr#"

// Token is a token, by its bare 16-character id.
type Token string

// Key gives the key.
func (k Token) Key() table.Key { return table.Key{PK: PrefixToken + string(k), SK: "tok"} }

// Session is a session, by its bare 16-character id.
type Session string

// Key gives the key.
func (k Session) Key() table.Key { return table.Key{PK: PrefixSession + string(k), SK: "ses"} }

// Account is an account, by its id.
type Account string

// Key gives the key.
func (k Account) Key() table.Key { return table.Key{PK: PrefixAccount + string(k), SK: "acc"} }

// User is a user of an account.
type User struct{ Account, User string }

// Key gives the key.
func (k User) Key() table.Key {
	return table.Key{PK: PrefixAccount + k.Account, SK: PrefixUser + k.User}
}

// Login is a login name within an account.
type Login struct{ Email, Account string }

// Key gives the key; ways of writing the same name are folded into one.
func (k Login) Key() table.Key {
	return table.Key{PK: PrefixLogin + Fold(k.Email), SK: k.Account}
}

// Fold makes one of the ways to write an address: upper and lower case, composed and decomposed characters.
func Fold(email string) string { return norm.NFC.String(strings.ToLower(norm.NFC.String(email))) }

// AccountToken is a token's pointer in its account's list.
type AccountToken struct {
	Account string
	Created time.Time
	ID      string
}

// Key gives the key.
func (k AccountToken) Key() table.Key {
	return table.Key{PK: PrefixAccountTokens + k.Account, SK: stamped(k.Created, k.ID)}
}

// UserToken is a token's pointer in its creator's list.
type UserToken struct {
	User    string
	Created time.Time
	ID      string
}

// Key gives the key.
func (k UserToken) Key() table.Key {
	return table.Key{PK: PrefixUserTokens + k.User, SK: stamped(k.Created, k.ID)}
}

// UserSession is a session's pointer in its user's list.
type UserSession struct{ User, ID string }

// Key gives the key.
func (k UserSession) Key() table.Key { return table.Key{PK: PrefixUserSessions + k.User, SK: k.ID} }

// AccountSession is a session's pointer in its account's list.
type AccountSession struct{ Account, ID string }

// Key gives the key.
func (k AccountSession) Key() table.Key {
	return table.Key{PK: PrefixAccountSessions + k.Account, SK: k.ID}
}

// Link is the one live link with which a user's password can be set, by the user's id.
type Link string

// Key gives the key.
func (k Link) Key() table.Key { return table.Key{PK: PrefixLink + string(k), SK: "lnk"} }

// Disavowal is what the link in one mail ends, by the bare 16-character id of the link.
type Disavowal string

// Key gives the key.
func (k Disavowal) Key() table.Key { return table.Key{PK: PrefixDisavowal + string(k), SK: "dis"} }

// Factors are a user's second factors, by the user's id.
type Factors string

// Key gives the key.
func (k Factors) Key() table.Key { return table.Key{PK: PrefixFactors + string(k), SK: "mfa"} }

// Challenge is what a session, by its bare id, was asked to prove a factor with.
type Challenge struct{ Session, Factor string }

// Key gives the key.
func (k Challenge) Key() table.Key {
	return table.Key{PK: PrefixChallenge + k.Session, SK: k.Factor}
}

// UserNetwork is a network that a user has logged in from.
type UserNetwork struct{ User, Network string }

// Key gives the key.
func (k UserNetwork) Key() table.Key {
	return table.Key{PK: PrefixUserNetworks + k.User, SK: k.Network}
}

// ResetRequest is that somebody has forgotten a password, by an id of its own.
type ResetRequest string

// Key gives the key.
func (k ResetRequest) Key() table.Key { return table.Key{PK: PrefixReset + string(k), SK: "rst"} }

// Suppression is that an address is not written to any more.
type Suppression string

// Key gives the key; ways of writing the same address are folded into one.
func (k Suppression) Key() table.Key {
	return table.Key{PK: PrefixSuppression + Fold(string(k)), SK: "sup"}
}

// Handover is an owner's offer to hand over the account.
type Handover string

// Key gives the key.
func (k Handover) Key() table.Key {
	return table.Key{PK: PrefixAccount + string(k), SK: "handover"}
}

// Audit is an audit event of an account.
type Audit struct {
	Account string
	At      time.Time
	Event   string
}

// Key gives the key.
func (k Audit) Key() table.Key {
	return table.Key{PK: PrefixAudit + k.Account, SK: stamped(k.At, k.Event)}
}

// Trail is an event's pointer in the trail of one thing of an account, named by its public handle. The account is part
// of it because accounts choose some handles themselves.
type Trail struct {
	Account string
	Subject string
	At      time.Time
	Event   string
}

// Key gives the key.
func (k Trail) Key() table.Key {
	return table.Key{PK: PrefixTrail + k.Account + "/" + k.Subject, SK: stamped(k.At, k.Event)}
}

// Notice is the delivery of one event's notice to one person.
type Notice struct{ Event, Recipient string }

// Key gives the key.
func (k Notice) Key() table.Key { return table.Key{PK: PrefixNotice + k.Event, SK: k.Recipient} }

// Due is an entry of the agenda, in one of its shards.
type Due struct {
	Shard            int
	At               time.Time
	Kind, Ref, Place string
}

// Key gives the key.
func (k Due) Key() table.Key {
	return table.Key{PK: DueShard(k.Shard), SK: stamped(k.At, k.Kind+"#"+k.Ref+"#"+k.Place)}
}

// DueShard gives the partition key of a shard of the agenda.
func DueShard(shard int) string { return fmt.Sprintf("%s%02d", PrefixDue, shard) }

// Digest is how many mails a user got lately, by the user's id.
type Digest string

// Key gives the key.
func (k Digest) Key() table.Key { return table.Key{PK: PrefixDigest + string(k), SK: "now"} }

// PrefixGathered is the sort-key prefix at which the events are whose mails wait for a user's digest, under its partition.
const PrefixGathered = "e#"

// Gathered is an event whose mail waits for a user's digest.
type Gathered struct {
	User  string
	At    time.Time
	Event string
}

// Key gives the key.
func (k Gathered) Key() table.Key {
	return table.Key{PK: PrefixDigest + k.User, SK: PrefixGathered + stamped(k.At, k.Event)}
}

// GatheredAt gives the time in the sort key of a Gathered; the zero time where it is none.
func GatheredAt(sk string) time.Time {
	at, _, _ := strings.Cut(strings.TrimPrefix(sk, PrefixGathered), "#")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Throttle is a counter of failed logins, by the digest of what is counted.
type Throttle string

// Key gives the key.
func (k Throttle) Key() table.Key { return table.Key{PK: PrefixThrottle + string(k), SK: "thr"} }

// Resource is a resource of an account's catalogue.
type Resource struct{ Account, Category, ID string }

// Key gives the key.
func (k Resource) Key() table.Key {
	return table.Key{PK: PrefixCatalogue + k.Account, SK: k.Category + "#" + k.ID}
}

// PrefixIntegration is the sort-key prefix at which the integrations of an account are, under its catalogue's partition.
// No category of resources has this name.
const PrefixIntegration = "integrations#"

// Integration is an integration of an account's catalogue.
type Integration struct{ Account, ID string }

// Key gives the key.
func (k Integration) Key() table.Key {
	return table.Key{PK: PrefixCatalogue + k.Account, SK: PrefixIntegration + k.ID}
}

// Run is a run of a resource of an account.
type Run struct {
	Account, Category, ID string
	At                    time.Time
	Run                   string
}

// Key gives the key.
func (k Run) Key() table.Key {
	return table.Key{PK: PrefixRun + k.Account + "/" + k.Category + "/" + k.ID, SK: stamped(k.At, k.Run)}
}

// AccountQuota counts the tokens of an account.
type AccountQuota string

// Key gives the key.
func (k AccountQuota) Key() table.Key { return table.Key{PK: PrefixQuota + string(k), SK: "acc"} }

// UserQuota counts the tokens that a user of an account has made.
type UserQuota struct{ Account, User string }

// Key gives the key.
func (k UserQuota) Key() table.Key { return table.Key{PK: PrefixQuota + k.Account, SK: k.User} }

// Idempotency is a user's Idempotency-Key, by its digest.
type Idempotency struct{ User, Digest string }

// Key gives the key.
func (k Idempotency) Key() table.Key { return table.Key{PK: PrefixIdempotency + k.User, SK: k.Digest} }

// LeakKeys are the public keys that leak alerts are signed with. There is one such item.
type LeakKeys struct{}

// Key gives the key.
func (LeakKeys) Key() table.Key { return table.Key{PK: PrefixConfig + "leaks", SK: "keys"} }

// maxInstant is the last millisecond that 13 digits can say.
const maxInstant = 9_999_999_999_999

// Instant gives the place of a time among the sort keys that begin with one: what happened earlier sorts below it,
// everything else above.
func Instant(t time.Time) string {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++ // keys have whole milliseconds
	}
	return fmt.Sprintf("%013d", min(max(ms, 0), maxInstant))
}

// stamped joins a time and an id so that text order is time order until the year 2286.
func stamped(t time.Time, id string) string { return fmt.Sprintf("%013d#%s", t.UnixMilli(), id) }

// Stamped reports whether s has the form of a sort key that begins with a time.
func Stamped(s string) bool {
	at, id, ok := strings.Cut(s, "#")
	return ok && len(at) == 13 && id != "" && strings.Trim(at, "0123456789") == ""
}
