package main

import (
	"bufio"
	"errors"
	"io"
	"sync"
	"time"
)

// flushEvery is how long a line may wait before it is written.
const flushEvery = 100 * time.Millisecond

// A lineWriter gathers lines, so that a request does not pay for a write of its own. CloudWatch, whose place it has,
// gets them late too.
type lineWriter struct {
	mu    sync.Mutex
	to    io.WriteCloser
	buf   *bufio.Writer
	timer *time.Timer // runs while there is something to write
}

func newLineWriter(to io.WriteCloser) *lineWriter {
	w := &lineWriter{to: to, buf: bufio.NewWriterSize(to, 64<<10)}
	w.timer = time.AfterFunc(time.Hour, w.flush)
	w.timer.Stop()
	return w
}

// Write takes a line.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf.Buffered() == 0 {
		w.timer.Reset(flushEvery)
	}
	return w.buf.Write(p)
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.buf.Flush() // the error stays, and Close gives it
}

// Close writes what is left and closes the file.
func (w *lineWriter) Close() error {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.buf.Flush(), w.to.Close())
}
