// Finds planes that leave very late again, so many hours after they left very late. The watermark brings the departures of a plane into
// order: each sets a timer at its time, and timers fire in the order of time.
package main

import (
	"weir"
	"weir/keyed"
)

const (
	minute = 60_000_000
	hour   = 60 * minute
)

// KnockOn is the configuration.
type KnockOn struct {
	WithinHours int64
}

// Flight has what it reads: no column, but the time of departure, which is the event time.
type Flight struct {
	Departed weir.EventTime
}

// Plane is kept per plane.
type Plane struct {
	Last weir.Timestamp
}

// Again has what it emits: the plane, which is the key, when it left again, and after how long.
type Again struct {
	weir.Keep    `columns:"tailnum"`
	Departed     weir.Timestamp
	MinutesAfter int64
}

type context = keyed.Context[struct{}, Plane]

var operator = keyed.New((*KnockOn).Process).OnTimer((*KnockOn).OnTimer).Title("Planes that are late again")

// Process is called for each flight.
func (k *KnockOn) Process(flight Flight, of *context, out *weir.Emitter[Again]) error {
	of.Timers.Register(weir.Timestamp(flight.Departed))
	return nil
}

// OnTimer is called when no flight can come any more that left before this one.
func (k *KnockOn) OnTimer(timer keyed.Timer, of *context, out *weir.Emitter[Again]) error {
	if plane, known := of.State.Get(); known {
		if after := int64(timer.Time - plane.Last); after <= k.WithinHours*hour {
			out.Emit(Again{Departed: timer.Time, MinutesAfter: after / minute})
		}
	}
	of.State = weir.Some(Plane{timer.Time})
	return nil
}

func main() {} // The host calls the operator.
