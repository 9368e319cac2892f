package gateway

import (
	"errors"

	"keyfob/internal/fault"
)

// OnPage is an error that is told on a page, to somebody who has a browser before them, and not as a problem. The answer has
// the status of the error's kind.
type OnPage struct {
	Err  error
	Page func(*fault.Error) Response // of what may be told of the error
}

// Error gives the error's text, for logs.
func (p *OnPage) Error() string { return p.Err.Error() }

// Unwrap gives the error.
func (p *OnPage) Unwrap() error { return p.Err }

// answer gives the page in the place of the problem that there would be.
func (p *OnPage) answer(problem Response, err error) Response {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind == fault.Internal {
		e = fault.New(fault.Internal, "internal", "Something went wrong here. Try again later.")
	}
	page := p.Page(e)
	page.Status = problem.Status
	if after := problem.Headers["Retry-After"]; after != "" {
		page.Headers["Retry-After"] = after
	}
	return page
}
