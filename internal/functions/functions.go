// Package functions lists the functions that Keyfob is made of, by the folders that their mains are in, for whoever runs all
// of them in one process.
//
// It promises that each function is made as its own main in functions/ makes it, of the parts that the caller gives for
// it. Which table, mail service and key ring these are over is the caller's to choose.
//
// It runs nothing, and the functions themselves do not import it: each of them is linked with no more than it needs.
package functions

import (
	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/api"
	"keyfob/internal/authority"
	"keyfob/internal/authorizer"
)

// Authorizer is the CodeUri of the authorizer.
const Authorizer = "authorizer"

// makers are those of all functions but the authorizer, by CodeUri.
var makers = map[string]func(api.Config) lambda.Handler{
	"functions/login":       func(c api.Config) lambda.Handler { return api.Login(c) },
	"functions/logout":      func(c api.Config) lambda.Handler { return api.Logout(c) },
	"functions/unlock":      func(c api.Config) lambda.Handler { return api.Unlock(c) },
	"functions/password":    func(c api.Config) lambda.Handler { return api.Password(c) },
	"functions/factors":     func(c api.Config) lambda.Handler { return api.Factors(c) },
	"functions/sessions":    func(c api.Config) lambda.Handler { return api.Sessions(c) },
	"functions/createtoken": func(c api.Config) lambda.Handler { return api.CreateToken(c) },
	"functions/edittoken":   func(c api.Config) lambda.Handler { return api.EditToken(c) },
	"functions/rotatetoken": func(c api.Config) lambda.Handler { return api.RotateToken(c) },
	"functions/revealtoken": func(c api.Config) lambda.Handler { return api.RevealToken(c) },
	"functions/listtokens":  func(c api.Config) lambda.Handler { return api.ListTokens(c) },
	"functions/tokeninfo":   func(c api.Config) lambda.Handler { return api.TokenInfo(c) },
	"functions/revoke":      func(c api.Config) lambda.Handler { return api.Revoke(c) },
	"functions/leaks":       func(c api.Config) lambda.Handler { return api.Leaks(c) },
	"functions/resources":   func(c api.Config) lambda.Handler { return api.Resources(c) },
	"functions/run":         func(c api.Config) lambda.Handler { return api.Run(c) },
	"functions/search":      func(c api.Config) lambda.Handler { return api.Search(c) },
	"functions/audit":       func(c api.Config) lambda.Handler { return api.Audit(c) },
	"functions/upkeep":      func(c api.Config) lambda.Handler { return api.Upkeep(c) },
	"functions/feedback":    func(c api.Config) lambda.Handler { return api.Feedback(c) },
	"functions/notify":      func(c api.Config) lambda.Handler { return api.Notify(c) },
	"functions/sweep":       func(c api.Config) lambda.Handler { return api.Sweep(c) },
	"functions/account":     func(c api.Config) lambda.Handler { return api.Account(c) },
	"functions/dashboard":   func(c api.Config) lambda.Handler { return api.Dashboard(c) },
	"functions/operator":    func(c api.Config) lambda.Handler { return api.Operator(c) },
}

// Handlers makes the handlers of all functions, by CodeUri, each of the parts that config gives for it. The error is
// config's first.
func Handlers(config func(codeURI string) (api.Config, error), routes authorizer.Routes) (map[string]lambda.Handler, error) {
	all := make(map[string]lambda.Handler, len(makers)+1)
	for code, make := range makers {
		c, err := config(code)
		if err != nil {
			return nil, err
		}
		all[code] = make(c)
	}
	c, err := config(Authorizer)
	if err != nil {
		return nil, err
	}
	all[Authorizer] = authorizer.New(authorizer.Config{
		Authority: &authority.Authority{Table: c.Table, Now: c.Now, Form: c.Form}, Routes: routes, Log: c.Log, Meter: c.Meter,
	})
	return all, nil
}
