// Timers as authors use them, and what a call changes.

package keyed

import (
	"slices"

	delta "weir/internal/bindings/weir_operator_keyed"
	"weir/internal/column"
	"weir/internal/value"
)

// Timers of the key of a row.
type Timers struct {
	key     uint32
	changes *changes
}

// Register calls OnTimer once the watermark has reached the time. Registering a timer twice is registering it once.
func (t *Timers) Register(time value.Timestamp) {
	t.changes.add(change{EventTime, true, t.key, int64(time)})
}

// Delete forgets a timer of Register, if there is one.
func (t *Timers) Delete(time value.Timestamp) {
	t.changes.add(change{EventTime, false, t.key, int64(time)})
}

// RegisterProcessingTime calls OnTimer once the wall clock has reached the time; at once, if it is past.
func (t *Timers) RegisterProcessingTime(time value.Timestamp) {
	t.changes.add(change{ProcessingTime, true, t.key, int64(time)})
}

// DeleteProcessingTime forgets a timer of RegisterProcessingTime, if there is one.
func (t *Timers) DeleteProcessingTime(time value.Timestamp) {
	t.changes.add(change{ProcessingTime, false, t.key, int64(time)})
}

type change struct {
	domain   Domain
	register bool
	key      uint32
	time     int64
}

// changes are what a call does to timers, in order.
type changes struct {
	all []change
	// accepted is how many are of rows that count.
	accepted int
	// keys and times of the lists that the host gets.
	keys  [4][]uint32
	times [4][]int64
	// later has, of the timers that change, the last change first.
	later  index
	lasts  []change
	counts []bool
}

func (c *changes) begin() {
	c.all, c.accepted = c.all[:0], 0
}

func (c *changes) add(one change) {
	c.all = append(c.all, one)
}

// end keeps what a row did, or takes it back.
func (c *changes) end(counts bool) {
	if !counts {
		c.all = c.all[:c.accepted]
	}
	c.accepted = len(c.all)
}

// finish gives the changes as the host applies them: removals first. So of several changes to a timer only the last one counts.
func (c *changes) finish() delta.TimerChanges {
	for i := range c.keys {
		c.keys[i], c.times[i] = c.keys[i][:0], c.times[i][:0]
	}
	c.findLasts()
	for i, one := range c.all {
		list := int(one.domain)
		if !one.register {
			list += 2
		}
		if c.counts[i] {
			c.keys[list], c.times[list] = append(c.keys[list], one.key), append(c.times[list], one.time)
		}
	}
	return delta.TimerChanges{Add: c.lists(0), Remove: c.lists(2)}
}

// findLasts finds which changes count: without removals all do.
func (c *changes) findLasts() {
	c.later.clear()
	c.lasts = c.lasts[:0]
	c.counts = slices.Grow(c.counts[:0], len(c.all))[:len(c.all)]
	removes := slices.ContainsFunc(c.all, func(one change) bool { return !one.register })
	for i := len(c.all) - 1; i >= 0; i-- {
		one := c.all[i]
		if c.counts[i] = true; !removes {
			continue
		}
		hash := hashNumbers(uint64(one.key)<<1|uint64(one.domain), uint64(one.time))
		if c.later.find(hash, func(at int) bool {
			last := &c.lasts[at]
			return last.key == one.key && last.time == one.time && last.domain == one.domain
		}) >= 0 {
			c.counts[i] = false
			continue
		}
		c.later.add(hash)
		c.lasts = append(c.lasts, one)
	}
}

func (c *changes) lists(from int) []delta.Timers {
	var lists []delta.Timers
	for domain := range 2 {
		if keys, times := c.keys[from+domain], c.times[from+domain]; len(keys) > 0 {
			lists = append(lists, delta.Timers{Domain: uint8(domain), Keys: column.Bytes(keys), Times: column.Bytes(times)})
		}
	}
	return lists
}
