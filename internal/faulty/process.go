package faulty

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambda"

	"keyfob/internal/fault"
)

// A Process is one life of the process that runs the service. When it dies, no call of it returns any more to who made it,
// and none has an effect that was not there already. Whoever drives then closes what is left of it and starts another.
type Process struct {
	dead chan struct{}
	once sync.Once
}

// NewProcess begins a life.
func NewProcess() *Process { return &Process{dead: make(chan struct{})} }

// Kill ends it.
func (p *Process) Kill() { p.once.Do(func() { close(p.dead) }) }

// Dead gives a channel that is closed when it has died.
func (p *Process) Dead() <-chan struct{} { return p.dead }

func (p *Process) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// ErrDead is what becomes of a call whose caller is no more. No caller sees it, but who watches calls does.
var ErrDead = errors.New("faulty: the caller has died")

// A life is one invocation's. An invocation that has died gets no further answer, in none of its goroutines.
type life struct{ ended atomic.Bool }

type lifeKey struct{}

// Mortal wraps a function's handler so that its calls can be the end of an invocation.
func Mortal(h lambda.Handler) lambda.Handler { return mortal{h} }

type mortal struct{ lambda.Handler }

func (m mortal) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return m.Handler.Invoke(context.WithValue(ctx, lifeKey{}, new(life)), payload)
}

// die ends the invocation that ctx belongs to: its goroutine ends here, as it would with the machine that it runs on.
func die(ctx context.Context) {
	if l, ok := ctx.Value(lifeKey{}).(*life); ok {
		l.ended.Store(true)
	}
	runtime.Goexit()
}

// alive ends the goroutine where the process or the invocation has died, and tells told first.
func (p *Process) alive(ctx context.Context, told func(error)) {
	l, ok := ctx.Value(lifeKey{}).(*life)
	if p.isDead() || ok && l.ended.Load() {
		told(ErrDead)
		runtime.Goexit()
	}
}

// mortalCall reports whether the caller can be made to die: it runs in an invocation.
func mortalCall(ctx context.Context) bool {
	_, ok := ctx.Value(lifeKey{}).(*life)
	return ok
}

// hang waits until the caller's time is up, or its process has died.
func (p *Process) hang(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fault.Retry(ctx.Err())
	case <-p.dead:
		return fault.Retry(ErrDead)
	}
}
