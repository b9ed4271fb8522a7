// Every type through rows and columns, in batches of any size.

package tests

import (
	"errors"
	"math"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"weir"
	"weir/transform"
	"weir/weirtest"
)

type inner struct {
	Deep weir.Opt[[]string]
	Flag bool
}

// everything has every type, with nulls and without.
type everything struct {
	Bool     bool
	I8       int8
	U8       uint8
	I16      int16
	U16      uint16
	I32      int32
	U32      uint32
	I64      int64
	U64      uint64
	F32      float32
	F64      float64
	Text     string
	Bytes    []byte
	Day      weir.Date
	Micros   weir.Timestamp
	Nanos    weir.TimestampNanos
	Amount   weir.Decimal `decimal:"38,3"`
	Numbers  []int64
	Items    []weir.Opt[inner]
	Inner    inner
	OBool    weir.Opt[bool]
	OI8      weir.Opt[int8]
	OU64     weir.Opt[uint64]
	OText    weir.Opt[string]
	OBytes   weir.Opt[[]byte]
	OAmount  weir.Opt[weir.Decimal] `decimal:"5,0"`
	ONumbers weir.Opt[[]weir.Opt[float64]]
	OInner   weir.Opt[inner]
}

// random makes values of a type, with extreme ones among them.
func random(r *rand.Rand, to reflect.Value, tag reflect.StructTag) {
	if to.Type() == reflect.TypeFor[weir.Decimal]() {
		number := weir.DecimalOf(int64(r.Intn(199_999) - 99_999))
		if tag.Get("decimal") == "38,3" && r.Intn(2) == 0 {
			number = weir.Decimal{Lo: r.Uint64(), Hi: int64(r.Uint64()) >> 2}
		}
		to.Set(reflect.ValueOf(number))
		return
	}
	switch to.Kind() {
	case reflect.Bool:
		to.SetBool(r.Intn(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		to.SetInt(int64(r.Uint64()) >> (64 - to.Type().Bits()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		to.SetUint(r.Uint64() >> (64 - to.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		to.SetFloat([]float64{0, math.Copysign(0, -1), math.Inf(1), 1.5, float64(float32(r.NormFloat64()))}[r.Intn(5)])
	case reflect.String:
		to.SetString([]string{"", "a", "äöü😀", "a longer text with\x00zero"}[r.Intn(4)])
	case reflect.Slice:
		to.Set(reflect.MakeSlice(to.Type(), r.Intn(4), 4))
		for i := range to.Len() {
			random(r, to.Index(i), tag)
		}
		if to.Len() == 0 {
			to.SetZero() // an empty list is nil
		}
	case reflect.Struct:
		if valid := to.FieldByName("Valid"); valid.IsValid() {
			if valid.SetBool(r.Intn(3) > 0); valid.Bool() {
				random(r, to.Field(0), tag)
			}
			return
		}
		for i := range to.NumField() {
			random(r, to.Field(i), to.Type().Field(i).Tag)
		}
	}
}

func randomRows(seed int64, n int) []everything {
	r := rand.New(rand.NewSource(seed))
	rows := make([]everything, n)
	for i := range rows {
		random(r, reflect.ValueOf(&rows[i]).Elem(), "")
	}
	return rows
}

func TestEveryTypeGoesThroughAnyBatch(t *testing.T) {
	operator := transform.New(func(_ *none, row everything, out *weir.Emitter[everything]) error {
		if row.U8 < 20 {
			return errors.New("small")
		}
		for range row.U8 % 3 {
			out.Emit(row)
		}
		return nil
	})
	rows := randomRows(1, 1000)
	var expected []everything
	var small []int
	for i, row := range rows {
		if row.U8 < 20 {
			small = append(small, i)
			continue
		}
		for range row.U8 % 3 {
			expected = append(expected, row)
		}
	}
	for _, size := range []int{1, 7, 255, 256, 257, 1000} {
		var got []everything
		var refused []int
		for from := 0; from < len(rows); from += size {
			results := weirtest.Transform(t, operator, &none{}, rows[from:min(from+size, len(rows))])
			got = append(got, weirtest.Rows[everything](t, results, "main")...)
			for _, one := range results.Refused {
				refused = append(refused, from+one.Row)
			}
		}
		if !slices.Equal(refused, small) {
			t.Errorf("batches of %d: other rows are refused", size)
		}
		for i := range min(len(got), len(expected)) {
			if !reflect.DeepEqual(got[i], expected[i]) {
				t.Fatalf("batches of %d, row %d: expected\n%+v, got\n%+v", size, i, expected[i], got[i])
			}
		}
		if len(got) != len(expected) {
			t.Errorf("batches of %d: %d rows, not %d", size, len(got), len(expected))
		}
	}
}

func TestNothingAndALotOfRows(t *testing.T) {
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[needed]) error {
		out.Emit(needed{row.N + 1})
		return nil
	})
	for _, n := range []int{0, 1, 70_000} {
		rows := make([]needed, n)
		results := weirtest.Transform(t, operator, &none{}, rows)
		if got := weirtest.Rows[needed](t, results, "main"); len(got) != n || n > 0 && got[n-1].N != 1 {
			t.Error(len(got))
		}
	}
}

func TestNumbersAndCoarserTimes(t *testing.T) {
	type coarse struct {
		A uint8
		B int64
		C float32
		D weir.TimestampSeconds
	}
	type fine struct {
		A, B, C weir.Number
		D       weir.TimestampNanos
	}
	operator := transform.New(func(_ *none, row fine, out *weir.Emitter[fine]) error {
		out.Emit(row)
		return nil
	})
	results := weirtest.Transform(t, operator, &none{}, []coarse{{255, math.MaxInt64, 0.1, -1}, {0, 0, 0, math.MaxInt64 / 1_000_000_000}, {D: math.MaxInt64/1_000_000_000 + 1}})
	if columns := results.Columns("main"); columns != "a: float64, b: float64, c: float64, d: timestamp(ns, UTC)" {
		t.Error(columns)
	}
	type seen struct {
		A, B, C float64
		D       weir.TimestampNanos
	}
	weirtest.Expect(t, results, "main", seen{255, 1 << 63, float64(float32(0.1)), -1e9}, seen{0, 0, 0, math.MaxInt64 / 1_000_000_000 * 1_000_000_000})
	if got := refusals(results); !slices.Equal(got, []string{`column "d" has an instant that timestamp(ns, UTC) cannot hold`}) {
		t.Error(got)
	}
}

type prices struct {
	Price []int64
	Name  []weir.Opt[string]
	At    []weir.EventTime
}

type taxed struct {
	weir.KeepAll
	Tax  []float64
	Name []string
	At   []weir.EventTime
}

type free struct {
	weir.Keep `columns:"name"`
}

type columnOutputs struct {
	Main weir.ColumnEmitter[taxed]
	Free weir.ColumnEmitter[free]
}

func TestColumns(t *testing.T) {
	operator := transform.NewColumns(func(_ *none, rows int, in prices, out *columnOutputs) error {
		emitted := taxed{Tax: make([]float64, rows), Name: make([]string, rows), At: in.At}
		var free_ []uint32
		for i, price := range in.Price {
			emitted.Tax[i], emitted.Name[i] = float64(price)/4, in.Name[i].Or("nobody")
			switch {
			case price < 0:
				out.Main.Refuse(i, errors.New("negative"))
			case price == 0 && !out.Main.IsRefused(i):
				free_ = append(free_, uint32(i))
			case price == 3:
				emitted.Name[i] = "\xff"
			}
		}
		out.Free.EmitRows(free_, free{})
		out.Main.Emit(emitted)
		return nil
	})
	type given struct {
		Price weir.Opt[int64]
		Name  weir.Opt[string]
		At    weir.EventTime
	}
	some := weir.Some[int64]
	results := weirtest.Transform(t, operator, &none{}, []given{
		{some(8), weir.Some("a"), 1}, {some(-1), weir.Opt[string]{}, 2}, {some(0), weir.Opt[string]{}, 3}, {}, {some(3), weir.Opt[string]{}, 5}, {some(1), weir.Some("b"), 6},
	})
	type seen struct {
		Price int64
		Name  string
		Tax   float64
		At    weir.EventTime
	}
	weirtest.Expect(t, results, "main", seen{8, "a", 2, 1}, seen{0, "nobody", 0, 3}, seen{1, "b", 0.25, 6})
	weirtest.Expect(t, results, "free", struct{ Name weir.Opt[string] }{})
	expected := []weirtest.Refused{
		{Row: 1, Reason: "negative"}, {Row: 3, Reason: `column "price" is null, and its field is no weir.Opt`}, {Row: 4, Reason: `column "name" was given a text that is not UTF-8 (output main)`},
	}
	if !slices.Equal(results.Refused, expected) {
		t.Error(results.Refused)
	}
}

func TestEveryByteOfATextIsLookedAt(t *testing.T) {
	type text struct{ Text string }
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[text]) error {
		for at := range row.N {
			bytes := []byte("0123456789012345678901234567890123456789012345678901234567890123456789"[:row.N])
			if bytes[at] = 0xff; at != row.N/3 {
				bytes[at] = 'x'
			}
			out.Emit(text{string(bytes)})
		}
		out.Emit(text{"good: é"})
		return nil
	})
	var rows []needed
	for n := range int64(71) {
		rows = append(rows, needed{n})
	}
	results := weirtest.Transform(t, operator, &none{}, rows)
	if len(results.Refused) != 70 || results.Refused[0].Row != 1 {
		t.Error(len(results.Refused))
	}
}
