package authorizer

import (
	"github.com/go-json-experiment/json/jsontext"

	"keyfob/internal/authority"
)

// policy is the answer to a REST API, and to an HTTP API with payload format 1.0: an IAM policy about one method.
func policy(principal, effect, arn string, context []authority.Claim) []byte {
	b := make([]byte, 0, 1024)
	b = append(b, `{"principalId":`...)
	b = quote(b, principal)
	b = append(b, `,"policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":`...)
	b = quote(b, effect)
	b = append(b, `,"Resource":[`...)
	b = quote(b, arn)
	b = append(b, `]}]},"context":`...)
	return append(object(b, context), '}')
}

// simple is the answer to an HTTP API with payload format 2.0 and simple responses.
func simple(authorized bool, context []authority.Claim) []byte {
	b := make([]byte, 0, 512)
	if authorized {
		b = append(b, `{"isAuthorized":true,"context":`...)
	} else {
		b = append(b, `{"isAuthorized":false,"context":`...)
	}
	return append(object(b, context), '}')
}

func object(b []byte, members []authority.Claim) []byte {
	for i, m := range members {
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = quote(b, m.Name)
		b = append(b, ':')
		b = quote(b, m.Value)
	}
	return append(b, '}')
}

// quote appends a JSON string. What is not UTF-8 in it becomes the replacement character.
func quote(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // its error only says that something was replaced
	return b
}
