package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/authorizer"
	"keyfob/internal/factor/passkey"
	"keyfob/internal/functions"
	"keyfob/internal/keyring"
	keyfile "keyfob/internal/keyring/local"
	"keyfob/internal/local"
	"keyfob/internal/mail/mailbox"
	"keyfob/internal/password"
	"keyfob/internal/settings"
	"keyfob/internal/table/bolt"
)

// A service is the running service with what it was wired from.
type service struct {
	*local.Server
	Mailbox *mailbox.Mailbox
	dir     string
	store   *bolt.Table
	logs    io.Closer
}

// The data folder: one file for the table, one for the key ring's key, one for the functions' logs, a folder each for mails
// and given-up batches.
const (
	tableFile  = "table.db"
	mailFolder = "mail"
	logFile    = "logs/functions.log"
)

// start opens the data folder and runs the service on it. The clock is the machine's, until the controls move it.
func start(ctx context.Context, o options) (*service, error) {
	return startAt(ctx, o, local.NewClock(nil))
}

// startAt is start with a clock of the caller's.
func startAt(ctx context.Context, o options, clock *local.Clock) (_ *service, err error) {
	s := &service{dir: o.data}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeFiles())
			if o.data == "" && s.dir != "" {
				err = errors.Join(err, os.RemoveAll(s.dir)) // made here, and of no use to anybody
			}
		}
	}()
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "keyfob-"); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(s.dir, filepath.Dir(logFile)), 0o700); err != nil {
		return nil, err
	}
	if s.store, err = bolt.Open(filepath.Join(s.dir, tableFile), clock.Now); err != nil {
		return nil, err
	}
	keys, err := keyfile.Open(s.dir)
	if err != nil {
		return nil, err
	}
	if s.Mailbox, err = mailbox.Open(filepath.Join(s.dir, mailFolder), clock.Now); err != nil {
		return nil, err
	}
	logs := o.verbose
	if logs == nil {
		f, err := os.OpenFile(filepath.Join(s.dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		w := newLineWriter(f)
		logs, s.logs = w, w
	}
	s.Server, err = local.Start(ctx, local.Config{
		Addr: o.addr, DataDir: s.dir, TemplatePath: o.template, Parameters: o.parameters, Store: s.store, Mailbox: s.Mailbox.Handler(), Clock: clock,
		Log:      slog.New(slog.NewJSONHandler(logs, nil)),
		Handlers: func(e local.Env) (map[string]lambda.Handler, error) { return handlers(e, s.Mailbox, keys, logs) },
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the service and then closes its files.
func (s *service) Close(ctx context.Context) error {
	return errors.Join(s.Server.Close(ctx), s.closeFiles())
}

func (s *service) closeFiles() error {
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	if s.logs != nil {
		err = errors.Join(err, s.logs.Close())
	}
	s.store, s.logs = nil, nil
	return err
}

// handlers makes every function's handler as its main in functions/ does, with this machine's table, mailbox and
// key ring in the place of AWS's.
func handlers(e local.Env, mails *mailbox.Mailbox, keys keyring.Ring, logs io.Writer) (map[string]lambda.Handler, error) {
	routes, err := routes(e.TemplatePath)
	if err != nil {
		return nil, err
	}
	hasher := password.NewHasher(hashesAtOnce)
	return functions.Handlers(func(code string) (api.Config, error) {
		set, err := settings.Read(e.Getenv(code))
		if err != nil {
			return api.Config{}, err
		}
		return api.Config{
			Table: e.Table, Sender: mails, Keys: keys, Hasher: hasher, Form: set.Form, Now: e.Now, Log: set.Logger(logs), Meter: set.Meter(logs, e.Now),
			Origin: set.Origin, URL: e.URL, Passkeys: passkey.Keys{},
		}, nil
	}, routes)
}

// routes reads the authorizer's routes, which are in its folder, beside the template.
func routes(template string) (authorizer.Routes, error) {
	path := filepath.Join(filepath.Dir(template), functions.Authorizer, "routes.yaml")
	data, err := os.ReadFile(path) //#nosec G304 -- beside the template that the operator names
	if err != nil {
		return nil, err
	}
	routes, err := authorizer.ParseRoutes(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return routes, nil
}
