// Operators on whole columns.

package transform

import (
	"reflect"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/emit"
)

// NewColumns makes an operator of a function that is called once per batch, for speed. In is a struct of slices, one per column that is
// read; they are views of the host's bytes where Go has values as the column does. Out is a weir.ColumnEmitter, or a struct of them. A row
// with a null where there is no place for that is refused, whatever is emitted for it. An error, or a panic, fails the batch, and the host
// looks for the rows that make it fail.
func NewColumns[C, In, Out any](process func(config *C, rows int, columns In, out *Out) error) *Operator {
	return Of(FromColumns("", process))
}

// FromColumns is From for a function on columns.
func FromColumns[C, In, Out any](name string, process func(config *C, rows int, columns In, out *Out) error) Input {
	connect := func(configured, out any, rows *column.Rows, call *emit.Call) func(*wire.Batch) error {
		config, to := configured.(*C), out.(*Out)
		return func(batch *wire.Batch) error {
			var columns In
			rows.ReadSlices(batch, unsafe.Pointer(&columns), call.Refuse)
			call.BeginColumns()
			defer call.Close()
			return process(config, int(batch.Rows), columns, to)
		}
	}
	return Input{name, reflect.TypeFor[C](), reflect.TypeFor[Out](), reflect.TypeFor[In](), column.Slices, connect}
}
