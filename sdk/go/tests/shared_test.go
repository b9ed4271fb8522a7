// Memory that an author uses again, and goroutines that do not end.

package tests

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"weir"
	"weir/aggregate"
	"weir/keyed"
	"weir/transform"
	"weir/weirtest"
)

type lists struct {
	L []int64
	B []byte
	S struct{ In [][]byte }
}

func listsOf(n int64) lists {
	var made lists
	made.L, made.B, made.S.In = []int64{n}, []byte{byte(n)}, [][]byte{{byte(n)}}
	return made
}

// fill writes a number into lists that are used again.
func (l *lists) fill(n int64) {
	l.L[0], l.B[0], l.S.In[0][0] = n, byte(n), byte(n)
}

func TestSlicesThatAreUsedAgain(t *testing.T) {
	scratch := listsOf(0)
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[lists]) error {
		scratch.fill(row.N)
		out.Emit(scratch)
		return nil
	})
	rows := []needed{{1}, {2}, {3}}
	expected := []lists{listsOf(1), listsOf(2), listsOf(3)}
	weirtest.Expect(t, weirtest.Transform(t, operator, &none{}, rows), "main", expected...)

	counted := keyed.New(func(_ *none, row needed, of *keyed.Context[none, lists], out *weir.Emitter[kept]) error {
		scratch.fill(row.N)
		of.State = weir.Some(scratch)
		return nil
	})
	h := weirtest.NewKeyed[needed](t, counted, &none{}, "n")
	h.Process(rows...)
	if got := weirtest.States[lists](t, h); !reflect.DeepEqual(got, expected) {
		t.Error(got)
	}

	columns := transform.NewColumns(func(_ *none, rows int, _ struct{ N []int64 }, out *weir.ColumnEmitter[struct{ M []int64 }]) error {
		of, values := []uint32{0}, []int64{0}
		for i := range rows {
			of[0], values[0] = uint32(i), int64(10*i)
			out.EmitRows(of, struct{ M []int64 }{values})
		}
		return nil
	})
	weirtest.Expect(t, weirtest.Transform(t, columns, &none{}, rows), "main", struct{ M int64 }{0}, struct{ M int64 }{10}, struct{ M int64 }{20})

	sum := aggregate.New(func(_ *none, to *lists, row needed) error {
		if len(to.L) > 0 {
			row.N += to.L[0]
		}
		scratch.fill(row.N)
		*to = scratch
		return nil
	}, func(_ *none, to *lists, other lists) error {
		scratch.fill(to.L[0] + other.L[0])
		*to = scratch
		return nil
	}, func(_ *none, of lists) (lists, error) { return of, nil })
	weirtest.Expect(t, weirtest.Aggregate(t, sum, &none{}, rows[:2], rows[2:]), "main", listsOf(6))
}

func TestWhatIsEmittedAfterTheCallPanics(t *testing.T) {
	var out *weir.Emitter[kept]
	operator := transform.New(func(_ *none, row needed, to *weir.Emitter[kept]) error {
		out = to
		return nil
	})
	weirtest.Transform(t, operator, &none{}, []needed{{1}})
	defer func() {
		if caught, _ := recover().(string); !strings.Contains(caught, "a goroutine must end") {
			t.Error(caught)
		}
	}()
	out.Emit(kept{})
}

func TestScannedEntriesAreCopies(t *testing.T) {
	words := keyed.NewMap[wordKey, lists]("words")
	operator := keyed.New(func(_ *none, row needed, of *keyed.Context[none, none], out *weir.Emitter[lists]) error {
		if row.N == 0 {
			words.Put(of, wordKey{"a"}, listsOf(5))
			return nil
		}
		entries := words.Scan(of, keyed.Range[wordKey]{}, 1<<40)
		if row.N == 2 {
			out.Emit(entries[0].Value)
			return nil
		}
		entries[0].Value.fill(9)
		return errors.New("refused")
	}).Maps(words)
	h := weirtest.NewKeyed[struct {
		K string
		N int64
	}](t, operator, &none{}, "k")
	results := h.Process([]struct {
		K string
		N int64
	}{{"k", 0}, {"k", 1}, {"k", 2}}...)
	weirtest.Expect(t, results, "main", listsOf(5))
}

func TestAPrefetchThatFailsRefusesNothing(t *testing.T) {
	words := keyed.NewMap[wordKey, wordValue]("words")
	operator := keyed.New(func(_ *none, row needed, of *keyed.Context[none, none], out *weir.Emitter[kept]) error {
		words.Put(of, wordKey{"a"}, wordValue{Times: row.N})
		out.Emit(kept{})
		return nil
	}, func(_ *none, row needed, entries *keyed.Prefetch) {
		switch row.N {
		case 1:
			panic("of no account")
		case 2:
			words.Want(entries, wordKey{"\xff"})
		}
		words.Want(entries, wordKey{"a"})
	}).Maps(words)
	h := weirtest.NewKeyed[needed](t, operator, &none{}, "n")
	weirtest.Expect(t, h.Process(needed{1}, needed{2}, needed{3}), "main", needed{1}, needed{2}, needed{3})
}
