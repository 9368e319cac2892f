package runtimeapi

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// processTime reads the processor-time clock of another process, to the nanosecond; /proc counts in hundredths of a
// second. The clock's id is made of the process's as clock_getcpuclockid(3) does.
func processTime(pid int) (time.Duration, error) {
	const cpuclockSched = 2
	var ts unix.Timespec
	//#nosec G115 -- a process id has 22 bits
	clock := int32(^pid<<3 | cpuclockSched)
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("runtimeapi: processor time of the function: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}
