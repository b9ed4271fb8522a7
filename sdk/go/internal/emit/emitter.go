// Package emit collects what an operator emits and refuses during a call, and makes the delta of it.
package emit

import (
	"reflect"
	"unsafe"
)

// Emitter takes the rows of one output.
type Emitter[T any] struct {
	rows []T
	out  *Output
}

// Emit emits a row. It comes from the row (or timer) that is being processed: kept columns are those of that row.
func (e *Emitter[T]) Emit(row T) {
	e.rows = append(e.rows, row)
	e.out.sources = append(e.out.sources, e.out.call.row)
}

// Sink is an Emitter, whatever its rows are.
type Sink interface {
	rowType() reflect.Type
	attach(*Output)
	// pending gives the rows that are not written yet.
	pending() (base unsafe.Pointer, n int)
	// keep forgets all but the first of them.
	keep(n int)
}

func (e *Emitter[T]) rowType() reflect.Type {
	return reflect.TypeFor[T]()
}

func (e *Emitter[T]) attach(out *Output) {
	e.out = out
}

func (e *Emitter[T]) pending() (unsafe.Pointer, int) {
	return unsafe.Pointer(unsafe.SliceData(e.rows)), len(e.rows)
}

func (e *Emitter[T]) keep(n int) {
	e.rows = e.rows[:n]
}
