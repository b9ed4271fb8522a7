// All data types through a transform. What it means is written in tests/conformance/README.md, for all languages.
package main

import (
	"errors"
	"math"
	"slices"
	"strconv"

	"weir"
	"weir/transform"
)

type Types struct {
	Drop weir.Opt[string]
}

type Point struct {
	X float64
	Y weir.Opt[float64]
}

type Swapped struct {
	X weir.Opt[float64]
	Y float64
}

type All struct {
	Copies  int64
	Flag    weir.Opt[bool]
	I8      weir.Opt[int8]
	I16     weir.Opt[int16]
	I32     weir.Opt[int32]
	I64     weir.Opt[int64]
	U8      weir.Opt[uint8]
	U16     weir.Opt[uint16]
	U32     weir.Opt[uint32]
	U64     weir.Opt[uint64]
	F32     weir.Opt[float32]
	F64     weir.Opt[float64]
	Text    weir.Opt[string]
	Bytes   weir.Opt[[]byte]
	Day     weir.Opt[weir.Date]
	Sec     weir.Opt[weir.TimestampSeconds]
	Milli   weir.Opt[weir.TimestampMillis]
	Micro   weir.Opt[weir.Timestamp]
	Nano    weir.Opt[weir.TimestampNanos]
	Amount  weir.Opt[weir.Decimal] `decimal:"12,2"`
	Numbers weir.Opt[[]weir.Opt[int64]]
	Point   weir.Opt[Point]
}

type Copy struct {
	weir.KeepAll
	Text     weir.Opt[string]
	NotFlag  weir.Opt[bool]
	Sum      weir.Opt[int64]
	Big      weir.Opt[uint64]
	Low      weir.Opt[int64]
	Half     weir.Opt[float64]
	Single   weir.Opt[float32]
	Size     weir.Opt[int64]
	Raw      weir.Opt[[]byte]
	NextDay  weir.Opt[weir.Date]
	Sec2     weir.Opt[weir.TimestampSeconds]
	Milli2   weir.Opt[weir.TimestampMillis]
	Micro2   weir.Opt[weir.Timestamp]
	Nano2    weir.Opt[weir.TimestampNanos]
	Cents    weir.Opt[weir.Decimal] `decimal:"12,2"`
	Reversed weir.Opt[[]weir.Opt[int64]]
	Swapped  weir.Opt[Swapped]
}

type NoCopies struct {
	Reason string
}

type Outputs struct {
	Main weir.Emitter[Copy]
	None weir.Emitter[NoCopies]
}

var operator = transform.New((*Types).Process)

func (t *Types) Process(row All, out *Outputs) error {
	if row.Copies < 0 {
		return errors.New("copies is " + strconv.FormatInt(row.Copies, 10))
	}
	if t.Drop.Valid && row.Text == t.Drop {
		return nil
	}
	if row.Copies == 0 {
		out.None.Emit(NoCopies{Reason: "no copies"})
		return nil
	}
	copied := Copy{
		NotFlag: weir.Opt[bool]{Value: !row.Flag.Value, Valid: row.Flag.Valid},
		Sum:     sum(row),
		Big:     row.U64,
		Low:     row.I64,
		Half:    weir.Opt[float64]{Value: row.F64.Value / 2, Valid: row.F64.Valid},
		Single:  row.F32,
		Size:    weir.Opt[int64]{Value: int64(len(row.Bytes.Value)), Valid: row.Bytes.Valid},
		Raw:     row.Bytes,
		Sec2:    row.Sec,
		Milli2:  row.Milli,
		Micro2:  row.Micro,
		Nano2:   row.Nano,
		Cents:   row.Amount,
	}
	if day, is := row.Day.Get(); is {
		if day == math.MaxInt32 {
			return errors.New("there is no day after the last one")
		}
		copied.NextDay = weir.Some(day + 1)
	}
	if numbers, is := row.Numbers.Get(); is {
		numbers = slices.Clone(numbers)
		slices.Reverse(numbers)
		copied.Reversed = weir.Some(numbers)
	}
	if point, is := row.Point.Get(); is {
		copied.Swapped = weir.Some(Swapped{X: point.Y, Y: point.X})
	}
	for i := range row.Copies {
		if text, is := row.Text.Get(); is {
			copied.Text = weir.Some(text + "#" + strconv.FormatInt(i, 10))
		}
		out.Main.Emit(copied)
	}
	return nil
}

// sum adds those that are not null.
func sum(row All) weir.Opt[int64] {
	// The value of a null is zero.
	total := int64(row.I8.Value) + int64(row.I16.Value) + int64(row.I32.Value) +
		int64(row.U8.Value) + int64(row.U16.Value) + int64(row.U32.Value)
	any := row.I8.Valid || row.I16.Valid || row.I32.Valid || row.U8.Valid || row.U16.Valid || row.U32.Valid
	return weir.Opt[int64]{Value: total, Valid: any}
}

func main() {}
