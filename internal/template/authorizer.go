package template

import (
	"regexp"
	"time"
)

// An Authorizer is a Lambda authorizer of the API.
type Authorizer struct {
	Name       string
	Function   string // logical id
	Type       string // TOKEN or REQUEST
	TTL        time.Duration
	Identity   []Identity     // for REQUEST: what has to be there, and what a cached answer goes by
	Header     string         // for TOKEN: the header that carries the credential
	Validation *regexp.Regexp // for TOKEN: what the whole header has to match; nil for anything
}

// An Identity is one identity source.
type Identity struct {
	In   string // header, querystring, stageVariables or context
	Name string
}

func (a *API) readAuthorizers(t *Template, auth object) {
	auth.only("DefaultAuthorizer", "Authorizers", "AddDefaultAuthorizerToCorsPreflight")
	a.Authorizers = make(map[string]Authorizer)
	all := auth.object("Authorizers")
	for _, name := range all.keys() {
		a.Authorizers[name] = readAuthorizer(t, name, all.object(name))
	}
	a.DefaultAuthorizer = auth.text("DefaultAuthorizer")
	if _, ok := a.Authorizers[a.DefaultAuthorizer]; !ok && a.DefaultAuthorizer != "" {
		auth.fail("DefaultAuthorizer", "the API has no authorizer "+a.DefaultAuthorizer)
	}
}

func readAuthorizer(t *Template, name string, o object) Authorizer {
	o.only("FunctionArn", "FunctionPayloadType", "FunctionInvokeRole", "DisableFunctionDefaultPermissions", "Identity")
	a := Authorizer{Name: name, Function: logicalID(o.need("FunctionArn")), Type: or(o.text("FunctionPayloadType"), "TOKEN")}
	if _, ok := t.Function(a.Function); !ok {
		o.fail("FunctionArn", "it is not the ARN of a function in the template")
	}
	id := o.object("Identity")
	a.TTL = time.Duration(id.number("ReauthorizeEvery", 300, 0, 3600)) * time.Second
	switch a.Type {
	case "TOKEN":
		id.only("Header", "ReauthorizeEvery", "ValidationExpression")
		a.Header = or(id.text("Header"), "Authorization")
		if expr := id.text("ValidationExpression"); expr != "" {
			re, err := regexp.Compile("^(?:" + expr + ")$")
			if err != nil {
				id.fail("ValidationExpression", "it is not an expression that can be used here")
			}
			a.Validation = re
		}
	case "REQUEST":
		id.only("Headers", "QueryStrings", "StageVariables", "Context", "ReauthorizeEvery")
		for _, source := range []struct{ key, in string }{
			{"Headers", "header"}, {"QueryStrings", "querystring"}, {"StageVariables", "stageVariables"}, {"Context", "context"},
		} {
			for _, name := range id.texts(source.key) {
				a.Identity = append(a.Identity, Identity{In: source.in, Name: name})
			}
		}
		if a.TTL > 0 && len(a.Identity) == 0 {
			id.fail("ReauthorizeEvery", "an authorizer without identity sources cannot be cached; it has to be 0")
		}
	default:
		o.fail("FunctionPayloadType", "it is neither TOKEN nor REQUEST")
	}
	return a
}
