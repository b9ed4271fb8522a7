// Package export_weir_operator_aggregate is what the bindings of the world aggregate-operator call.
package export_weir_operator_aggregate

import (
	answer "weir/internal/bindings/weir_operator_aggregate"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/export"
	"weir/internal/wit"
)

// Operator is the operator of the component.
type Operator interface {
	export.Operator
	Accumulate(rows wire.Batch, groupOfRow []byte, accumulators wire.States) (answer.Accumulated, error)
	Merge(left, right wire.States) ([]wire.Node, error)
	Finish(accumulators wire.States) ([]wire.Node, error)
}

// The holds the operator of the component.
var The export.One[Operator]

// About is `about` of the contract.
func About() wire.OperatorInfo {
	return export.About(&The)
}

// Describe is `describe` of the contract.
func Describe(config string, inputs []wire.Input) wit.Result[wire.Plan, string] {
	return export.Describe(&The, config, inputs)
}

// Accumulate is `accumulate` of the contract.
func Accumulate(rows wire.Batch, groupOfRow []byte, accumulators wire.States) wit.Result[answer.Accumulated, string] {
	return export.Call(func() (answer.Accumulated, error) { return The.Get().Accumulate(rows, groupOfRow, accumulators) })
}

// Merge is `merge` of the contract.
func Merge(left, right wire.States) wit.Result[[]wire.Node, string] {
	return export.Call(func() ([]wire.Node, error) { return The.Get().Merge(left, right) })
}

// Finish is `finish` of the contract.
func Finish(accumulators wire.States) wit.Result[[]wire.Node, string] {
	return export.Call(func() ([]wire.Node, error) { return The.Get().Finish(accumulators) })
}
