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

// Loop reads the rows of a call block by block, and calls a function for each that is not refused. An error or a panic refuses its
// row alone.
type Loop[T any] struct {
	Parts []Part
	// Step processes a row, by its index in the call.
	Step func(row int, entry *T) error
	// Done is told whether what the row did counts. It may be nil.
	Done  func(row int, counts bool)
	block []T
}

// Run processes all rows of a batch.
func (l *Loop[T]) Run(call *emit.Call, batch *wire.Batch) {
	if l.block == nil {
		l.block = make([]T, emit.Block)
	}
	rows := int(batch.Rows)
	for from := 0; from < rows; from += emit.Block {
		n := min(rows-from, emit.Block)
		for _, part := range l.Parts {
			base := unsafe.Add(unsafe.Pointer(unsafe.SliceData(l.block)), part.Offset)
			part.Rows.Read(batch, from, n, base, unsafe.Sizeof(l.block[0]), func(row int, reason string) {
				call.Refuse(from+row, reason)
			})
		}
		for i := 0; i < n; {
			i = l.steps(call, from, i, n)
		}
		call.Flush()
	}
}

// steps processes rows from i on, up to the first that panics. It gives the row behind it.
func (l *Loop[T]) steps(call *emit.Call, from, i, n int) (next int) {
	defer func() {
		if caught := recover(); caught != nil {
			call.Refuse(from+i, Panicked(caught))
			if l.Done != nil {
				l.Done(from+i, false)
			}
			next = i + 1
		}
	}()
	for ; i < n; i++ {
		row := from + i
		if call.IsRefused(row) {
			continue
		}
		call.BeginRow(row)
		err := l.Step(row, &l.block[i])
		if err != nil {
			call.Refuse(row, err.Error())
		}
		counts := err == nil && call.Accept()
		if l.Done != nil {
			l.Done(row, counts)
		}
	}
	return n
}
