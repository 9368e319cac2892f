package openapitest

import (
	"errors"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// explain says where a value is not as its schema says, in a line. The value itself may be a secret.
func explain(err *openapi3.SchemaError) string {
	var reasons, misplaced []string
	for _, leaf := range leaves(err) {
		at := "/" + strings.Join(leaf.JSONPointer(), "/")
		switch {
		case leaf.SchemaField == "":
			misplaced = append(misplaced, at+": it has no place here")
		case leaf.SchemaField == "required" || strings.HasSuffix(leaf.SchemaField, "Properties"):
			// These name members, which are no secret.
			_, reason, _ := strings.Cut(leaf.Reason, "': ")
			reasons = append(reasons, at+": "+reason)
		default:
			reasons = append(reasons, at+": not as "+leaf.SchemaField+" says")
		}
	}
	if len(reasons) == 0 {
		// Of an object that is put together, no member counts as described as long as one of them is wrong.
		reasons = misplaced
	}
	return strings.Join(reasons, "; ")
}

// leaves gives the errors that have no further ones below them.
func leaves(err error) []*openapi3.SchemaError {
	if all, ok := errors.AsType[openapi3.MultiError](err); ok {
		var found []*openapi3.SchemaError
		for _, one := range all {
			found = append(found, leaves(one)...)
		}
		return found
	}
	one, ok := errors.AsType[*openapi3.SchemaError](err)
	if !ok {
		return nil
	}
	if below := leaves(one.Origin); len(below) > 0 {
		return below
	}
	return []*openapi3.SchemaError{one}
}

// credentials matches what is, or could be, a credential.
var credentials = regexp.MustCompile(`[a-z]{2,8}_[a-z][a-z0-9]{1,15}_[0-9A-Za-z]{65}`)

func redact(err error) string { return credentials.ReplaceAllString(err.Error(), "[redacted]") }
