// Emitting whole columns.

package emit

import (
	"reflect"
	"slices"
	"strconv"
	"unsafe"

	"weir/internal/column"
)

// ColumnEmitter takes the columns of one output. T is a struct of slices.
type ColumnEmitter[T any] struct {
	chunks []chunk[T]
	call   *Call
	row    *column.Row
}

// chunk is columns that were emitted, and the rows of the call that their rows come from.
type chunk[T any] struct {
	columns T
	sources []uint32
}

// Emit emits one row for each row of the call. The slices are copied.
func (e *ColumnEmitter[T]) Emit(columns T) {
	e.add(columns, inOrder(e.call.rows))
}

// EmitRows emits rows that come from these rows of the call: kept columns are those of them.
func (e *ColumnEmitter[T]) EmitRows(rows []uint32, columns T) {
	if len(rows) > 0 && int(slices.Max(rows)) >= e.call.rows {
		panic("row " + strconv.Itoa(int(slices.Max(rows))) + " was emitted in a call with " + strconv.Itoa(e.call.rows))
	}
	e.add(columns, slices.Clone(rows))
}

func (e *ColumnEmitter[T]) add(columns T, sources []uint32) {
	if e.call.row == closed {
		panic(late)
	}
	e.chunks = append(e.chunks, chunk[T]{columns, sources})
	e.row.UnshareSlices(unsafe.Pointer(&e.chunks[len(e.chunks)-1].columns))
}

// Refuse refuses a row, whatever was or will be emitted for it.
func (e *ColumnEmitter[T]) Refuse(row int, err error) {
	if e.call.row == closed {
		panic(late)
	}
	e.call.Refuse(row, err.Error())
}

// IsRefused says whether a row is refused so far: by Refuse, or because it has a null where there is no place for that.
func (e *ColumnEmitter[T]) IsRefused(row int) bool {
	return e.call.IsRefused(row)
}

func (e *ColumnEmitter[T]) attach(call *Call) (*Output, error) {
	e.call = call
	row, err := column.Slices(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	e.row = row
	return &Output{sink: e, columns: column.NewSlices(row)}, nil
}

func (e *ColumnEmitter[T]) begin() {
	clear(e.chunks)
	e.chunks = e.chunks[:0]
}

// There are no pending rows: what is emitted for a row that is refused is left out when it is written.
func (e *ColumnEmitter[T]) rows() (unsafe.Pointer, int) {
	return nil, 0
}

func (e *ColumnEmitter[T]) keep(int) {}

func (e *ColumnEmitter[T]) check(call *Call, out *Output) {
	for i := range e.chunks {
		out.checkChunk(call, unsafe.Pointer(&e.chunks[i].columns), e.chunks[i].sources)
	}
}

func (e *ColumnEmitter[T]) write(call *Call, out *Output) {
	for i := range e.chunks {
		out.writeChunk(call, unsafe.Pointer(&e.chunks[i].columns), e.chunks[i].sources)
	}
	e.begin()
}

// checkChunk refuses rows whose values do not fit. Slices of another length are a mistake of the operator.
func (o *Output) checkChunk(call *Call, base unsafe.Pointer, sources []uint32) {
	rows := len(sources)
	row := o.columns.Row
	for _, field := range row.Fields {
		values, n, size := column.Slice(base, field)
		if n != rows {
			panic("output " + o.Name + " was given " + strconv.Itoa(n) + " values of column " + strconv.Quote(field.Name) + " for " + strconv.Itoa(rows) + " rows")
		}
		for i := 0; field.Type.Checked && i < n; i++ {
			if reason := field.Misfit(unsafe.Add(values, uintptr(i)*size)); reason != "" {
				call.Refuse(int(sources[i]), reason+" (output "+o.Name+")")
			}
		}
	}
	if at := row.EventTime; at >= 0 && len(*(*[]int64)(unsafe.Add(base, at))) != rows {
		panic("output " + o.Name + " was given another number of event times than rows")
	}
	if at := row.RowKind; at >= 0 {
		kinds := *(*[]byte)(unsafe.Add(base, at))
		if len(kinds) != rows {
			panic("output " + o.Name + " was given another number of kinds than rows")
		}
		for i, kind := range kinds {
			if kind > 3 {
				call.Refuse(int(sources[i]), "it was given a kind of rows that does not exist")
			}
		}
	}
}

// writeChunk writes the rows that are not refused, run by run.
func (o *Output) writeChunk(call *Call, base unsafe.Pointer, sources []uint32) {
	rows := len(sources)
	for from := 0; from < rows; {
		to := rows
		if len(call.rejected) > 0 {
			for to = from; to < rows && !call.IsRefused(int(sources[to])); {
				to++
			}
		}
		o.sources = append(o.sources, sources[from:to]...)
		for i, field := range o.columns.Row.Fields {
			values, _, size := column.Slice(base, field)
			o.columns.Writers[i].Append(unsafe.Add(values, uintptr(from)*size), size, to-from)
		}
		if at := o.columns.Row.EventTime; at >= 0 {
			o.times = append(o.times, (*(*[]int64)(unsafe.Add(base, at)))[from:to]...)
		}
		if at := o.columns.Row.RowKind; at >= 0 {
			o.kinds = append(o.kinds, (*(*[]byte)(unsafe.Add(base, at)))[from:to]...)
		}
		from = to + 1
	}
}
