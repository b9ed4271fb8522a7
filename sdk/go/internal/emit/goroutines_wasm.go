// How many goroutines there are, in a component.

package emit

import "runtime"

func goroutines() int {
	return runtime.NumGoroutine()
}
