// How many goroutines there are, in a component, and the end of one with too many.

package emit

import (
	"runtime"
	"syscall"

	"weir/internal/host"
)

func goroutines() int {
	return runtime.NumGoroutine()
}

// end ends the instance: the last line of the log is part of the reason.
func end(reason string) {
	host.Log(4, reason)
	syscall.Exit(1)
}
