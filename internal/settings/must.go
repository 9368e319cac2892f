package settings

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"keyfob/internal/logging"
	"keyfob/internal/metric"
)

// Must gives v, or ends the process with one line where there is an error. It is for a main's wiring: a function
// that is set up wrongly must not begin to answer.
func Must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return v
}

// Logger makes the function's logger.
func (s Settings) Logger(w io.Writer) *slog.Logger {
	return logging.New(w, s.LogLevel, s.Function, s.Form)
}

// Meter makes what the function's metrics are measured with: lines of its log, masked as all of them are. A deployment's
// table has the name of its stack.
func (s Settings) Meter(w io.Writer, now func() time.Time) *metric.Meter {
	return metric.New(logging.Masked(w, s.Form), s.Table, s.Function, now)
}
