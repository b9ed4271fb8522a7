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
	call      *call
}

func newRows[C, K, S, Out, In any](
	c *connected[C, K, S, Out], input, key *column.Rows,
	process func(*C, In, *Context[K, S], *Out) error, prefetch []func(*C, In, *Prefetch),
) runner {
	r := &rows[C, K, S, Out, In]{connected: c, process: process, prefetch: prefetch}
	r.Parts = []engine.Part{{Rows: key}, {Rows: input, Offset: unsafe.Offsetof(entry[K, In]{}.row)}}
	r.Done = c.done
	return r
}

func (r *rows[C, K, S, Out, In]) run(this *call, batch *wire.Batch) {
	r.call = this
	if len(r.prefetch) > 0 {
		r.Step = r.want
		r.Done = nil
		r.Run(r.connected.call, batch)
		r.connected.maps.prefetch()
		r.Done = r.connected.done
	}
	r.Step = r.step
	r.Run(r.connected.call, batch)
}

func (r *rows[C, K, S, Out, In]) want(row int, entry *entry[K, In]) error {
	r.prefetch[0](r.connected.config, entry.row, &Prefetch{r.connected.maps, r.call.keyOfRow[row]})
	return nil
}

func (r *rows[C, K, S, Out, In]) step(row int, entry *entry[K, In]) error {
	c := r.connected
	of := c.begin(r.call.keyOfRow[row])
	of.Key = entry.key
	if err := r.process(c.config, entry.row, of, c.out); err != nil {
		return err
	}
	return c.states.check(&of.State)
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
	t.Step, t.Done = t.step, c.done
	return t
}

func (t *timers[C, K, S, Out]) run(this *call, batch *wire.Batch) {
	t.call = this
	t.Run(t.connected.call, batch)
}

func (t *timers[C, K, S, Out]) step(row int, key *K) error {
	if t.onTimer == nil {
		return nil
	}
	c := t.connected
	of := c.begin(t.call.keyOfRow[row])
	of.Key = *key
	timer := Timer{t.call.domain, value.Timestamp(t.call.times[row])}
	if err := t.onTimer(c.config, timer, of, c.out); err != nil {
		return err
	}
	return c.states.check(&of.State)
}

// begin gives the context of a key.
func (c *connected[C, K, S, Out]) begin(key uint32) *Context[K, S] {
	c.of.key, c.of.Timers.key = key, key
	c.states.load(key, &c.of.State)
	return &c.of
}

// done keeps what a row did, or takes it back.
func (c *connected[C, K, S, Out]) done(_ int, counts bool) {
	if counts {
		c.states.store(c.of.key, &c.of.State)
	}
	c.timers.end(counts)
	c.maps.end(counts)
}
