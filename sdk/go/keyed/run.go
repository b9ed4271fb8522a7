// A call of a keyed operator: each row in the context of its key.

package keyed

import (
	"unsafe"

	delta "weir/internal/bindings/weir_operator_keyed"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
	"weir/internal/engine"
	"weir/internal/value"
	"weir/internal/wit"
)

// run is one call of `process` or `on-timer`.
type call struct {
	keyOfRow []uint32
	domain   Domain
	times    []int64
}

// runner processes the rows or timers of a call.
type runner interface {
	run(call *call, batch *wire.Batch)
}

func (c *connected[C, K, S, Out]) run(r runner, batch *wire.Batch, keyOfRow []byte, due *delta.Timers, states *wire.States, now delta.Clock) delta.KeyedDelta {
	this := &call{keyOfRow: column.View[uint32](keyOfRow, int(batch.Rows))}
	if due != nil {
		this.domain, this.times = Domain(due.Domain), column.View[int64](due.Times, int(batch.Rows))
	}
	c.call.Begin(int(batch.Rows))
	c.timers.begin()
	c.maps.begin()
	c.states.read(states)
	c.of.Watermark = value.Opt[value.Timestamp]{}
	if now.Watermark.Tag() == wit.OptionSome {
		c.of.Watermark = value.Some(value.Timestamp(now.Watermark.Some()))
	}
	c.of.ProcessingTime = value.Timestamp(now.ProcessingTime)
	r.run(this, batch)
	answer := delta.KeyedDelta{Maps: c.maps.finish(), Timers: c.timers.finish()}
	answer.Changed, answer.States = c.states.finish()
	answer.Outputs, answer.Rejected = c.call.Finish()
	return answer
}

// entry is a row of an input with its key.
type entry[K, In any] struct {
	key K
	row In
}

// rows processes the rows of an input.
type rows[C, K, S, Out, In any] struct {
	engine.Loop[entry[K, In]]
	connected *connected[C, K, S, Out]
	process   func(*C, In, *Context[K, S], *Out) error
	prefetch  []func(*C, In, *Prefetch)
	entries   Prefetch
	call      *call
}

func newRows[C, K, S, Out, In any](
	c *connected[C, K, S, Out], input, key *column.Rows,
	process func(*C, In, *Context[K, S], *Out) error, prefetch []func(*C, In, *Prefetch),
) runner {
	r := &rows[C, K, S, Out, In]{connected: c, process: process, prefetch: prefetch}
	r.Parts = []engine.Part{{Rows: key}, {Rows: input, Offset: unsafe.Offsetof(entry[K, In]{}.row)}}
	return r
}

func (r *rows[C, K, S, Out, In]) run(this *call, batch *wire.Batch) {
	r.call = this
	if len(r.prefetch) > 0 {
		r.Steps, r.Lenient, r.Undo = r.want, true, nil
		r.Run(r.connected.call, batch)
		r.connected.maps.prefetch()
	}
	r.Steps, r.Lenient, r.Undo = r.steps, false, r.connected.undo
	r.Run(r.connected.call, batch)
}

func (r *rows[C, K, S, Out, In]) want(block []entry[K, In]) {
	for ; r.At < len(block); r.At++ {
		if row := r.From + r.At; r.connected.call.BeginRow(row) {
			r.entries = Prefetch{r.connected.maps, r.call.keyOfRow[row]}
			r.prefetch[0](r.connected.config, block[r.At].row, &r.entries)
			r.connected.call.Close()
		}
	}
}

func (r *rows[C, K, S, Out, In]) steps(block []entry[K, In]) {
	c := r.connected
	for ; r.At < len(block); r.At++ {
		row, entry := r.From+r.At, &block[r.At]
		if c.call.BeginRow(row) {
			of := c.begin(r.call.keyOfRow[row])
			of.Key = entry.key
			c.end(r.process(c.config, entry.row, of, c.out))
		}
	}
}

// timers calls the function for timers.
type timers[C, K, S, Out any] struct {
	engine.Loop[K]
	connected *connected[C, K, S, Out]
	onTimer   func(*C, Timer, *Context[K, S], *Out) error
	call      *call
}

func newTimers[C, K, S, Out any](c *connected[C, K, S, Out], onTimer func(*C, Timer, *Context[K, S], *Out) error, keys *column.Rows) runner {
	t := &timers[C, K, S, Out]{connected: c, onTimer: onTimer}
	t.Parts = []engine.Part{{Rows: keys}}
	t.Steps, t.Undo = t.steps, c.undo
	return t
}

func (t *timers[C, K, S, Out]) run(this *call, batch *wire.Batch) {
	t.call = this
	t.Run(t.connected.call, batch)
}

func (t *timers[C, K, S, Out]) steps(block []K) {
	c := t.connected
	for ; t.At < len(block) && t.onTimer != nil; t.At++ {
		if row := t.From + t.At; c.call.BeginRow(row) {
			of := c.begin(t.call.keyOfRow[row])
			of.Key = block[t.At]
			c.end(t.onTimer(c.config, Timer{t.call.domain, value.Timestamp(t.call.times[row])}, of, c.out))
		}
	}
}

// begin gives the context of a key.
func (c *connected[C, K, S, Out]) begin(key uint32) *Context[K, S] {
	c.of.key, c.of.Timers.key = key, key
	c.states.load(key, &c.of.State)
	return &c.of
}

// end keeps what a row did, or takes it back.
func (c *connected[C, K, S, Out]) end(err error) {
	if err == nil {
		err = c.states.check(&c.of.State)
	}
	if !c.call.EndRow(err) {
		c.undo()
		return
	}
	c.states.store(c.of.key, &c.of.State)
	c.timers.end(true)
	c.maps.end(true)
}

func (c *connected[C, K, S, Out]) undo() {
	c.timers.end(false)
	c.maps.end(false)
}
