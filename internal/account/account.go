// Package account is who Keyfob works for: accounts (tenants) and the users in them.
//
// It promises that an account exists with its owner or not at all, that a login name is bound to at most one user of
// an account, and that a user's role is one of those package scope knows.
//
// It does not check passwords (package login does), does not say who becomes an account (package operator does), and
// hands out no credentials.
package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/scope"
	"keyfob/internal/table"
	"keyfob/internal/table/key"
)

// A Status says whether an account or a user may act.
type Status string

// The statuses.
const (
	Active    Status = "active"
	Suspended Status = "suspended" // of an account
	Invited   Status = "invited"   // of a user who has not set a password yet
	Disabled  Status = "disabled"  // of a user
	Removed   Status = "removed"   // of a user who is none any more; the record stays until the rest of them is gone
)

// Policy is what an account's owner has laid down.
type Policy struct {
	Issuers          scope.Issuers
	DefaultLife      time.Duration // of a token made without a choice of its own
	MaxLife          time.Duration // of any token, from when it was made; 0 for no bound
	MaxOverlap       time.Duration // for how long a rotated token may go on beside its successor
	Revealable       bool          // tokens may be made so that they can be shown again
	QueryCredentials bool          // a credential may stand in the query string
	TokensPerAccount int
	TokensPerUser    int

	MFA           bool          // a login has to be unlocked with a second factor
	SessionIdle   time.Duration // after which a session that is not used ends
	SessionLife   time.Duration // after which a session ends
	TokenNetworks List          // prefixes that tokens may be used from; empty for any
	LoginNetworks List          // prefixes that people may log in from, and use sessions from; empty for any
	Muted         List          // types of events that nobody is to be mailed of
	Reminders     List          // how many days before a token ends people are reminded of that, each one of ReminderDays
}

// A List is a list of words, ordered and without repetitions, as one text with spaces between: so that what holds one can
// be compared.
type List string

// ListOf makes a List of words, none of which is empty or has a space in it.
func ListOf(words ...string) List {
	words = slices.Compact(slices.Sorted(slices.Values(words)))
	return List(strings.Join(words, " "))
}

// Words gives the list's words.
func (l List) Words() []string { return strings.Fields(string(l)) }

// Has reports whether the word is in the list.
func (l List) Has(word string) bool { return slices.Contains(l.Words(), word) }

// How long a session lives where the policy says nothing else.
const (
	DefaultSessionIdle = time.Hour
	DefaultSessionLife = 24 * time.Hour
)

// ReminderDays are how many days before a token's end people can be reminded of it.
var ReminderDays = []int{30, 14, 7, 3, 1}

// DefaultReminders are those of ReminderDays that a policy has which says nothing else.
var DefaultReminders = ListOf("7", "1")

// ReminderDays gives the policy's, the most days first.
func (p Policy) ReminderDays() []int {
	days := []int{}
	for _, n := range ReminderDays {
		if p.Reminders.Has(strconv.Itoa(n)) {
			days = append(days, n)
		}
	}
	return days
}

// MaxTokens bounds both quotas.
const MaxTokens = 1_000_000

// DefaultPolicy is a new account's.
func DefaultPolicy() Policy {
	return Policy{
		Issuers: scope.IssuersAdmins, DefaultLife: 180 * 24 * time.Hour, MaxOverlap: 7 * 24 * time.Hour, QueryCredentials: true,
		TokensPerAccount: 100_000, TokensPerUser: 100_000, SessionIdle: DefaultSessionIdle, SessionLife: DefaultSessionLife,
		Reminders: DefaultReminders,
	}
}

// An Account is a tenant.
type Account struct {
	ID      string // acc_…
	Name    string
	Status  Status
	Policy  Policy
	Created time.Time

	APIManagement bool // the licence for tokens that live longer than an hour
	Behind        bool // credentials may not yet carry what was last changed here; package standing sees to it

	Version int64
}

// A User is a person in an account.
type User struct {
	ID           string // usr_…
	Account      string // acc_…
	Email        string
	Name         string
	Role         scope.Role
	Status       Status
	Verified     bool   // mail may be sent to Email
	PasswordHash string // in PHC form; empty where there is none yet
	Generation   int64  // the number of the password: counts how often one was set; a better hash of the same one is none
	Developer    bool   // developer mode: the user is shown what can be revealed
	Factors      bool   // has a second factor: sessions have to be unlocked with one
	Muted        List   // types of events that the user wants no mail of
	Mailed       bool   // the password came of a link by mail, and no factor but codes by mail has been shown since
	Behind       bool   // as an account's
	Created      time.Time
	Gone         time.Time // when the record of a removed user goes too; else zero
	Version      int64
}

func (a Account) item() table.Item {
	k := key.Account(a.ID).Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"id": table.S(a.ID), "name": table.S(a.Name), "status": table.S(a.Status), "created": table.N(a.Created.UnixMilli()),
		"issuers": table.S(a.Policy.Issuers), "defaultLife": seconds(a.Policy.DefaultLife), "maxLife": seconds(a.Policy.MaxLife),
		"maxOverlap": seconds(a.Policy.MaxOverlap), "revealable": table.Bool(a.Policy.Revealable),
		"queryCredentials": table.Bool(a.Policy.QueryCredentials), "tokensPerAccount": table.N(a.Policy.TokensPerAccount),
		"tokensPerUser": table.N(a.Policy.TokensPerUser), "apiManagement": table.Bool(a.APIManagement),
	}
	it["reminders"] = table.S(a.Policy.Reminders) // also where it is empty: that is a choice
	it["sessionIdle"], it["sessionLife"] = seconds(a.Policy.SessionIdle), seconds(a.Policy.SessionLife)
	for name, set := range map[string]bool{"mfa": a.Policy.MFA, attrBehind: a.Behind} {
		if set {
			it[name] = table.Bool(true)
		}
	}
	for name, l := range map[string]List{"tokenNetworks": a.Policy.TokenNetworks, "loginNetworks": a.Policy.LoginNetworks, "muted": a.Policy.Muted} {
		if l != "" {
			it[name] = table.S(l)
		}
	}
	return it
}

// attrBehind marks a record whose last change is still being carried to the credentials that rest on it.
const attrBehind = "behind"

func seconds(d time.Duration) table.N { return table.N(d / time.Second) }

func accountFrom(it table.Item) (Account, error) {
	if it.String("id") == "" {
		return Account{}, fmt.Errorf("account: the item at %s is not an account", it.String(table.AttrPK))
	}
	duration := func(name string) time.Duration { return time.Duration(it.Int(name)) * time.Second }
	a := Account{
		ID: it.String("id"), Name: it.String("name"), Status: Status(it.String("status")), Version: it.Version(),
		Created: time.UnixMilli(it.Int("created")).UTC(), APIManagement: it.Bool("apiManagement"), Behind: it.Bool(attrBehind),
		Policy: Policy{
			Issuers: scope.Issuers(it.String("issuers")), DefaultLife: duration("defaultLife"), MaxLife: duration("maxLife"),
			MaxOverlap: duration("maxOverlap"), Revealable: it.Bool("revealable"), QueryCredentials: it.Bool("queryCredentials"),
			TokensPerAccount: int(it.Int("tokensPerAccount")), TokensPerUser: int(it.Int("tokensPerUser")),
			MFA: it.Bool("mfa"), SessionIdle: duration("sessionIdle"), SessionLife: duration("sessionLife"),
			TokenNetworks: List(it.String("tokenNetworks")), LoginNetworks: List(it.String("loginNetworks")), Muted: List(it.String("muted")),
		},
	}
	if a.Policy.Reminders = List(it.String("reminders")); it["reminders"] == nil { // a record from before they were to be chosen
		a.Policy.Reminders = DefaultReminders
	}
	if a.Policy.SessionLife == 0 { // a record from before they were to be chosen
		a.Policy.SessionIdle, a.Policy.SessionLife = DefaultSessionIdle, DefaultSessionLife
	}
	if it["tokensPerAccount"] == nil {
		// A record from before there was more to a policy than these two: what was not restricted then is not now.
		issuers, life := a.Policy.Issuers, a.Policy.DefaultLife
		a.Policy, a.APIManagement = DefaultPolicy(), true
		a.Policy.Issuers, a.Policy.DefaultLife = issuers, life
	}
	return a, nil
}

func (u User) item() table.Item {
	k := u.Key()
	it := table.Item{
		table.AttrPK: table.S(k.PK), table.AttrSK: table.S(k.SK),
		"id": table.S(u.ID), "account": table.S(u.Account), "email": table.S(u.Email), "name": table.S(u.Name),
		"role": table.S(u.Role), "status": table.S(u.Status), "verified": table.Bool(u.Verified),
		"password": table.S(u.PasswordHash), "developer": table.Bool(u.Developer), "created": table.N(u.Created.UnixMilli()),
	}
	for name, set := range map[string]bool{"factors": u.Factors, "mailed": u.Mailed, attrBehind: u.Behind} {
		if set {
			it[name] = table.Bool(true)
		}
	}
	if u.Muted != "" {
		it["muted"] = table.S(u.Muted)
	}
	if u.Generation > 0 {
		it["generation"] = table.N(u.Generation)
	}
	if u.Status == Removed {
		it[table.AttrPurgeAt] = table.N(u.Gone.Unix())
	}
	return it
}

// Key gives the key of the user's record, for commits that depend on it.
func (u User) Key() table.Key { return key.User{Account: u.Account, User: u.ID}.Key() }

func userFrom(it table.Item) (User, error) {
	u := User{
		ID: it.String("id"), Account: it.String("account"), Email: it.String("email"), Name: it.String("name"),
		Role: scope.Role(it.String("role")), Status: Status(it.String("status")), Verified: it.Bool("verified"),
		PasswordHash: it.String("password"), Developer: it.Bool("developer"), Behind: it.Bool(attrBehind),
		Factors: it.Bool("factors"), Generation: it.Int("generation"), Mailed: it.Bool("mailed"), Muted: List(it.String("muted")), Created: time.UnixMilli(it.Int("created")).UTC(), Version: it.Version(),
	}
	if u.Status == Removed {
		u.Gone = time.Unix(it.Int(table.AttrPurgeAt), 0).UTC()
	}
	if u.ID == "" || u.Account == "" || !u.Role.Known() {
		return User{}, fmt.Errorf("account: the item at %s %s is not a user", it.String(table.AttrPK), it.String(table.AttrSK))
	}
	return u, nil
}
