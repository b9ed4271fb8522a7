// Package emit collects what an operator emits and refuses during a call, and makes the delta of it.
package emit

import (
	"reflect"
	"unsafe"

	"weir/internal/column"
)

// Emitter takes the rows of one output.
type Emitter[T any] struct {
	pending []pending[T]
	call    *Call
	// shared has the columns of a row if copies of it share memory.
	shared []column.Field
}

// pending is a row that is not written yet, and the row of the call that it comes from.
type pending[T any] struct {
	row    T
	source uint32
}

// Emit emits a row. It comes from the row (or timer) that is being processed: kept columns are those of that row. Slices of it are copied.
func (e *Emitter[T]) Emit(row T) {
	if e.call.row == closed {
		panic(late)
	}
	e.pending = append(e.pending, pending[T]{row, e.call.row})
	if e.shared != nil {
		column.Unshare(e.shared, unsafe.Pointer(&e.pending[len(e.pending)-1].row))
	}
}

// Sink is an Emitter or a ColumnEmitter, whatever its rows are.
type Sink interface {
	attach(*Call) (*Output, error)
	// begin forgets what an earlier call left.
	begin()
	// rows gives the rows that are pending.
	rows() (base unsafe.Pointer, n int)
	// keep forgets all but the first of them.
	keep(n int)
	// check refuses rows with what was emitted and does not fit.
	check(*Call, *Output)
	// write writes what was emitted into the columns of the output.
	write(*Call, *Output)
}

func (e *Emitter[T]) attach(call *Call) (*Output, error) {
	e.call = call
	row, err := column.RowOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	if row.HasLists() {
		e.shared = row.Fields
	}
	var one pending[T]
	return &Output{sink: e, columns: column.NewColumns(row), stride: unsafe.Sizeof(one), sourceAt: unsafe.Offsetof(one.source)}, nil
}

func (e *Emitter[T]) begin() {
	e.keep(0)
}

func (e *Emitter[T]) rows() (unsafe.Pointer, int) {
	return unsafe.Pointer(unsafe.SliceData(e.pending)), len(e.pending)
}

func (e *Emitter[T]) keep(n int) {
	e.pending = e.pending[:n]
}

// check has nothing to do: EndRow has looked at every row.
func (e *Emitter[T]) check(*Call, *Output) {}

func (e *Emitter[T]) write(_ *Call, out *Output) {
	out.append(e.rows())
	e.keep(0)
}
