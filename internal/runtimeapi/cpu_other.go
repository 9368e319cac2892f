//go:build !linux

package runtimeapi

import (
	"errors"
	"time"
)

// processTime is not to be had of a running process here. That of one that has ended is.
func processTime(int) (time.Duration, error) {
	return 0, errors.ErrUnsupported
}
