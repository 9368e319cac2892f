package soak

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambda"
)

// attention is what is known of the work of consumers and senders. Whoever moves the clock by much does so while none of them is at it: a
// claim of a delivery then never ends under the hands of who has it.
type attention struct {
	work  sync.RWMutex // held for reading by each invocation of a consumer
	stuck atomic.Bool  // the mails' last batch failed, so that the stream waits before it brings it again
}

// attend wraps a consumer or a sender so that its work is known of.
func (a *attention) attend(code string, h lambda.Handler) lambda.Handler {
	return &attended{h, code, a}
}

type attended struct {
	lambda.Handler
	code string
	all  *attention
}

func (h *attended) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	h.all.work.RLock()
	failed := true // also where it does not return
	defer func() {
		if h.code == "functions/notify" {
			h.all.stuck.Store(failed)
		}
		h.all.work.RUnlock()
	}()
	answer, err = h.Handler.Invoke(ctx, payload)
	failed = err != nil || !bytes.Contains(answer, []byte(`"batchItemFailures":[]`))
	return answer, err
}
