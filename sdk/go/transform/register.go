// Natively an operator is called by its tests.

//go:build !wasm

package transform

// Natively there is no host to register with.
func register(*Operator) {}
