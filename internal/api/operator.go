package api

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
)

// Operator is the function that the deployment's operators call with their IAM identity. It has no route. It
// implements lambda.Handler.
func Operator(c Config) *Operations {
	return &Operations{c.Log, map[string]command{
		"account.create":  createAccount(c),
		"account.license": licenseAccount(c),
		"account.suspend": suspendAccount(c),
		"account.resume":  resumeAccount(c),
		"account.policy":  accountPolicy(c),
		"mail.resume":     resumeMail(c),
		"user.create":     createUser(c),
		"user.link":       linkUser(c),
		"user.factors":    resetFactors(c),
		"tokens.import":   importTokens(c),
		"leaks.keys":      leakKeys(c),
	}}
}

// A command carries out one of the operator's commands: the payload without its name.
type command func(ctx context.Context, payload []byte, from audit.Origin) (any, error)

// Operations carries out the operator's commands.
type Operations struct {
	log      *slog.Logger
	commands map[string]command
}

// operatorRefusal says why nothing was done.
type operatorRefusal struct {
	Message string          `json:"message,omitzero"`
	Errors  []operatorError `json:"errors,omitzero"`
}

type operatorError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Invoke carries out one command: a JSON object whose member command names it. What is wrong with the command is told
// in the answer; an error, which Lambda reports as the function's failure, says that it could not be carried out and
// may be tried again.
func (o *Operations) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	name, answer, err := o.run(ctx, payload)
	outcome := "ok"
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Unavailable && e.Kind != fault.Internal {
		outcome, err = "refused", nil
		refusal := operatorRefusal{Message: e.Message}
		for _, f := range e.Fields {
			refusal.Errors = append(refusal.Errors, operatorError{f.Name, f.Code, f.Message})
		}
		answer = refusal
	}
	if err != nil {
		o.log.LogAttrs(ctx, slog.LevelError, "operator", slog.String("command", name), slog.String("outcome", "failed"), slog.String("error", err.Error()))
		return nil, errors.New("the command could not be carried out; try again")
	}
	o.log.LogAttrs(ctx, slog.LevelInfo, "operator", slog.String("command", name), slog.String("outcome", outcome))
	return json.Marshal(answer)
}

// run gives the name of the command where it is one that there is.
func (o *Operations) run(ctx context.Context, payload []byte) (name string, answer any, err error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(payload, &members); err != nil {
		return "", nil, fault.Bad("command", "malformed", "The command is not a JSON object of the documented form.")
	}
	_ = json.Unmarshal(members["command"], &name) // what is no text is no command
	run, ok := o.commands[name]
	if !ok {
		names := slices.Sorted(maps.Keys(o.commands))
		return "", nil, fault.Bad("command", "unknown_value", "command is one of "+strings.Join(names, ", ")+".")
	}
	delete(members, "command")
	rest, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return name, nil, err
	}
	var from audit.Origin
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		from.RequestID = lc.AwsRequestID
	}
	answer, err = run(ctx, rest, from)
	return name, answer, err
}
