// Package dynamo is the table role over Amazon DynamoDB: one table with a partition key and a sort key.
//
//	client, err := awsconf.DynamoDB(os.Getenv)
//	tbl := dynamo.New(client, dynamo.Config{Table: os.Getenv("TABLE_NAME")})
//	items, err := tbl.Get(ctx, key.Token("3kTMd9…").Key())
//
// It promises what package table promises, and this besides:
//   - Get of one key is exactly one GetItem, of several one BatchGetItem for as long as DynamoDB answers for all of
//     them; every read is strongly consistent. A Query asks for one item more than its limit and so knows whether
//     there are more.
//   - Every Commit is one TransactWriteItems under a client token of its own that all its repetitions carry: when
//     the answer to a commit that was made is lost, the repetition succeeds and changes nothing.
//   - Throttling, contention between transactions and lost connections are tried again, with growing random pauses,
//     within the call's budget; after that the call fails with a fault of kind Unavailable. No other layer may
//     repeat: the SDK's own retries are switched off for each call, whatever client is given.
//   - An error says which operation failed and how, but never what an item holds or what it was compared with.
//
// It has no secondary index, no scan, no cache and no partial update. It makes tables only for tests and for one
// machine (Definition); a deployed one is CloudFormation's.
//
// The key patterns of the table, whose Go types package table/key holds:
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
package dynamo

import (
	"cmp"
	"context"
	"time"

	"keyfob/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// A Client is what the adapter asks of *dynamodb.Client.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Defaults of Config. A handler makes a few calls and must answer before its gateway gives up: after 10 seconds for
// an authorizer, which makes one call, and after 29 for the others.
const (
	DefaultBudget  = 4 * time.Second
	DefaultAttempt = 1500 * time.Millisecond
)

// A Config says which table, and how long to try.
type Config struct {
	Table   string        // the table's name
	Budget  time.Duration // of one call of the role, with all its requests and pauses; DefaultBudget if zero
	Attempt time.Duration // of one request, after which its connection is given up; DefaultAttempt if zero
}

// Table is the role over one DynamoDB table. It is safe for concurrent use.
type Table struct {
	client  Client
	name    string
	budget  time.Duration
	attempt time.Duration
}

var _ table.Table = (*Table)(nil)

// New gives the role over the table that cfg names.
func New(client Client, cfg Config) *Table {
	return &Table{
		client:  client,
		name:    cfg.Table,
		budget:  cmp.Or(cfg.Budget, DefaultBudget),
		attempt: cmp.Or(cfg.Attempt, DefaultAttempt),
	}
}
