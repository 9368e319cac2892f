package people

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/network"
	"keyfob/internal/scope"
)

// A PolicyChange is what is to become of an account's policy; what is nil stays as it is. Lives are in seconds. The lives
// of sessions hold for those that begin afterwards; all else holds at once.
type PolicyChange struct {
	Issuers          *scope.Issuers
	DefaultLife      *int // 0: a choice is required
	MaxLife          *int // 0: no bound
	MaxOverlap       *int
	Revealable       *bool
	QueryCredentials *bool
	TokensPerAccount *int
	TokensPerUser    *int

	MFA           *bool
	SessionIdle   *int
	SessionLife   *int
	TokenNetworks *[]string // prefixes or addresses; an empty list lets tokens be used from anywhere
	LoginNetworks *[]string // likewise for logins and sessions
	MutedMails    *[]string // types of events
	Reminders     *[]int    // days before a token's end; an empty list for none
}

// Bounds of what a policy says.
const (
	MaxLife        = 36_500 * 24 * 60 * 60 // seconds of a token's life: a little under a hundred years
	MinSessionIdle = 60                    // seconds
	MaxSessionIdle = 24 * 60 * 60
	MinSessionLife = 5 * 60 // seconds
	MaxSessionLife = 30 * 24 * 60 * 60
	MaxNetworks    = 20 // in each of the two lists
)

// on gives the policy with the change. Errors name the field.
func (c PolicyChange) on(p account.Policy) (account.Policy, error) {
	if c.Issuers != nil {
		if p.Issuers = *c.Issuers; p.Issuers != scope.IssuersAdmins && p.Issuers != scope.IssuersEveryone {
			return p, fault.Bad("policy.issuers", "unknown_value", "policy.issuers is admins or everyone.")
		}
	}
	for _, b := range []struct {
		asked *bool
		set   *bool
	}{{c.Revealable, &p.Revealable}, {c.QueryCredentials, &p.QueryCredentials}, {c.MFA, &p.MFA}} {
		if b.asked != nil {
			*b.set = *b.asked
		}
	}
	for _, n := range []struct {
		field       string
		asked       *int
		least, most int
		set         func(int)
	}{
		{"defaultLifeSeconds", c.DefaultLife, 0, MaxLife, func(n int) { p.DefaultLife = seconds(n) }},
		{"maxLifeSeconds", c.MaxLife, 0, MaxLife, func(n int) { p.MaxLife = seconds(n) }},
		{"maxOverlapSeconds", c.MaxOverlap, 0, MaxLife, func(n int) { p.MaxOverlap = seconds(n) }},
		{"tokensPerAccount", c.TokensPerAccount, 1, account.MaxTokens, func(n int) { p.TokensPerAccount = n }},
		{"tokensPerUser", c.TokensPerUser, 1, account.MaxTokens, func(n int) { p.TokensPerUser = n }},
		{"sessionIdleSeconds", c.SessionIdle, MinSessionIdle, MaxSessionIdle, func(n int) { p.SessionIdle = seconds(n) }},
		{"sessionLifeSeconds", c.SessionLife, MinSessionLife, MaxSessionLife, func(n int) { p.SessionLife = seconds(n) }},
	} {
		if n.asked == nil {
			continue
		}
		if *n.asked < n.least || *n.asked > n.most {
			return p, fault.Bad("policy."+n.field, "out_of_range", fmt.Sprintf("policy.%s is a whole number from %d to %d.", n.field, n.least, n.most))
		}
		n.set(*n.asked)
	}
	// A maximum below a default that stays as it is caps it where it is used.
	if c.DefaultLife != nil && p.MaxLife > 0 && p.DefaultLife > p.MaxLife {
		return p, fault.Refused("policy.defaultLifeSeconds", "conflicting", "A token's default life would be longer than the longest.")
	}
	return c.lists(p)
}

// lists gives the policy with the change's lists.
func (c PolicyChange) lists(p account.Policy) (_ account.Policy, err error) {
	if c.TokenNetworks != nil {
		if p.TokenNetworks, err = networks("policy.tokenNetworks", *c.TokenNetworks); err != nil {
			return p, err
		}
	}
	if c.LoginNetworks != nil {
		if p.LoginNetworks, err = networks("policy.loginNetworks", *c.LoginNetworks); err != nil {
			return p, err
		}
	}
	if c.MutedMails != nil {
		if p.Muted, err = muted("policy.mutedMails", *c.MutedMails); err != nil {
			return p, err
		}
	}
	if c.Reminders != nil {
		p.Reminders, err = reminders("policy.reminderDays", *c.Reminders)
	}
	return p, err
}

// reminders reads a list of days before a token's end.
func reminders(field string, asked []int) (account.List, error) {
	if most := len(account.ReminderDays); len(asked) > most {
		return "", fault.Bad(field, "too_many", fmt.Sprintf("%s has at most %d numbers of days.", field, most))
	}
	days := make([]string, len(asked))
	for i, n := range asked {
		name := fmt.Sprintf("%s[%d]", field, i)
		if !slices.Contains(account.ReminderDays, n) {
			return "", fault.Bad(name, "unknown_value", name+" is one of "+strings.Trim(strings.ReplaceAll(fmt.Sprint(account.ReminderDays), " ", ", "), "[]")+".")
		}
		if slices.Contains(asked[:i], n) {
			return "", fault.Bad(name, "repeated", name+" is in the list already.")
		}
		days[i] = strconv.Itoa(n)
	}
	return account.ListOf(days...), nil
}

// networks reads a list of networks. However they were written, the list has them in one form.
func networks(field string, asked []string) (account.List, error) {
	if len(asked) > MaxNetworks {
		return "", fault.Bad(field, "too_many", fmt.Sprintf("%s has at most %d networks.", field, MaxNetworks))
	}
	prefixes := make([]string, len(asked))
	for i, s := range asked {
		prefix, ok := network.Prefix(s)
		if !ok {
			name := fmt.Sprintf("%s[%d]", field, i)
			return "", fault.Bad(name, "malformed", name+" is an address, or a network such as 203.0.113.0/24 or 2001:db8::/32 with no bits set beyond its length.")
		}
		if slices.Contains(prefixes[:i], prefix) {
			name := fmt.Sprintf("%s[%d]", field, i)
			return "", fault.Bad(name, "repeated", name+" is in the list already.")
		}
		prefixes[i] = prefix
	}
	return account.ListOf(prefixes...), nil
}

// muted reads a list of types of events that nobody is to be mailed of.
func muted(field string, asked []string) (account.List, error) {
	if most := len(audit.Mutables()); len(asked) > most {
		return "", fault.Bad(field, "too_many", fmt.Sprintf("%s has at most %d types of events.", field, most))
	}
	for i, s := range asked {
		name := fmt.Sprintf("%s[%d]", field, i)
		if !audit.Type(s).Mutable() {
			return "", fault.Bad(name, "unknown_value", name+" is one of "+enumerate(audit.Mutables())+"; no other mail can be switched off.")
		}
		if slices.Contains(asked[:i], s) {
			return "", fault.Bad(name, "repeated", name+" is in the list already.")
		}
	}
	return account.ListOf(asked...), nil
}

func enumerate(types []audit.Type) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// list is a list in words for people.
func list(l account.List) string { return strings.Join(l.Words(), ", ") }

// word is one thing that a policy says, in words for people.
type word struct{ field, value string }

func words(p account.Policy) []word {
	life := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	return []word{
		{"issuers", string(p.Issuers)}, {"defaultLifeSeconds", life(p.DefaultLife)}, {"maxLifeSeconds", life(p.MaxLife)},
		{"maxOverlapSeconds", life(p.MaxOverlap)}, {"revealable", strconv.FormatBool(p.Revealable)},
		{"queryCredentials", strconv.FormatBool(p.QueryCredentials)}, {"tokensPerAccount", strconv.Itoa(p.TokensPerAccount)},
		{"tokensPerUser", strconv.Itoa(p.TokensPerUser)}, {"mfaRequired", strconv.FormatBool(p.MFA)},
		{"sessionIdleSeconds", life(p.SessionIdle)}, {"sessionLifeSeconds", life(p.SessionLife)},
		{"tokenNetworks", list(p.TokenNetworks)}, {"loginNetworks", list(p.LoginNetworks)}, {"mutedMails", list(p.Muted)}, {"reminderDays", list(p.Reminders)},
	}
}
