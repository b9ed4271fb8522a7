// Running aggregates.

package weirtest

import (
	"testing"

	answer "weir/internal/bindings/weir_operator_aggregate"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
)

// AggregateOperator is an operator of package aggregate.
type AggregateOperator interface {
	Connect(config any, inputs []wire.Input) (wire.Plan, error)
	Accumulate(rows wire.Batch, groupOfRow []byte, accumulators wire.States) (answer.Accumulated, error)
	Merge(left, right wire.States) ([]wire.Node, error)
	Finish(accumulators wire.States) ([]wire.Node, error)
}

// Aggregate runs an aggregate over one group, as the host does: each part of the rows is accumulated on its own, the parts are merged,
// and the result is the only row of "main". The rows of Refused are counted through all parts.
func Aggregate[In any](t testing.TB, operator AggregateOperator, config any, parts ...[]In) *Results {
	t.Helper()
	results, err := TryAggregate(operator, config, parts...)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// TryAggregate is Aggregate, with what fails as an error.
func TryAggregate[In any](operator AggregateOperator, config any, parts ...[]In) (*Results, error) {
	var merged []wire.Node
	var refused []wire.RowFailure
	var plan wire.Plan
	before := uint32(0)
	if len(parts) == 0 {
		parts = [][]In{nil}
	}
	for i, part := range parts {
		rows, err := tableOf(part)
		if err != nil {
			return nil, err
		}
		if plan, err = operator.Connect(config, []wire.Input{{Name: "main", Columns: rows.fields()}}); err != nil {
			return nil, err
		}
		none := (&table{schema: column.SchemaOf(plan.State.Some().Columns), times: []int64{}}).nulls(1)
		group := column.Bytes(make([]uint32, rows.rows))
		accumulated, err := operator.Accumulate(rows.batch(plan.Reads[0], plan.ReadsEventTimes), group, wire.States{Keys: 1, Present: []byte{0}, Columns: none})
		if err != nil {
			return nil, err
		}
		for _, one := range accumulated.Rejected {
			refused = append(refused, wire.RowFailure{Row: one.Row + before, Reason: one.Reason})
		}
		before += uint32(rows.rows)
		own := copied(plan.State.Some().Columns, accumulated.Accumulators)
		if i == 0 {
			merged = own
			continue
		}
		both, err := operator.Merge(wire.States{Keys: 1, Columns: merged}, wire.States{Keys: 1, Columns: own})
		if err != nil {
			return nil, err
		}
		merged = copied(plan.State.Some().Columns, both)
	}
	nodes, err := operator.Finish(wire.States{Keys: 1, Columns: merged})
	if err != nil {
		return nil, err
	}
	delta := wire.Delta{Rows: wire.MakeSelectionAll(), Computed: nodes}
	return apply(&plan, []wire.Delta{delta}, refused, nil, nil, 1, []int64{0}), nil
}

// nulls gives the columns of a table, with rows of nulls.
func (t *table) nulls(rows int) []wire.Node {
	var nodes []wire.Node
	for _, schema := range t.schema {
		made := newCopier(schema)
		for range rows {
			made.add(nil, -1)
		}
		nodes = made.finish(nodes)
	}
	return nodes
}

// copied copies the first row of columns: the operator uses its memory again.
func copied(fields []wire.Field, nodes []wire.Node) []wire.Node {
	made := &table{schema: column.SchemaOf(fields), nodes: nodes, rows: 1, times: []int64{0}}
	return made.take(made.all(), []int{0}).nodes
}
