// The function by which the host asks for memory.

package wit

import "unsafe"

// cabi_realloc gives the host memory for what it passes. The contract never makes a list longer.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	return allocate(size)
}
