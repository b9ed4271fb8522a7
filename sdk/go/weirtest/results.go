// Package weirtest runs operators natively, over rows, through the code that runs in the component: rows become columns, the
// operator gets those that it reads, and its delta is applied as the host applies it.
package weirtest

import (
	"reflect"
	"testing"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/config"
	"weir/internal/wit"
)

// Results are what an operator emitted, by output, and which rows it refused.
type Results struct {
	// Refused has the rows (or timers) that the operator refused, in order.
	Refused []Refused
	outputs map[string]*table
}

// Refused is a row that the operator refused: its index in the call, and why.
type Refused struct {
	Row    int
	Reason string
}

// Rows gives the rows of an output, with columns by name; the main output is "main".
func Rows[T any](t testing.TB, results *Results, output string) []T {
	t.Helper()
	table, found := results.outputs[output]
	if !found {
		t.Fatalf("there is no output %q", output)
	}
	rows, err := read[T](table)
	if err != nil {
		t.Fatalf("output %q: %v", output, err)
	}
	return rows
}

// Expect compares the rows of an output.
func Expect[T any](t testing.TB, results *Results, output string, expected ...T) {
	t.Helper()
	rows := Rows[T](t, results, output)
	for i := range min(len(rows), len(expected)) {
		if !reflect.DeepEqual(rows[i], expected[i]) {
			t.Errorf("output %q, row %d: expected %+v, got %+v", output, i, expected[i], rows[i])
		}
	}
	for i := len(rows); i < len(expected); i++ {
		t.Errorf("output %q, row %d: expected %+v, but there is none", output, i, expected[i])
	}
	for i := len(expected); i < len(rows); i++ {
		t.Errorf("output %q, row %d: not expected: %+v", output, i, rows[i])
	}
}

// Columns lists the columns of an output: "price: int64".
func (r *Results) Columns(output string) string {
	return r.outputs[output].schema.String()
}

// Configured gives the configuration that a pipeline's JSON makes.
func Configured[C any](json string) (*C, error) {
	made := new(C)
	return made, config.Decode(json, made)
}

// apply makes results of deltas, as the host does. from has, per input of the operator, its rows; nil for an input that they do not
// come from, whose columns are null.
func apply(plan *wire.Plan, deltas []wire.Delta, rejected []wire.RowFailure, from []*table, schemas []column.Schema, rows int, times []int64) *Results {
	results := &Results{outputs: map[string]*table{}}
	for _, one := range rejected {
		results.Refused = append(results.Refused, Refused{int(one.Row), string([]byte(one.Reason))})
	}
	for i := range results.Refused {
		for j := i; j > 0 && results.Refused[j].Row < results.Refused[j-1].Row; j-- {
			results.Refused[j], results.Refused[j-1] = results.Refused[j-1], results.Refused[j]
		}
	}
	for i, output := range plan.Outputs {
		results.outputs[output.Name] = applyOne(&output, &deltas[i], from, schemas, rows, times)
	}
	return results
}

func applyOne(output *wire.Output, delta *wire.Delta, from []*table, schemas []column.Schema, rows int, times []int64) *table {
	sources := selected(delta.Rows, rows)
	made := &table{rows: len(sources)}
	computed := delta.Computed
	for _, one := range output.Columns {
		if one.Tag() == wire.OutputColumnComputed {
			schema := one.Computed()
			made.schema = append(made.schema, schema)
			copied := newCopier(schema)
			for row := range sources {
				copied.add(computed, row)
			}
			made.nodes, computed = copied.finish(made.nodes), computed[len(schema):]
			continue
		}
		kept := one.Kept()
		schema := append([]wire.Field(nil), schemas[kept.Input][kept.Column]...)
		// A timer has only the key columns.
		table, column := from[kept.Input], -1
		if table != nil {
			column = table.schema.Index(schema[0].Name)
		}
		copied := newCopier(schema)
		for _, row := range sources {
			if column < 0 {
				copied.add(nil, -1)
			} else {
				copied.add(table.column(column), row)
			}
		}
		if kept.Name.Tag() == wit.OptionSome {
			schema[0].Name = kept.Name.Some()
		}
		made.schema, made.nodes = append(made.schema, schema), copied.finish(made.nodes)
	}
	made.times = append(made.times, column.View[int64](delta.EventTimes, len(delta.EventTimes)/8)...)
	for i := len(made.times); i < len(sources); i++ {
		made.times = append(made.times, times[sources[i]])
	}
	made.kinds = append(made.kinds, delta.RowKinds...)
	return made
}

// selected gives the rows that a selection means.
func selected(selection wire.Selection, rows int) []int {
	var all []int
	switch selection.Tag() {
	case wire.SelectionAll:
		for row := range rows {
			all = append(all, row)
		}
	case wire.SelectionIndices:
		indices := selection.Indices()
		for _, row := range column.View[uint32](indices, len(indices)/4) {
			all = append(all, int(row))
		}
	}
	return all
}
