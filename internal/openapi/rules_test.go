package openapi_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/credential"
	"keyfob/internal/factor"
	"keyfob/internal/fault"
	"keyfob/internal/gateway"
	"keyfob/internal/people"
	"keyfob/internal/purge"
	"keyfob/internal/scope"
	"keyfob/internal/text"
	"keyfob/internal/token"
	"keyfob/internal/trail"
)

// words gives a list as a JSON decoder would.
func words[T ~string](list ...T) []any {
	var all []any
	for _, w := range list {
		all = append(all, string(w))
	}
	return all
}

func TestTheDocumentsEnumerationsAreTheCodes(t *testing.T) {
	s := spec(t).Components.Schemas
	p := spec(t).Components.Parameters
	policy := s["AccountChange"].Value.Properties["policy"].Value.Properties
	request, fields := s["TokenRequest"].Value.Properties, s["TokenFields"].Value.Properties
	for name, at := range map[string]struct {
		documented []any
		code       []any
	}{
		"categories":       {s["Category"].Value.Enum, words(scope.Categories()...)},
		"actions":          {s["Action"].Value.Enum, words(scope.AllActions.Names()...)},
		"roles":            {s["Role"].Value.Enum, words(scope.Owner, scope.Admin, scope.Member)},
		"rights":           {s["Rights"].Value.Items.Value.Enum, words(scope.RightsOf(scope.Owner, scope.IssuersEveryone)...)},
		"issuers":          {s["SessionFields"].Value.Properties["settings"].Value.Properties["issuers"].Value.Enum, words(scope.IssuersAdmins, scope.IssuersEveryone)},
		"auto purge":       {request["autoPurge"].Value.Enum, words(purge.Choices()...)},
		"scopes asked for": {request["scope"].Value.Enum, words(scope.Full().Name(), scope.Scope{}.Name())},
		"scopes":           {fields["scope"].Value.Enum, words(scope.Full().Name(), scope.Scope{}.Name(), scope.Integration("x").Name())},
		"event types":      {s["EventType"].Value.Enum, words(audit.Types()...)},
		"actions asked of": {p["EventAction"].Value.Schema.Value.Enum, words(append(nouns(), audit.Types()...)...)},
		"ways":             {s["Event"].Value.Properties["actor"].Value.Properties["via"].Value.Enum, words(audit.ViaDashboard, audit.ViaAPI, audit.ViaOperator, audit.ViaSystem, audit.ViaMail)},
		"factors":          {s["Factor"].Value.Enum, words(factor.TOTP, factor.Email, factor.Passkey, factor.Recovery)},
		"asked for":        {s["ChallengeRequest"].Value.Properties["factor"].Value.Enum, words(factor.Email, factor.Passkey)},
		"enrolled by code": {s["Enrolled"].Value.Properties["factor"].Value.Enum, words(factor.TOTP, factor.Email)},
		"muted mails":      {s["MutedMails"].Value.Items.Value.Enum, words(audit.Mutables()...)},
		"issuers asked":    {policy["issuers"].Value.Enum, words(scope.IssuersAdmins, scope.IssuersEveryone)},
		"kinds":            {s["TokenInfo"].Value.Properties["kind"].Value.Enum, words(token.API.String(), token.Session.String())},
	} {
		if !slices.Equal(at.documented, at.code) || len(at.code) == 0 {
			t.Errorf("%s: the document has %v, the code %v", name, at.documented, at.code)
		}
	}
	for _, name := range []string{"GrantsRequest", "Grants"} {
		for _, c := range scope.Categories() {
			if s[name].Value.Properties[string(c)] == nil || len(s[name].Value.Properties) != len(scope.Categories()) {
				t.Errorf("%s: %s", name, c)
			}
		}
	}
}

// nouns gives what the types of events are about.
func nouns() []audit.Type {
	var all []audit.Type
	for _, t := range audit.Types() {
		if noun := audit.Type(t.Noun()); !slices.Contains(all, noun) {
			all = append(all, noun)
		}
	}
	return all
}

func TestTheDocumentsBoundsAreTheCodes(t *testing.T) {
	d := spec(t)
	s, limit := d.Components.Schemas, d.Components.Parameters["Limit"].Value.Schema.Value
	for name, at := range map[string]struct{ documented, code any }{
		"name":              {*s["Name"].Value.MaxLength, uint64(text.MaxName)},
		"description":       {*s["Description"].Value.MaxLength, uint64(text.MaxDescription)},
		"grants asked for":  {*s["GrantListRequest"].Value.MaxItems, uint64(scope.MaxGrants)},
		"grants":            {*s["GrantList"].Value.MaxItems, uint64(scope.MaxGrants)},
		"limit":             {*limit.Max, float64(gateway.MaxLimit)},
		"limit by default":  {limit.Default, float64(gateway.DefaultLimit)},
		"tokens of a page":  {*s["TokenPage"].Value.Properties["tokens"].Value.MaxItems, uint64(gateway.MaxLimit)},
		"keys of a page":    {*s["KeyPage"].Value.Properties["results"].Value.MaxItems, uint64(gateway.MaxLimit)},
		"events of a file":  {*s["EventPage"].Value.Properties["events"].Value.MaxItems, uint64(trail.MaxExport)},
		"events asked for":  {*d.Components.Parameters["EventLimit"].Value.Schema.Value.Max, float64(trail.MaxExport)},
		"networks":          {*s["Networks"].Value.MaxItems, uint64(people.MaxNetworks)},
		"an invited e-mail": {*s["InvitationRequest"].Value.Properties["email"].Value.MaxLength, uint64(account.MaxEmail)},
		"a forgotten name":  {*s["PasswordResetRequest"].Value.Properties["name"].Value.MaxLength, uint64(account.MaxEmail)},
		"resources of page": {*s["ResourcePage"].Value.Properties["resources"].Value.MaxItems, uint64(gateway.MaxLimit)},
	} {
		if at.documented != at.code {
			t.Errorf("%s: the document has %v, the code %v", name, at.documented, at.code)
		}
	}
	shown, asked := s["Policy"].Value.Properties, s["AccountChange"].Value.Properties["policy"].Value.Properties
	for name, at := range map[string]struct{ shown, asked, most int }{ // the least that is shown and asked for, and the most
		"defaultLifeSeconds": {0, 0, people.MaxLife}, "maxLifeSeconds": {1, 0, people.MaxLife}, "maxOverlapSeconds": {0, 0, people.MaxLife},
		"tokensPerAccount": {1, 1, account.MaxTokens}, "tokensPerUser": {1, 1, account.MaxTokens},
		"sessionIdleSeconds": {people.MinSessionIdle, people.MinSessionIdle, people.MaxSessionIdle},
		"sessionLifeSeconds": {people.MinSessionLife, people.MinSessionLife, people.MaxSessionLife},
	} {
		a, b := shown[name].Value, asked[name].Value
		if *a.Min != float64(at.shown) || *b.Min != float64(at.asked) || *a.Max != float64(at.most) || *b.Max != float64(at.most) {
			t.Errorf("%s: the document has %v to %v, and takes %v to %v; the code: %+v", name, *a.Min, *a.Max, *b.Min, *b.Max, at)
		}
	}
	for _, want := range []string{fmt.Sprintf("at most %d resources", scope.MaxGrants), strings.Replace(fmt.Sprint(gateway.MaxBody), "65", "65,", 1) + " bytes"} {
		if !strings.Contains(d.Info.Description+s["GrantsRequest"].Value.Description, want) {
			t.Errorf("the document does not say %q", want)
		}
	}
}

// pattern compiles a schema's pattern and length into one question.
func pattern(s *openapi3.Schema) func(string) bool {
	p := regexp.MustCompile(s.Pattern)
	return func(v string) bool {
		n := uint64(utf8.RuneCountInString(v))
		return p.MatchString(v) && n >= s.MinLength && (s.MaxLength == nil || n <= *s.MaxLength)
	}
}

// described reports whether a text is taken, but for the rule that something of it can be seen: which characters leave a
// mark is more than a pattern can say, so that it stands in the document's words.
func described(err error) bool {
	e, refused := errors.AsType[*fault.Error](err)
	return !refused || e.Code == "invisible"
}

// S24: control characters and bidirectional overrides are refused.
func TestNamesAndDescriptionsAreDescribedForEveryCharacterThereIs(t *testing.T) {
	s := spec(t).Components.Schemas
	name, description := pattern(s["Name"].Value), pattern(s["Description"].Value)
	check := func(v string) {
		t.Helper()
		if is := described(text.Name("f", v)); name(v) != is {
			t.Errorf("the name %.20q: the document takes it: %t; the code does: %t", v, !is, is)
		}
		if is := described(text.Description("f", v)); description(v) != is {
			t.Errorf("the description %.20q: the document takes it: %t; the code does: %t", v, !is, is)
		}
	}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if c := string(r); utf8.ValidRune(r) && (r < 0x3100 || r > 0xF000 && r < 0x10100 || r%251 == 0) {
			check(c)
			check("a" + c + "a")
			check(c + "a")
			check("a" + c)
		}
	}
	check("")
	for _, n := range []int{text.MaxName, text.MaxDescription} {
		check(strings.Repeat("é", n))
		check(strings.Repeat("é", n+1))
	}
}

func TestPublicNamesAreDescribedAsTheyAreMade(t *testing.T) {
	s := spec(t).Components.Schemas
	id := pattern(s["ResourceId"].Value)
	for b := range 256 {
		for _, v := range []string{string([]byte{byte(b)}), "a" + string([]byte{byte(b)})} {
			if utf8.ValidString(v) && id(v) != scope.ValidID(v) {
				t.Errorf("the id %q: the code takes it: %t", v, scope.ValidID(v))
			}
		}
	}
	for _, v := range []string{"", strings.Repeat("a", scope.MaxIDLen), strings.Repeat("a", scope.MaxIDLen+1)} {
		if id(v) != scope.ValidID(v) {
			t.Errorf("the id %q: the code takes it: %t", v, scope.ValidID(v))
		}
	}
	for name, made := range map[string]string{
		"AccountId": token.NewName("acc_"), "UserId": token.NewName("usr_"),
		"TokenHandle": handle(token.API), "SessionHandle": handle(token.Session),
	} {
		if p := pattern(s[name].Value); !p(made) || p(made+"0") || p(made[:len(made)-1]) || p("x"+made) {
			t.Errorf("%s: %s", name, made)
		}
	}
}

func handle(k token.Kind) string { return token.Form{Brand: "kf", Realm: "us"}.New(k).Handle() }

func TestTheCredentialsAndCookiesOfEveryDeploymentAreDescribed(t *testing.T) {
	d := spec(t)
	api, session_, realm := pattern(d.Components.Schemas["ApiToken"].Value), pattern(d.Components.Schemas["SessionToken"].Value), pattern(d.Components.Schemas["Realm"].Value)
	set := pattern(d.Components.Headers["Session-Cookie"].Value.Schema.Value)
	for _, form := range []token.Form{{Brand: "kf", Realm: "us"}, {Brand: "ab", Realm: "a1"}, {Brand: "abcdefgh", Realm: "abcdefghijklmno0"}} {
		a, s := form.New(token.API).Plaintext().Reveal(), form.New(token.Session).Plaintext()
		if !form.Valid() || !api(a) || !session_(s.Reveal()) || session_(a) || !realm(form.Realm) {
			t.Errorf("%+v", form)
		}
		if cookie := credential.SetCookie(s, account.DefaultSessionLife); !set(cookie) || set(strings.Replace(cookie, "; Secure", "", 1)) {
			t.Errorf("%+v: its cookie", form)
		}
	}
	if c := d.Components.Headers["Cleared-Cookie"].Value.Schema.Value.Const; c != credential.ClearCookie() {
		t.Error(c)
	}
}
