package lambdahost

import (
	"fmt"
	"math/rand/v2"
)

// NewRequestID makes an invocation's id: a random UUID (RFC 9562). It identifies and does not protect.
func NewRequestID() string {
	a, b := rand.Uint64(), rand.Uint64() //#nosec G404 -- an id is not secret
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
