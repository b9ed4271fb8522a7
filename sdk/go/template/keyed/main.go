// Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent.
package main

import (
	"weir"
	"weir/keyed"
)

const minute = 60_000_000

// Jumps is the configuration: `config = { minutes = 30, silence-minutes = 120 }` in the pipeline file, which also says
// `key-by = ["carrier"]`.
type Jumps struct {
	Minutes        int64
	SilenceMinutes int64
}

// Flight has the columns that it reads, by name, and the event time.
type Flight struct {
	DepDelay int64
	Departed weir.EventTime
}

// Last is kept per carrier, between batches and over restarts.
type Last struct {
	DepDelay int64
	SilentAt weir.Timestamp
}

// Outputs are the main output and the side output `silent`.
type Outputs struct {
	Main   weir.Emitter[Jump]
	Silent weir.Emitter[Silent]
}

// Jump has all columns of the input, and one more.
type Jump struct {
	weir.KeepAll
	Jump int64
}

// Silent has only the carrier.
type Silent struct {
	weir.Keep `columns:"carrier"`
}

// Context is what it sees of the key of a row: no key columns, and the state.
type Context = keyed.Context[struct{}, Last]

var operator = keyed.New((*Jumps).Process).OnTimer((*Jumps).OnTimer).Title("{{name}}")

// Process is called for each row.
func (j *Jumps) Process(flight Flight, of *Context, out *Outputs) error {
	silentAt := weir.Timestamp(flight.Departed) + weir.Timestamp(j.SilenceMinutes)*minute
	if last, known := of.State.Get(); known {
		of.Timers.Delete(last.SilentAt)
		jump := flight.DepDelay - last.DepDelay
		if last.SilentAt < weir.Timestamp(flight.Departed) {
			// The timer is due, but timers fire after the batch: this row came first.
			out.Silent.Emit(Silent{})
		} else if max(jump, -jump) >= j.Minutes {
			out.Main.Emit(Jump{Jump: jump})
		}
	}
	of.State = weir.Some(Last{flight.DepDelay, silentAt})
	of.Timers.Register(silentAt)
	return nil
}

// OnTimer is called when a timer is due.
func (j *Jumps) OnTimer(timer keyed.Timer, of *Context, out *Outputs) error {
	of.State = weir.Opt[Last]{}
	out.Silent.Emit(Silent{})
	return nil
}

func main() {} // The host calls the operator.
