// Memory for what is passed to the host.

package wit

import "unsafe"

// Pinner keeps what was passed to the host, or is about to be, from being collected. Go's heap does not move, so a reference is enough.
type Pinner struct {
	kept []any
}

// Pin keeps what a pointer points to.
func (p *Pinner) Pin(pointer any) {
	p.kept = append(p.kept, pointer)
}

// Unpin forgets all of it.
func (p *Pinner) Unpin() {
	clear(p.kept)
	p.kept = p.kept[:0]
}

// Allocate gives memory that lives as long as it is pinned. The contract has no alignment above 8.
func Allocate(pinner *Pinner, size, _ uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&nothing)
	}
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(memory)
	return memory
}

// What pointers to nothing point to: the Go runtime does not take any pointer.
var nothing uint64
