// Processing rows one by one, each of which may fail.

package engine

import (
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/emit"
)

// Part is a struct in every entry of a block that is read from columns.
type Part struct {
	Rows   *column.Rows
	Offset uintptr
}

// Loop reads the rows of a call block by block, and has them processed. An error or a panic refuses its row alone.
type Loop[T any] struct {
	Parts []Part
	// Steps processes the rows of a block from At on; the first of the block is row From of the call. It counts At up, so that the
	// rows behind one that panics are processed too.
	Steps func(block []T)
	From  int
	At    int
	// Undo takes back what a row did that panicked. It may be nil.
	Undo func()
	// Lenient says that a panic refuses nothing: another pass will tell.
	Lenient bool
	block   []T
}

// Run processes all rows of a batch.
func (l *Loop[T]) Run(call *emit.Call, batch *wire.Batch) {
	if l.block == nil {
		l.block = make([]T, emit.Block)
	}
	rows := int(batch.Rows)
	for l.From = 0; l.From < rows; l.From += emit.Block {
		n := min(rows-l.From, emit.Block)
		for _, part := range l.Parts {
			base := unsafe.Add(unsafe.Pointer(unsafe.SliceData(l.block)), part.Offset)
			part.Rows.Read(batch, l.From, n, base, unsafe.Sizeof(l.block[0]), func(row int, reason string) {
				call.Refuse(l.From+row, reason)
			})
		}
		for l.At = 0; l.At < n; l.At++ {
			l.steps(call, l.block[:n])
		}
		call.Flush()
	}
}

// steps processes rows up to the first that panics.
func (l *Loop[T]) steps(call *emit.Call, block []T) {
	defer func() {
		if caught := recover(); caught != nil {
			defer call.Close()
			if l.Lenient {
				return
			}
			call.Refuse(l.From+l.At, Panicked(caught))
			if l.Undo != nil {
				l.Undo()
			}
		}
	}()
	l.Steps(block)
}
