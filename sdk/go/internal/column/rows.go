// All columns of a row at once: which of a call they are, reading and writing them.

package column

import (
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
)

// Reads collects the columns of one input that a call brings in, each once.
type Reads struct {
	Schema  Schema
	Indices []uint32
	// start of each column among the nodes of a call.
	starts []int
	nodes  int
}

// Rows reads rows: some columns of a call, into a struct.
type Rows struct {
	Row     *Row
	readers []*Reader
	// starts of their columns; negative: it is not there, and null.
	starts []int
}

// All makes Reads of all columns.
func All(schema Schema) *Reads {
	reads := &Reads{Schema: schema}
	for i := range schema {
		reads.add(i)
	}
	return reads
}

// Want finds the columns of a row. `columnOf` says which column a field is read from.
func (r *Reads) Want(row *Row, columnOf func(field string) string) (*Rows, error) {
	rows := &Rows{Row: row}
	for _, field := range row.Fields {
		reader, index, err := Bind(field, columnOf(field.Name), r.Schema)
		if err != nil {
			return nil, err
		}
		rows.readers, rows.starts = append(rows.readers, reader), append(rows.starts, r.add(index))
	}
	return rows, nil
}

// WantByName is Want for what another version of the row has written: an optional column may be missing, if mayMiss.
func (r *Reads) WantByName(row *Row, mayMiss bool) (*Rows, error) {
	rows := &Rows{Row: row}
	for _, field := range row.Fields {
		start := -1
		var reader *Reader
		if index := r.Schema.Index(field.Name); index >= 0 || !field.Type.Optional || !mayMiss {
			var err error
			if reader, index, err = Bind(field, field.Name, r.Schema); err != nil {
				return nil, err
			}
			start = r.starts[index]
		}
		rows.readers, rows.starts = append(rows.readers, reader), append(rows.starts, start)
	}
	return rows, nil
}

// RowsOf reads what writers of the same row have written.
func RowsOf(row *Row) *Rows {
	rows, err := All(SchemaOf(row.Schema())).Want(row, func(field string) string { return field })
	if err != nil {
		panic(err)
	}
	return rows
}

func (r *Reads) add(index int) int {
	for i, known := range r.Indices {
		if int(known) == index {
			return r.starts[i]
		}
	}
	start := r.nodes
	r.Indices, r.starts = append(r.Indices, uint32(index)), append(r.starts, start)
	r.nodes += len(r.Schema[index])
	return start
}

// Read reads n rows, from row `from`, into an array at base whose entries are stride bytes apart.
func (r *Rows) Read(batch *wire.Batch, from, n int, base unsafe.Pointer, stride uintptr, fail Fail) {
	for i, reader := range r.readers {
		if r.starts[i] >= 0 {
			reader.Read(batch.Columns[r.starts[i]:], from, n, base, stride, fail)
		}
	}
	if at := r.Row.EventTime; at >= 0 && n > 0 {
		spread(View[int64](batch.EventTimes, from+n)[from:], unsafe.Add(base, at), stride)
	}
	if at := r.Row.RowKind; at >= 0 && n > 0 {
		if len(batch.RowKinds) > 0 {
			spread(batch.RowKinds[from:from+n], unsafe.Add(base, at), stride)
		} else {
			fill(uint8(0), n, unsafe.Add(base, at), stride)
		}
	}
}

// ReadSlices reads all rows into a struct of slices at base.
func (r *Rows) ReadSlices(batch *wire.Batch, base unsafe.Pointer, fail Fail) {
	n := int(batch.Rows)
	for i, reader := range r.readers {
		values := reader.items(batch.Columns[r.starts[i]:], 0, n, fail)
		*(*slice)(unsafe.Add(base, reader.offset)) = slice{values, n, n}
	}
	if at := r.Row.EventTime; at >= 0 {
		*(*[]int64)(unsafe.Add(base, at)) = View[int64](batch.EventTimes, n)
	}
	if at := r.Row.RowKind; at >= 0 {
		kinds := batch.RowKinds
		if len(kinds) == 0 {
			kinds = make([]byte, n)
		}
		*(*[]byte)(unsafe.Add(base, at)) = kinds
	}
}

// Slice gives the slice of a field of a struct of slices: where its values are, how many, and how many bytes each has.
func Slice(base unsafe.Pointer, field Field) (values unsafe.Pointer, n int, size uintptr) {
	of := (*slice)(unsafe.Add(base, field.Offset))
	return of.data, of.len, field.Type.Go.Size()
}

// Columns writes rows.
type Columns struct {
	Row     *Row
	Writers []*Writer
}

// NewColumns makes writers of all columns of a row.
func NewColumns(row *Row) *Columns {
	c := &Columns{Row: row}
	for _, field := range row.Fields {
		c.Writers = append(c.Writers, NewWriter(field))
	}
	return c
}

// NewSlices makes writers of all columns of a struct of slices; each is given the values of its slice.
func NewSlices(row *Row) *Columns {
	c := &Columns{Row: row}
	for _, field := range row.Fields {
		c.Writers = append(c.Writers, NewWriter(Field{Type: field.Type}))
	}
	return c
}

// Reset begins new columns.
func (c *Columns) Reset() {
	for _, w := range c.Writers {
		w.Reset()
	}
}

// Append writes n rows at base that are stride bytes apart.
func (c *Columns) Append(base unsafe.Pointer, stride uintptr, n int) {
	for _, w := range c.Writers {
		w.Append(base, stride, n)
	}
}

// AppendNulls writes n rows of nulls.
func (c *Columns) AppendNulls(n int) {
	for _, w := range c.Writers {
		w.AppendNulls(n)
	}
}

// Nodes gives the nodes of all columns.
func (c *Columns) Nodes() []wire.Node {
	nodes := make([]wire.Node, 0, len(c.Writers))
	for _, w := range c.Writers {
		nodes = w.Nodes(nodes)
	}
	return nodes
}
