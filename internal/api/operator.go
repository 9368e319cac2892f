package api

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"

	"keyfob/internal/audit"
	"keyfob/internal/fault"
	"keyfob/internal/operator"
)

// Operator is the function that the deployment's operators call with their IAM identity. It has no route. It
// implements lambda.Handler.
func Operator(c Config) *Operations {
	return &Operations{c.Log, &operator.Operator{Table: c.Table, Now: c.Now, Hasher: c.Hasher}}
}

// Operations carries out the operator's commands.
type Operations struct {
	log      *slog.Logger
	operator *operator.Operator
}

type operatorRequest struct {
	Command string `json:"command"`
	Account struct {
		Name string `json:"name"`
	} `json:"account"`
	Owner struct {
		Email    string `json:"email"`
		Name     string `json:"name"`
		Password string `json:"password"`
	} `json:"owner"`
}

// operatorAnswer says what was done, or in Errors why nothing was.
type operatorAnswer struct {
	Account *operatorAccount `json:"account,omitzero"`
	Owner   *operatorOwner   `json:"owner,omitzero"`
	Message string           `json:"message,omitzero"`
	Errors  []operatorError  `json:"errors,omitzero"`
}

type operatorAccount struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type operatorOwner struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Password string `json:"password,omitzero"` // only where it was made up here
}

type operatorError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Invoke carries out one command. What is wrong with the command is told in the answer; an error, which Lambda
// reports as the function's failure, says that it could not be carried out and may be tried again.
func (o *Operations) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	answer, err := o.run(ctx, payload)
	outcome := "ok"
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Unavailable && e.Kind != fault.Internal {
		outcome, err = "refused", nil
		answer = operatorAnswer{Message: e.Message}
		for _, f := range e.Fields {
			answer.Errors = append(answer.Errors, operatorError{f.Name, f.Code, f.Message})
		}
	}
	if err != nil {
		o.log.LogAttrs(ctx, slog.LevelError, "operator", slog.String("outcome", "failed"), slog.String("error", err.Error()))
		return nil, errors.New("the command could not be carried out; try again")
	}
	o.log.LogAttrs(ctx, slog.LevelInfo, "operator", slog.String("outcome", outcome))
	return json.Marshal(answer)
}

func (o *Operations) run(ctx context.Context, payload []byte) (operatorAnswer, error) {
	var r operatorRequest
	if err := json.Unmarshal(payload, &r, json.RejectUnknownMembers(true)); err != nil {
		return operatorAnswer{}, fault.Bad("command", "malformed", "The command is not a JSON object of the documented form.")
	}
	switch r.Command {
	case "account.create":
		return o.createAccount(ctx, r)
	}
	return operatorAnswer{}, fault.Bad("command", "unknown_value", "command is account.create.")
}

func (o *Operations) createAccount(ctx context.Context, r operatorRequest) (operatorAnswer, error) {
	var from audit.Origin
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		from.RequestID = lc.AwsRequestID
	}
	made, err := o.operator.CreateAccount(ctx, operator.NewAccount{
		Name: r.Account.Name, Email: r.Owner.Email, Owner: r.Owner.Name, Password: r.Owner.Password,
	}, from)
	if err != nil {
		return operatorAnswer{}, err
	}
	return operatorAnswer{
		Account: &operatorAccount{made.Account.ID, made.Account.Name},
		Owner:   &operatorOwner{made.Owner.ID, made.Owner.Email, made.Password},
	}, nil
}
