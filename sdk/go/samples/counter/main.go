// A keyed counter with a state, timers, a map and a migration of its state. What it means is written in
// tests/conformance/README.md, for all languages.
package main

import (
	"errors"
	"math"
	"strconv"

	"weir"
	"weir/keyed"
)

type Counter struct {
	GapSeconds   int64
	AlarmSeconds weir.Opt[int64]
	TotalMax     weir.Opt[int64]
}

type Value struct {
	Word  weir.Opt[string]
	Value int64
	At    weir.EventTime
}

type State struct {
	Count uint64
	Total int64
	Due   weir.Opt[weir.Timestamp]
	Alarm weir.Opt[weir.Timestamp]
}

type Version1 struct {
	Count uint32
}

type Word struct {
	Word string
}

type Times struct {
	Times int64
}

type Counted struct {
	weir.KeepAll
	Count uint64
	Total int64
	Times weir.Opt[int64]
}

type Summary struct {
	weir.Keep `columns:"key"`
	Count     uint64
	Words     int64
	First     weir.Opt[string]
}

type Alarm struct {
	weir.Keep `columns:"key"`
	Count     uint64
}

type Outputs struct {
	Main    weir.Emitter[Counted]
	Summary weir.Emitter[Summary]
	Alarm   weir.Emitter[Alarm]
}

type Context = keyed.Context[struct{}, State]

const wordsMax = 1000

var words = keyed.NewMap[Word, Times]("words")

var operator = keyed.New((*Counter).Process, (*Counter).Prefetch).
	OnTimer((*Counter).OnTimer).
	Version(2, (*Counter).Migrate).
	Maps(words).
	Title("A counter per key")

func (c *Counter) Validate() error {
	if c.GapSeconds < 1 {
		return errors.New("`gap-seconds` is at least 1")
	}
	if c.AlarmSeconds.Valid && c.AlarmSeconds.Value < 1 {
		return errors.New("`alarm-seconds` is at least 1")
	}
	return nil
}

func (c *Counter) Prefetch(row Value, entries *keyed.Prefetch) {
	if word, is := row.Word.Get(); is {
		words.Want(entries, Word{word})
	}
}

func (c *Counter) Process(row Value, of *Context, out *Outputs) error {
	if due, is := of.State.Value.Due.Get(); is && due <= weir.Timestamp(row.At) {
		summarize(of, out)
	}
	if !of.State.Valid {
		of.State = weir.Some(State{})
		if seconds, is := c.AlarmSeconds.Get(); is {
			alarm, err := after(of.ProcessingTime, seconds, "alarm")
			if err != nil {
				return err
			}
			of.State.Value.Alarm = weir.Some(alarm)
			of.Timers.RegisterProcessingTime(alarm)
		}
	}
	state := &of.State.Value
	if state.Count == math.MaxUint64 {
		return errors.New("count is out of range")
	}
	state.Count++
	total := state.Total + row.Value
	if (total < state.Total) != (row.Value < 0) {
		return errors.New("total is out of range")
	}
	state.Total = total
	var times weir.Opt[int64]
	if word, is := row.Word.Get(); is {
		entry, _ := words.Get(of, Word{word})
		entry.Times++
		words.Put(of, Word{word}, entry)
		times = weir.Some(entry.Times)
	}
	if row.Value < 0 {
		return errors.New("value is " + strconv.FormatInt(row.Value, 10))
	}
	due, err := after(weir.Timestamp(row.At), c.GapSeconds, "due")
	if err != nil {
		return err
	}
	if before, is := state.Due.Get(); is {
		of.Timers.Delete(before)
	}
	state.Due = weir.Some(due)
	of.Timers.Register(due)
	out.Main.Emit(Counted{Count: state.Count, Total: state.Total, Times: times})
	return nil
}

func (c *Counter) OnTimer(timer keyed.Timer, of *Context, out *Outputs) error {
	state := &of.State.Value
	total, at := state.Total, weir.Some(timer.Time)
	switch {
	case timer.Domain == keyed.EventTime && state.Due == at:
		summarize(of, out)
	case timer.Domain == keyed.ProcessingTime && state.Alarm == at:
		out.Alarm.Emit(Alarm{Count: state.Count})
		state.Alarm = weir.Opt[weir.Timestamp]{}
	}
	if max, is := c.TotalMax.Get(); is && total > max {
		return errors.New("total is " + strconv.FormatInt(total, 10))
	}
	return nil
}

func (c *Counter) Migrate(from uint32, states *keyed.OldStates) ([]weir.Opt[State], error) {
	if from != 1 {
		return keyed.ReadWhole[State](states)
	}
	old, err := keyed.Read[Version1](states)
	migrated := make([]weir.Opt[State], len(old))
	for i, state := range old {
		migrated[i] = weir.Opt[State]{Value: State{Count: uint64(state.Value.Count)}, Valid: state.Valid}
	}
	return migrated, err
}

// after gives the time so many seconds later.
func after(time weir.Timestamp, seconds int64, name string) (weir.Timestamp, error) {
	micros := weir.Timestamp(seconds) * 1_000_000
	if seconds > math.MaxInt64/1_000_000 || time > math.MaxInt64-micros {
		return 0, errors.New(name + " is out of range")
	}
	return time + micros, nil
}

// summarize emits what is known of a key, and forgets it.
func summarize(of *Context, out *Outputs) {
	state := of.State.Value
	if due, is := state.Due.Get(); is {
		of.Timers.Delete(due)
	}
	if alarm, is := state.Alarm.Get(); is {
		of.Timers.DeleteProcessingTime(alarm)
	}
	entries := words.Scan(of, keyed.Range[Word]{}, wordsMax)
	for _, entry := range entries {
		words.Remove(of, entry.Key)
	}
	summary := Summary{Count: state.Count, Words: int64(len(entries))}
	if len(entries) > 0 {
		summary.First = weir.Some(entries[0].Key.Word)
	}
	of.State = weir.Opt[State]{}
	out.Summary.Emit(summary)
}

func main() {}
