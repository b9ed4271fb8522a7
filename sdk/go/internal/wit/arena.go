// Memory for what the host passes.

package wit

import "unsafe"

// The host passes lists and strings into blocks of memory that are collected when nothing looks at them any more: an operator may keep
// a text of a row. A call begins a new block, as large as the last call needed.
const (
	blockMin = 4 << 10
	blockMax = 1 << 20
)

var arena struct {
	block []uint64
	used  int
	// Blocks that are full: the host has only addresses until the call begins.
	full [][]uint64
	// total is how many words the call has taken.
	total int
	// Whether the call is over: the next memory is for another one.
	over bool
}

// CallIsOver says that what the host passes next is for another call.
func CallIsOver() {
	arena.over = true
}

// Unpin is called by the bindings when the arguments of a call are read. Views of them keep their memory from then on.
func Unpin() {}

// allocate gives memory for what the host passes, aligned for any column.
func allocate(size uintptr) unsafe.Pointer {
	if arena.over {
		clear(arena.full)
		arena.full, arena.over = arena.full[:0], false
		begin(min(max(arena.total, blockMin/8), blockMax/8))
		arena.total = 0
	}
	words := int((size + 7) / 8)
	if words == 0 {
		return unsafe.Pointer(&nothing)
	}
	if len(arena.block)-arena.used < words {
		arena.full = append(arena.full, arena.block)
		begin(max(words, min(2*len(arena.block), blockMax/8), blockMin/8))
	}
	memory := unsafe.Pointer(&arena.block[arena.used])
	arena.used += words
	arena.total += words
	return memory
}

func begin(words int) {
	arena.block, arena.used = make([]uint64, words), 0
}
