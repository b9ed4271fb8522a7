package wit

import "unsafe"

// The host passes lists and strings into one block of memory per call, which is used again for the next call.
const (
	blockMin = 64 << 10
	// A larger block is given back behind the call.
	blockMax = 4 << 20
)

var arena struct {
	block []uint64
	used  int
	// Blocks that were too small for the call.
	full [][]uint64
	// Whether the call is over: nothing looks at the memory once the next call begins.
	over bool
}

// CallIsOver says that memory of this call may be used again once the host begins to pass the next one.
func CallIsOver() {
	arena.over = true
}

// Unpin is called by the bindings when the arguments of a call are read. They live on: the call has views of them.
func Unpin() {}

// allocate gives memory for what the host passes, aligned for any column.
func allocate(size uintptr) unsafe.Pointer {
	if arena.over {
		reset()
	}
	words := int((size + 7) / 8)
	if words == 0 {
		return unsafe.Pointer(&nothing)
	}
	if len(arena.block)-arena.used < words {
		if arena.block != nil {
			arena.full = append(arena.full, arena.block)
		}
		arena.block, arena.used = make([]uint64, max(words, min(2*len(arena.block), blockMax/8), blockMin/8)), 0
	}
	memory := unsafe.Pointer(&arena.block[arena.used])
	arena.used += words
	return memory
}

func reset() {
	clear(arena.full)
	arena.full, arena.used, arena.over = arena.full[:0], 0, false
	if len(arena.block) > blockMax/8 {
		arena.block = nil
	}
}
