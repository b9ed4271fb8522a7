// Natively an operator is called by its tests.

//go:build !wasm

package keyed

// Natively there is no host to register with.
func register(any) {}
