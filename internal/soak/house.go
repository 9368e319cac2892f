package soak

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/authorizer"
	"keyfob/internal/factor/passkey"
	"keyfob/internal/faulty"
	"keyfob/internal/functions"
	"keyfob/internal/keyring"
	keyfile "keyfob/internal/keyring/local"
	"keyfob/internal/local"
	"keyfob/internal/password"
	"keyfob/internal/settings"
	"keyfob/internal/table"
	"keyfob/internal/table/bolt"
	"keyfob/internal/table/key"
)

// A house is the service with the faulty parts that it stands on. Its process can die and be started again; the table's
// file, the mail service and the clock outlive it.
type house struct {
	dir, template string
	cap           time.Duration // of each invocation, in real time; 0 for the template's time-outs alone
	plan          *faulty.Plan
	post          *faulty.Post
	keys          keyring.Ring
	clock         *local.Clock  // that time passes by
	wrong         *faulty.Clock // that the functions go by
	noTTL         atomic.Bool
	logs          *os.File
	mails         *os.File
	hasher        *password.Hasher
	routes        authorizer.Routes
	attention     attention

	reads          sync.Map // table.Key: *atomic.Int64, the authorizer's reads that were answered
	mu             sync.Mutex
	unnoted        map[unnoted]int
	unnotedDigests map[string]int  // by user, digests that were perhaps not noted
	noting         map[string]bool // users whose digest was sent and is being noted

	server  *local.Server
	store   *bolt.Table
	process *faulty.Process
}

// unnoted is a delivery whose end could not be noted by who saw it: it may be made again.
type unnoted struct{ event, user string }

// epoch is when the service's clock begins.
var epoch = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func newHouse(c Config) (h *house, err error) {
	h = &house{
		dir: c.Dir, template: c.Template, plan: faulty.NewPlan(c.Seed), post: &faulty.Post{}, clock: local.NewClock(func() time.Time { return epoch }),
		hasher: password.NewHasher(1), unnoted: map[unnoted]int{}, unnotedDigests: map[string]int{}, noting: map[string]bool{},
	}
	h.wrong = &faulty.Clock{Inner: h.clock.Now}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(c.Template), functions.Authorizer, "routes.yaml")) //#nosec G304 -- beside the template that the caller names
	if err != nil {
		return nil, err
	}
	if h.routes, err = authorizer.ParseRoutes(data); err != nil {
		return nil, err
	}
	if h.keys, err = keyfile.Open(h.dir); err != nil {
		return nil, err
	}
	if h.logs, err = os.OpenFile(h.path("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if h.mails, err = os.OpenFile(h.path("mails"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, errors.Join(err, h.logs.Close())
	}
	h.post.Archive = h.mails
	return h, nil
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// start begins a process.
func (h *house) start(ctx context.Context) (err error) {
	h.process = faulty.NewProcess()
	if h.store, err = bolt.Open(h.path("table.db"), h.clock.Now); err != nil {
		return err
	}
	h.server, err = local.Start(ctx, local.Config{
		Addr: "127.0.0.1:0", DataDir: h.dir, TemplatePath: h.template, Clock: h.clock, Log: slog.New(slog.NewJSONHandler(h.logs, nil)),
		Store:    &faulty.Store{Table: h.store, Process: h.process, NoTTL: &h.noTTL},
		Handlers: h.handlers,
	})
	if err != nil {
		return errors.Join(err, h.store.Close())
	}
	return nil
}

// stop ends the process, if there is one, and lets go of the table's file.
func (h *house) stop() error {
	if h.server == nil {
		return nil
	}
	h.process.Kill()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.server.Close(now) // the process has died: what it had under way fails
	h.server = nil
	return h.store.Close()
}

func (h *house) close() { _ = errors.Join(h.stop(), h.logs.Close(), h.mails.Close()) }

// senders are the functions that claim deliveries and send mails.
var senders = map[string]bool{"functions/notify": true, "functions/sweep": true}

// consumers are the functions that the table's stream feeds.
var consumers = map[string]bool{"functions/notify": true, "functions/upkeep": true}

func (h *house) handlers(e local.Env) (map[string]lambda.Handler, error) {
	process := h.process
	all, err := functions.Handlers(func(code string) (api.Config, error) {
		set, err := settings.Read(e.Getenv(code))
		if err != nil {
			return api.Config{}, err
		}
		seen := &faulty.Table{Inner: e.Table, Function: code, Plan: h.plan, Process: process, Told: h.told}
		switch code {
		case "functions/operator":
			seen.Plan = faulty.NewPlan(0) // whom the bench makes its people with
		case "functions/login", "functions/leaks":
			seen.Spared = []faulty.Kind{faulty.DiesBefore, faulty.DiesAfter} // they call from goroutines of their own, which others wait for
		}
		return api.Config{
			Table: seen, Sender: &faulty.Mailer{Post: h.post, Function: code, Plan: h.plan, Process: process},
			Keys:   &faulty.Ring{Inner: h.keys, Function: code, Plan: h.plan, Process: process},
			Hasher: h.hasher, Form: set.Form, Now: h.wrong.Now, Log: set.Logger(h.logs), Origin: set.Origin, URL: e.URL, Passkeys: passkey.Keys{},
		}, nil
	}, h.routes)
	if err != nil {
		return nil, err
	}
	for code, handler := range all {
		if consumers[code] {
			handler = &faulty.Consumer{Inner: handler, Function: code, Plan: h.plan}
		}
		if consumers[code] || senders[code] {
			handler = h.attention.attend(code, handler)
		}
		all[code] = hurried{faulty.Mortal(handler), h.cap}
	}
	return all, nil
}

// hurried is a function with less time than the template gives it, so that what hangs is over sooner.
type hurried struct {
	lambda.Handler
	cap time.Duration
}

func (h hurried) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if h.cap > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.cap)
		defer cancel()
	}
	return h.Handler.Invoke(ctx, payload)
}

// told watches what the functions are told by the table.
func (h *house) told(c faulty.Call, err error) {
	switch {
	case c.Verb == faulty.Get && c.Function == functions.Authorizer && err == nil:
		for _, k := range c.Keys {
			h.read(k).Add(1)
		}
	case senders[c.Function] && c.Verb != faulty.Commit:
		h.digestRead(c, err)
	case c.Verb == faulty.Commit && err != nil && !isConflict(err):
		for _, op := range c.Ops {
			if u, is := noteOf(op); is {
				h.mu.Lock()
				h.unnoted[u]++
				h.mu.Unlock()
			}
		}
	}
}

// digestRead watches what senders read of digests: the note of one begins with its meter alone, where a digest that is to be
// made begins with more. One that ends in between was perhaps sent and not noted.
func (h *house) digestRead(c faulty.Call, err error) {
	user, is := cutPrefix(c.Keys[0].PK, key.PrefixDigest)
	if !is {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.Verb == faulty.Get {
		h.noting[user] = len(c.Keys) == 1
	}
	if err != nil && h.noting[user] {
		h.unnotedDigests[user]++
	}
}

// noteOf reports of which delivery an operation notes the end, if of any: that of a mail, or of one that a digest told of.
func noteOf(op table.Op) (unnoted, bool) {
	if event, is := cutPrefix(op.Key.PK, key.PrefixNotice); is {
		state := op.Item.String("state")
		return unnoted{event, op.Key.SK}, op.Kind == table.KindPut && state != "claimed" && state != "gathered"
	}
	user, is := cutPrefix(op.Key.PK, key.PrefixDigest)
	_, event, gathered := strings.Cut(strings.TrimPrefix(op.Key.SK, key.PrefixGathered), "#")
	return unnoted{event, user}, is && gathered && op.Kind == table.KindDelete
}

// read gives the count of the authorizer's reads of a key that were answered.
func (h *house) read(k table.Key) *atomic.Int64 {
	n, ok := h.reads.Load(k)
	if !ok {
		n, _ = h.reads.LoadOrStore(k, new(atomic.Int64))
	}
	return n.(*atomic.Int64)
}

// operate has the operator do something, and reads the answer.
func (h *house) operate(ctx context.Context, command string, answer any) error {
	data, err := h.server.Invoke(ctx, "functions/operator", []byte(command))
	if err == nil {
		err = decode(data, answer)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
