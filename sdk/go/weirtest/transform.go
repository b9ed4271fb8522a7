// Running transforms.

package weirtest

import (
	"testing"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/transform"
)

// Transform runs a transform with a configuration over one batch of rows of its only input. The rows may have more columns than the
// operator reads.
func Transform[C, In any](t testing.TB, operator *transform.Operator, config *C, rows []In) *Results {
	t.Helper()
	results, err := TryTransform(operator, config, From("main", rows))
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// Input is the rows of one input of an operator.
type Input struct {
	name  string
	table *table
	err   error
}

// From gives rows to an input of an operator with several.
func From[In any](name string, rows []In) Input {
	table, err := tableOf(rows)
	return Input{name, table, err}
}

// TryTransform runs a transform over one batch of rows per input, in their order. An error says why the operator cannot be connected
// to such rows.
func TryTransform(operator *transform.Operator, config any, inputs ...Input) (*Results, error) {
	var connected []wire.Input
	var schemas []column.Schema
	for _, input := range inputs {
		if input.err != nil {
			return nil, input.err
		}
		connected = append(connected, wire.Input{Name: input.name, Columns: input.table.fields()})
		schemas = append(schemas, input.table.schema)
	}
	plan, err := operator.Connect(config, connected)
	if err != nil {
		return nil, err
	}
	var all *Results
	for i, input := range inputs {
		from := make([]*table, len(inputs))
		from[i] = input.table
		delta, err := operator.Process(uint32(i), input.table.batch(plan.Reads[i], plan.ReadsEventTimes))
		if err != nil {
			return nil, err
		}
		results := apply(&plan, delta.Outputs, delta.Rejected, from, schemas, input.table.rows, input.table.times)
		all = all.append(results)
	}
	return all, nil
}

// append adds what a later call gave.
func (r *Results) append(later *Results) *Results {
	if r == nil {
		return later
	}
	r.Refused = append(r.Refused, later.Refused...)
	for name, rows := range later.outputs {
		r.outputs[name] = concat(r.outputs[name], rows)
	}
	return r
}

// concat appends the rows of a table to those of another one with the same columns.
func concat(first, second *table) *table {
	made := &table{schema: first.schema, rows: first.rows + second.rows}
	for index, schema := range first.schema {
		copied := newCopier(schema)
		for _, from := range []*table{first, second} {
			for row := range from.rows {
				copied.add(from.column(index), row)
			}
		}
		made.nodes = copied.finish(made.nodes)
	}
	made.times = append(append(made.times, first.times...), second.times...)
	made.kinds = append(append(made.kinds, first.kinds...), second.kinds...)
	return made
}
