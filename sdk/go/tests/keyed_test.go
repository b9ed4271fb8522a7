// State, maps, timers and versions.

package tests

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir"
	"weir/keyed"
	"weir/weirtest"
)

type event struct {
	Key  string
	N    int64
	Word weir.Opt[string]
	At   weir.EventTime
}

type tally struct {
	N     int64
	Words []string
}

type tallied struct {
	weir.Keep `columns:"key"`
	Key2      string
	N         int64
	Seen      weir.Opt[int64]
}

type byKey struct{ Key string }

type wordKey struct{ Word string }

type wordValue struct {
	Times int64
	Last  weir.Opt[[]byte]
}

type context = keyed.Context[byKey, tally]

// counting makes an operator that counts, and is refused behind all that it does where N is negative.
func counting() (*keyed.Operator[none, byKey, tally, weir.Emitter[tallied]], *keyed.Map[wordKey, wordValue]) {
	words := keyed.NewMap[wordKey, wordValue]("words")
	type row struct {
		N    int64
		Word weir.Opt[string]
		At   weir.EventTime
	}
	process := func(_ *none, row row, of *context, out *weir.Emitter[tallied]) error {
		if !of.State.Valid {
			of.State = weir.Some(tally{})
		}
		state := &of.State.Value
		state.N += row.N
		var seen weir.Opt[int64]
		if word, is := row.Word.Get(); is {
			if len(state.Words) > 0 {
				state.Words[0] = "changed in place"
			}
			state.Words = append(state.Words, word)
			entry, _ := words.Get(of, wordKey{word})
			entry.Times++
			entry.Last = weir.Some([]byte{byte(entry.Times)})
			words.Put(of, wordKey{word}, entry)
			seen = weir.Some(entry.Times)
		}
		of.Timers.Register(weir.Timestamp(row.At) + 10)
		out.Emit(tallied{Key2: of.Key.Key, N: state.N, Seen: seen})
		if row.N == -1 {
			return errors.New("negative")
		}
		if row.N < -1 {
			panic("very negative")
		}
		return nil
	}
	onTimer := func(_ *none, timer keyed.Timer, of *context, out *weir.Emitter[tallied]) error {
		out.Emit(tallied{Key2: of.Key.Key, N: of.State.Value.N})
		if of.State.Value.N == 5 {
			of.State.Value.N = 6
			return errors.New("five")
		}
		of.State = weir.Opt[tally]{}
		for _, entry := range words.Scan(of, keyed.Range[wordKey]{}, 100) {
			words.Remove(of, entry.Key)
		}
		return nil
	}
	prefetch := func(_ *none, row row, entries *keyed.Prefetch) {
		if word, is := row.Word.Get(); is {
			words.Want(entries, wordKey{word})
		}
	}
	return keyed.New(process, prefetch).OnTimer(onTimer).Maps(words), words
}

type seenTally struct {
	Key, Key2 string
	N         int64
}

func TestRefusedRowsLeaveNoTrace(t *testing.T) {
	word := weir.Some[string]
	rows := []event{
		{"a", 1, word("x"), 0}, {"b", -1, word("y"), 1}, {"a", -1, word("x"), 2}, {"a", -2, word("z"), 3}, {"a", 2, word("x"), 4}, {"c", 5, weir.Opt[string]{}, 5},
	}
	for size := 1; size <= len(rows); size++ {
		operator, _ := counting()
		h := weirtest.NewKeyed[event](t, operator, &none{}, "key")
		var refused, seen []string
		for from := 0; from < len(rows); from += size {
			results := h.Process(rows[from:min(from+size, len(rows))]...)
			refused = append(refused, refusals(results)...)
			for _, row := range weirtest.Rows[seenTally](t, results, "main") {
				seen = append(seen, row.Key2)
			}
		}
		if len(refused) != 3 || refused[1] != "negative" || !strings.HasPrefix(refused[2], "very negative (keyed_test.go:") {
			t.Errorf("size %d: %v", size, refused)
		}
		if !slices.Equal(seen, []string{"a", "a", "c"}) {
			t.Error(seen)
		}
		type state struct {
			Key   string
			N     int64
			Words []string
		}
		if got := weirtest.States[state](t, h); !reflect.DeepEqual(got, []state{{"a", 3, []string{"changed in place", "x"}}, {"c", 5, nil}}) {
			t.Errorf("size %d: %v", size, got)
		}
		type entry struct {
			Key, Word string
			Times     int64
			Last      weir.Opt[[]byte]
		}
		if got := weirtest.Entries[entry](t, h, "words"); !reflect.DeepEqual(got, []entry{{"a", "x", 2, weir.Some([]byte{2})}}) {
			t.Errorf("size %d: %v", size, got)
		}
		if got := h.Timers(); !slices.Equal(got, []keyed.Timer{{Time: 10}, {Time: 14}, {Time: 15}}) {
			t.Errorf("size %d: %v", size, got)
		}
		results := h.End()
		weirtest.Expect(t, results, "main", seenTally{"a", "a", 3}, seenTally{"a", "a", 0})
		if got := refusals(results); !slices.Equal(got, []string{"five"}) {
			t.Error(got)
		}
		if got := weirtest.Entries[entry](t, h, "words"); len(got) > 0 {
			t.Error(got)
		}
		if got := weirtest.States[state](t, h); len(got) != 1 || got[0].N != 5 {
			t.Error(got)
		}
	}
}

type pair struct {
	A weir.Opt[int32]
	B float64
}

type set struct{}

func TestScansSeeWhatWasChangedInOrder(t *testing.T) {
	pairs := keyed.NewMap[pair, set]("pairs")
	keys := []pair{
		{weir.Opt[int32]{}, 1}, {weir.Some[int32](-5), math.Inf(-1)}, {weir.Some[int32](-5), -0.5}, {weir.Some[int32](-5), math.Copysign(0, -1)},
		{weir.Some[int32](-5), 0}, {weir.Some[int32](-5), 2}, {weir.Some[int32](0), -1}, {weir.Some[int32](7), 0}, {weir.Some[int32](7), math.NaN()},
	}
	type command struct {
		Key  string
		At   int64
		What string
	}
	scans := map[string]keyed.Range[pair]{
		"all":    {},
		"from":   {From: weir.Some(keys[2]), To: weir.Some(keys[5])},
		"after":  {After: weir.Some(keys[2]), Before: weir.Some(keys[5])},
		"nobody": {From: weir.Some(keys[5]), To: weir.Some(keys[2])},
	}
	type found struct{ At []int64 }
	operator := keyed.New(func(_ *none, row command, of *keyed.Context[none, none], out *weir.Emitter[found]) error {
		switch row.What {
		case "put":
			pairs.Put(of, keys[row.At], set{})
		case "remove":
			pairs.Remove(of, keys[row.At])
		case "get":
			if _, is := pairs.Get(of, keys[row.At]); is {
				out.Emit(found{[]int64{row.At}})
			}
		default:
			var at []int64
			for _, entry := range pairs.Scan(of, scans[row.What], int(row.At)) {
				at = append(at, int64(slices.IndexFunc(keys, func(key pair) bool {
					return key.A == entry.Key.A && math.Float64bits(key.B) == math.Float64bits(entry.Key.B)
				})))
			}
			out.Emit(found{at})
		}
		return nil
	}).Maps(pairs)
	h := weirtest.NewKeyed[command](t, operator, &none{}, "key")
	for _, at := range []int64{8, 3, 1, 5, 2, 7, 0} {
		h.Process(command{"k", at, "put"}, command{"other", at, "put"})
	}
	results := h.Process(
		command{"k", 100, "all"}, command{"k", 5, "remove"}, command{"k", 6, "put"}, command{"k", 4, "put"}, command{"k", 100, "all"}, command{"k", 4, "all"},
		command{"k", 100, "from"}, command{"k", 100, "after"}, command{"k", 100, "nobody"}, command{"k", 8, "get"}, command{"k", 5, "get"},
	)
	weirtest.Expect(t, results, "main",
		found{[]int64{0, 1, 2, 3, 5, 7, 8}}, found{[]int64{0, 1, 2, 3, 4, 6, 7, 8}}, found{[]int64{0, 1, 2, 3}}, found{[]int64{2, 3, 4}},
		found{[]int64{3, 4}}, found{nil}, found{[]int64{8}})
	if results := h.Process(command{"other", 100, "all"}); len(results.Refused) > 0 {
		t.Error(results.Refused)
	}
}

func TestMapsThatAreNotDeclaredRefuseTheRow(t *testing.T) {
	operator, words := counting()
	operator.Maps()
	_ = words
	h := weirtest.NewKeyed[event](t, operator, &none{}, "key")
	results := h.Process(event{"a", 1, weir.Some("x"), 0})
	if got := refusals(results); len(got) != 1 || !strings.HasPrefix(got[0], `the map "words" is not declared by Maps of the operator`) {
		t.Error(got)
	}
}

func TestTimersOfBothClocks(t *testing.T) {
	type row struct{ N int64 }
	type fired struct {
		weir.Keep `columns:"key"`
		N         int64
		Watermark weir.Opt[weir.Timestamp]
	}
	type of = keyed.Context[none, none]
	operator := keyed.New(func(_ *none, row row, of *of, out *weir.Emitter[fired]) error {
		of.Timers.Register(weir.Timestamp(row.N))
		of.Timers.Delete(weir.Timestamp(row.N) + 1)
		of.Timers.Register(weir.Timestamp(row.N))
		of.Timers.RegisterProcessingTime(of.ProcessingTime + 5)
		of.Timers.RegisterProcessingTime(of.ProcessingTime + 6)
		of.Timers.DeleteProcessingTime(of.ProcessingTime + 6)
		return nil
	}).OnTimer(func(_ *none, timer keyed.Timer, of *of, out *weir.Emitter[fired]) error {
		n := int64(timer.Time)
		if timer.Domain == keyed.ProcessingTime {
			n = -n
		}
		out.Emit(fired{N: n, Watermark: of.Watermark})
		return nil
	})
	type given struct {
		Key int32
		N   int64
	}
	h := weirtest.NewKeyed[given](t, operator, &none{}, "key")
	h.Process(given{1, 20}, given{2, 10}, given{1, 19})
	if got := h.Timers(); !slices.Equal(got, []keyed.Timer{{Time: 10}, {Time: 19}, {Domain: 1, Time: 5}, {Domain: 1, Time: 5}}) {
		t.Error(got)
	}
	type seen struct {
		Key int32
		N   int64
	}
	weirtest.Expect(t, h.AdvanceTo(15), "main", seen{2, 10})
	weirtest.Expect(t, h.AdvanceProcessingTime(5), "main", seen{1, -5}, seen{2, -5})
	weirtest.Expect(t, h.End(), "main", seen{1, 19})
}

func TestStatesOfOtherVersions(t *testing.T) {
	type old struct{ N int64 }
	type now struct {
		N    int64
		More weir.Opt[string]
	}
	process := func(_ *none, row needed, of *keyed.Context[none, now], out *weir.Emitter[kept]) error { return nil }
	h := weirtest.NewKeyed[needed](t, keyed.New(process), &none{}, "n")
	type newer struct {
		More  weir.Opt[string]
		Other int64
		N     int64
	}
	if got := weirtest.Migrate[now](t, h, 2, newer{N: 3}); !reflect.DeepEqual(got, []weir.Opt[now]{weir.Some(now{N: 3})}) {
		t.Error(got)
	}
	operator := keyed.New(process).Version(7, func(_ *none, from uint32, states *keyed.OldStates) ([]weir.Opt[now], error) {
		read, err := keyed.Read[old](states)
		if err != nil {
			return nil, err
		}
		return []weir.Opt[now]{weir.Some(now{N: read[0].Value.N * int64(from)}), {}}, nil
	})
	h = weirtest.NewKeyed[needed](t, operator, &none{}, "n")
	if got := weirtest.Migrate[now](t, h, 2, old{3}, old{4}); !reflect.DeepEqual(got, []weir.Opt[now]{weir.Some(now{N: 6}), {}}) {
		t.Error(got)
	}
}
