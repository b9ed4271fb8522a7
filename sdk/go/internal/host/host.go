// Package host is what the host does for an operator. In a component it is the host; natively the test harness takes its place.
package host

import (
	"weir/internal/bindings/weir_operator_maps"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/wit"
)

// Log writes a line to the operator's log; levels are those of the contract.
var Log = func(level uint8, message string) {}

// Count, Gauge and Observe are the operator's own figures.
var (
	Count   = func(name string, by uint64) {}
	Gauge   = func(name string, value float64) {}
	Observe = func(name string, value float64) {}
)

// MapGet and MapScan read entries of the operator's maps.
var (
	MapGet  func(index uint32, keys []byte, entryKeys []wire.Node) wit.Result[weir_operator_maps.Found, string]
	MapScan func(index, key uint32, lower, upper weir_operator_maps.Bound, limit uint32) wit.Result[weir_operator_maps.Page, string]
)
