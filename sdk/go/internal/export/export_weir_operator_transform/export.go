// Package export_weir_operator_transform is what the bindings of the world transform-operator call.
package export_weir_operator_transform

import (
	delta "weir/internal/bindings/weir_operator_transform"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/export"
	"weir/internal/wit"
)

// Operator is the operator of the component.
type Operator interface {
	export.Operator
	Process(input uint32, rows wire.Batch) (delta.TransformDelta, error)
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

// Process is `process` of the contract.
func Process(input uint32, rows wire.Batch) wit.Result[delta.TransformDelta, string] {
	return export.Call(func() (delta.TransformDelta, error) { return The.Get().Process(input, rows) })
}
