// Package export_weir_operator_keyed is what the bindings of the world keyed-operator call.
package export_weir_operator_keyed

import (
	delta "weir/internal/bindings/weir_operator_keyed"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/export"
	"weir/internal/wit"
)

// Operator is the operator of the component.
type Operator interface {
	export.Operator
	Process(input uint32, rows wire.Batch, keyOfRow []byte, states wire.States, now delta.Clock) (delta.KeyedDelta, error)
	OnTimerCall(due delta.Timers, keys wire.Batch, states wire.States, now delta.Clock) (delta.KeyedDelta, error)
	MigrateCall(from uint32, layout []wire.Field, states wire.States) ([]wire.Node, error)
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
func Process(input uint32, rows wire.Batch, keyOfRow []byte, states wire.States, now delta.Clock) wit.Result[delta.KeyedDelta, string] {
	return export.Call(func() (delta.KeyedDelta, error) { return The.Get().Process(input, rows, keyOfRow, states, now) })
}

// OnTimer is `on-timer` of the contract.
func OnTimer(due delta.Timers, keys wire.Batch, states wire.States, now delta.Clock) wit.Result[delta.KeyedDelta, string] {
	return export.Call(func() (delta.KeyedDelta, error) { return The.Get().OnTimerCall(due, keys, states, now) })
}

// Migrate is `migrate` of the contract.
func Migrate(from uint32, layout []wire.Field, states wire.States) wit.Result[[]wire.Node, string] {
	return export.Call(func() ([]wire.Node, error) { return The.Get().MigrateCall(from, layout, states) })
}
