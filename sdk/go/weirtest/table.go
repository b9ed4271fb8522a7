// Rows in columns.

package weirtest

import (
	"reflect"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
)

// table is rows in columns.
type table struct {
	schema column.Schema
	nodes  []wire.Node
	rows   int
	times  []int64
	kinds  []byte
}

// tableOf makes a table of rows.
func tableOf[T any](rows []T) (*table, error) {
	row, err := column.RowOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	t := &table{schema: column.SchemaOf(row.Schema()), rows: len(rows), times: make([]int64, len(rows))}
	columns := column.NewColumns(row)
	for i := range rows {
		base := unsafe.Pointer(&rows[i])
		if reason := column.Misfit(row.Fields, base); reason != "" {
			return nil, failure(reason)
		}
		columns.Append(base, 0, 1)
		if row.EventTime >= 0 {
			t.times[i] = *(*int64)(unsafe.Add(base, row.EventTime))
		}
		if row.RowKind >= 0 {
			t.kinds = append(t.kinds, *(*byte)(unsafe.Add(base, row.RowKind)))
		}
	}
	t.nodes = columns.Nodes()
	return t, nil
}

type failure string

func (f failure) Error() string {
	return string(f)
}

// fields gives the schema as nodes in pre-order.
func (t *table) fields() []wire.Field {
	var all []wire.Field
	for _, one := range t.schema {
		all = append(all, one...)
	}
	return all
}

// column gives the nodes of a column.
func (t *table) column(index int) []wire.Node {
	start := 0
	for _, one := range t.schema[:index] {
		start += len(one)
	}
	return t.nodes[start : start+len(t.schema[index])]
}

// batch gives the columns that an operator reads.
func (t *table) batch(reads []uint32, times bool) wire.Batch {
	batch := wire.Batch{Rows: uint32(t.rows), RowKinds: t.kinds}
	for _, index := range reads {
		batch.Columns = append(batch.Columns, t.column(int(index))...)
	}
	if times {
		batch.EventTimes = column.Bytes(t.times)
	}
	return batch
}

// all gives the indices of all columns.
func (t *table) all() []int {
	indices := make([]int, len(t.schema))
	for i := range indices {
		indices[i] = i
	}
	return indices
}

// take copies rows, and of those only some columns; a negative row is null.
func (t *table) take(columns []int, rows []int) *table {
	taken := &table{rows: len(rows)}
	for _, index := range columns {
		copied := newCopier(t.schema[index])
		for _, row := range rows {
			copied.add(t.column(index), row)
		}
		taken.schema, taken.nodes = append(taken.schema, t.schema[index]), copied.finish(taken.nodes)
	}
	for _, row := range rows {
		taken.times = append(taken.times, t.times[row])
	}
	return taken
}

// read reads rows, with columns by name.
func read[T any](t *table) ([]T, error) {
	row, err := column.RowOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	rows, err := column.All(t.schema).WantByName(row, true)
	if err != nil {
		return nil, err
	}
	all := make([]T, t.rows)
	if t.rows == 0 {
		return all, nil
	}
	batch := wire.Batch{Rows: uint32(t.rows), Columns: t.nodes, EventTimes: column.Bytes(t.times), RowKinds: t.kinds}
	rows.Read(&batch, 0, t.rows, unsafe.Pointer(&all[0]), unsafe.Sizeof(all[0]), func(_ int, reason string) {
		err = failure(reason)
	})
	for i := range all {
		column.Unshare(row.Fields, unsafe.Pointer(&all[i]))
	}
	return all, err
}
