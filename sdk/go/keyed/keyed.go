// Package keyed makes operators with state, maps and timers per key. Importing it makes a program a component of the world
// keyed-operator.
//
//	var operator = keyed.New((*Jumps).Process).OnTimer((*Jumps).OnTimer)
package keyed

import (
	"reflect"

	"weir/internal/column"
	"weir/internal/emit"
	"weir/internal/engine"
	"weir/internal/value"
)

// Context is what an operator sees of the key of a row or of a timer. It lasts for that row.
type Context[K, S any] struct {
	// Key has the key columns that K names.
	Key K
	// State of the key; null: it has none. It goes back to the host if it has changed. Null removes it.
	State value.Opt[S]
	// Timers of the key.
	Timers Timers
	// Watermark is null before the first one.
	Watermark value.Opt[value.Timestamp]
	// ProcessingTime is the wall clock, as the engine sees it.
	ProcessingTime value.Timestamp
	maps           *mapsOfCall
	key            uint32
}

// Timer is a timer that is due.
type Timer struct {
	Domain Domain
	Time   value.Timestamp
}

// Domain is the clock that a timer follows.
type Domain uint8

// The clocks.
const (
	// EventTime is the watermark.
	EventTime Domain = iota
	// ProcessingTime is the wall clock. Its timers that are past fire at once, and none fires at the end of the input.
	ProcessingTime
)

// Operator is a keyed operator. Its functions have the configuration C, the key columns K, the state S and the outputs Out.
type Operator[C, K, S, Out any] struct {
	about   engine.About
	inputs  []Input[C, K, S, Out]
	onTimer func(*C, Timer, *Context[K, S], *Out) error
	version uint32
	migrate func(*C, uint32, *OldStates) ([]value.Opt[S], error)
	maps    []AnyMap
	// What `describe` has made.
	connected *connected[C, K, S, Out]
}

// Input is one input of an operator.
type Input[C, K, S, Out any] struct {
	name    string
	row     reflect.Type
	connect func(c *connected[C, K, S, Out], rows, keys *column.Rows) runner
}

// New makes an operator of the function that processes a row. Rows of a key come in the order of their arrival. An error, or a panic,
// refuses the row alone: nothing that it did counts.
//
// prefetch may name the entries of maps that rows will read, so that the host is asked once for a whole batch.
func New[C, In, K, S, Out any](
	process func(config *C, row In, of *Context[K, S], out *Out) error,
	prefetch ...func(config *C, row In, entries *Prefetch),
) *Operator[C, K, S, Out] {
	return Of(From("", process, prefetch...))
}

// From is an input of an operator with several: the name that a pipeline connects it by, and its functions as in New.
func From[C, In, K, S, Out any](
	name string,
	process func(config *C, row In, of *Context[K, S], out *Out) error,
	prefetch ...func(config *C, row In, entries *Prefetch),
) Input[C, K, S, Out] {
	return Input[C, K, S, Out]{name, reflect.TypeFor[In](), func(c *connected[C, K, S, Out], rows, keys *column.Rows) runner {
		return newRows(c, rows, keys, process, prefetch)
	}}
}

// Of makes an operator of its inputs.
func Of[C, K, S, Out any](inputs ...Input[C, K, S, Out]) *Operator[C, K, S, Out] {
	operator := &Operator[C, K, S, Out]{inputs: inputs, version: 1}
	operator.about.Config = reflect.TypeFor[C]()
	register(operator)
	return operator
}

// OnTimer sets the function that is called for a timer that is due. What it does to the key's other timers counts before they come.
func (o *Operator[C, K, S, Out]) OnTimer(onTimer func(config *C, timer Timer, of *Context[K, S], out *Out) error) *Operator[C, K, S, Out] {
	o.onTimer = onTimer
	return o
}

// Version raises the version of the state, when its fields change their meaning; it is 1 if it is not set. migrate gives what the
// states of another version become, one per key, or an error for a version that it does not know. Without it, or where it calls
// [ReadWhole], the columns of another version are matched by name, and all must be there.
func (o *Operator[C, K, S, Out]) Version(version uint32, migrate func(config *C, from uint32, states *OldStates) ([]value.Opt[S], error)) *Operator[C, K, S, Out] {
	o.version, o.migrate = version, migrate
	return o
}

// Maps declares the maps that the operator reads and changes.
func (o *Operator[C, K, S, Out]) Maps(maps ...AnyMap) *Operator[C, K, S, Out] {
	o.maps = maps
	return o
}

// Title gives the operator a short name for people.
func (o *Operator[C, K, S, Out]) Title(title string) *Operator[C, K, S, Out] {
	o.about.Title = title
	return o
}

// connected is an operator that is connected to its inputs.
type connected[C, K, S, Out any] struct {
	config *C
	out    *Out
	call   *emit.Call
	of     Context[K, S]
	states *states[S]
	timers *changes
	maps   *mapsOfCall
	inputs []runner
	timer  runner
}
