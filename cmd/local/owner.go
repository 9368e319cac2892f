package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keyfob/internal/table"
	"keyfob/internal/table/key"
	"keyfob/internal/token"
)

// ownerFile remembers whose account the data folder was begun with. It holds no password.
const ownerFile = "owner.json"

// defaultEmail is the owner where none is named.
const defaultEmail = "owner@example.com"

// An owner is who may log in, as far as this start knows.
type owner struct {
	Email    string `json:"email"`
	password string // empty where the account was there before
}

// splitOwner parts "email:password"; the password may be missing, and may have a colon.
func splitOwner(s string) (email, password string) {
	email, password, _ = strings.Cut(s, ":")
	return email, password
}

// owner makes the account's owner, unless there is one: by that e-mail, or, where none was given, by any.
func (s *service) owner(ctx context.Context, o options) (owner, error) {
	path := filepath.Join(s.dir, ownerFile)
	if o.email == "" {
		data, err := os.ReadFile(path) //#nosec G304 -- in the folder that the operator names
		switch {
		case err == nil:
			var who owner
			if err := json.Unmarshal(data, &who); err != nil {
				return owner{}, fmt.Errorf("%s: %w", path, err)
			}
			return who, nil
		case !errors.Is(err, fs.ErrNotExist):
			return owner{}, err
		}
		o.email = defaultEmail
	}
	page, err := s.store.Query(ctx, table.Query{PK: key.Login{Email: o.email}.Key().PK, Limit: 1})
	if err != nil {
		return owner{}, err
	}
	if len(page.Items) > 0 {
		return owner{Email: o.email}, nil
	}
	who, err := s.createAccount(ctx, o)
	if err != nil {
		return owner{}, fmt.Errorf("-owner: %w", err)
	}
	data, err := json.Marshal(who)
	if err != nil {
		return owner{}, err
	}
	return who, os.WriteFile(path, append(data, '\n'), 0o600)
}

// createAccount has the operator function do it, as an operator would on AWS, but with a password: nobody reads the mail
// that would invite the owner. Where none was given, one is made up here.
func (s *service) createAccount(ctx context.Context, o options) (owner, error) {
	var ask struct {
		Command string `json:"command"`
		Account struct {
			Name string `json:"name"`
		} `json:"account"`
		Owner struct {
			Email    string `json:"email"`
			Password string `json:"password"`
		} `json:"owner"`
	}
	if o.password == "" {
		o.password = token.NewName("") + token.NewName("")
	}
	ask.Command, ask.Account.Name = "account.create", "Local"
	ask.Owner.Email, ask.Owner.Password = o.email, o.password
	payload, err := json.Marshal(ask)
	if err != nil {
		return owner{}, err
	}
	data, err := s.Invoke(ctx, "functions/operator", payload)
	if err != nil {
		return owner{}, err
	}
	var answer struct {
		Owner *struct {
			Email string `json:"email"`
		} `json:"owner"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return owner{}, err
	}
	if answer.Owner == nil {
		return owner{}, errors.New(answer.Message)
	}
	return owner{Email: answer.Owner.Email, password: o.password}, nil
}
