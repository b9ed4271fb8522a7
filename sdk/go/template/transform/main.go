// Says of each flight whether it left late, and leaves out those that never left.
package main

import (
	"errors"
	"strconv"

	"weir"
	"weir/transform"
)

// Classify is the configuration: `config = { late-after-minutes = 15 }` in the pipeline file.
type Classify struct {
	LateAfterMinutes int64 `doc:"How many minutes behind its time a flight may leave."`
}

// Flight has the columns that it reads: DepDelay is the column dep_delay. More columns may come; they cost nothing.
type Flight struct {
	DepDelay weir.Opt[int64]
}

// Classified has the columns that it emits: all of the input, and one more.
type Classified struct {
	weir.KeepAll
	Late bool
}

var operator = transform.New((*Classify).Process).Title("{{name}}")

// Process is called for each row.
func (c *Classify) Process(flight Flight, out *weir.Emitter[Classified]) error {
	delay, left := flight.DepDelay.Get()
	if !left {
		return nil
	}
	if delay < -24*60 {
		// `on-error` in the pipeline file says what happens to this row.
		return errors.New("it left " + strconv.FormatInt(-delay, 10) + " minutes before its time")
	}
	out.Emit(Classified{Late: delay > c.LateAfterMinutes})
	return nil
}

func main() {} // The host calls the operator.
