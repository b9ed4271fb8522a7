// Package tests has the tests of the SDK: natively, through the code that components run.
package tests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir"
	"weir/transform"
	"weir/weirtest"
)

type none struct{}

// refusals gives the reasons for which rows were refused.
func refusals(results *weirtest.Results) []string {
	var all []string
	for _, one := range results.Refused {
		all = append(all, one.Reason)
	}
	return all
}

type numbered struct{ N weir.Opt[int64] }
type needed struct{ N int64 }
type kept struct{ weir.KeepAll }

func TestEveryWayToRefuseARow(t *testing.T) {
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[kept]) error {
		out.Emit(kept{})
		switch row.N {
		case 1:
			return errors.New("it is one")
		case 2:
			var list []int
			_ = list[row.N]
		case 3:
			panic("three")
		case 4:
			var pointer *needed
			_ = pointer.N
		case 5:
			_ = 1 / (row.N - 5)
		case 6:
			panic(errors.New("six"))
		}
		return nil
	})
	rows := []numbered{{weir.Some[int64](0)}, {}}
	for n := range int64(6) {
		rows = append(rows, numbered{weir.Some(n + 1)})
	}
	rows = append(rows, numbered{weir.Some[int64](7)})
	results := weirtest.Transform(t, operator, &none{}, rows)
	weirtest.Expect(t, results, "main", needed{0}, needed{7})
	expected := []string{
		`column "n" is null, and its field is no weir.Opt`,
		"it is one",
		"runtime error: index out of range [2] with length 0 (transform_test.go:",
		"three (transform_test.go:",
		"runtime error: invalid memory address or nil pointer dereference (transform_test.go:",
		"runtime error: integer divide by zero (transform_test.go:",
		"six (transform_test.go:",
	}
	for i, reason := range refusals(results) {
		if !strings.HasPrefix(reason, expected[i]) {
			t.Errorf("row %d: %s", i, reason)
		}
	}
	if len(results.Refused) != len(expected) {
		t.Error(results.Refused)
	}
}

type written struct {
	Text   string
	Amount weir.Decimal `decimal:"3,1"`
	Tags   []string
}

func TestValuesThatTheirColumnsCannotHoldRefuseTheRow(t *testing.T) {
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[written]) error {
		all := []written{
			{"good", weir.DecimalOf(999), []string{"a"}},
			{"\xff", weir.DecimalOf(0), nil},
			{"", weir.DecimalOf(1000), nil},
			{"", weir.DecimalOf(-1000), nil},
			{"", weir.DecimalOf(-999), []string{"good", "b\xc3"}},
			{"also good", weir.DecimalOf(-999), []string{}},
		}
		out.Emit(all[0])
		out.Emit(all[row.N])
		return nil
	})
	var rows []needed
	for n := range int64(6) {
		rows = append(rows, needed{n})
	}
	results := weirtest.Transform(t, operator, &none{}, rows)
	if texts := weirtest.Rows[struct{ Text string }](t, results, "main"); len(texts) != 4 || texts[3].Text != "also good" {
		t.Error(texts)
	}
	expected := []string{
		`column "text" was given a text that is not UTF-8 (output main)`,
		`column "amount" is decimal128(3, 1), and cannot hold 1000 (without its point) (output main)`,
		`column "amount" is decimal128(3, 1), and cannot hold -1000 (without its point) (output main)`,
		`column "tags" was given a text that is not UTF-8 (output main)`,
	}
	if got := refusals(results); !slices.Equal(got, expected) {
		t.Error(got)
	}
}

type bid struct {
	Auction, Price int64
	URL            string
	At             weir.EventTime
}

type shaped struct {
	weir.KeepAll `drop:"url" rename:"auction=lot"`
	Price        float64
	Half         int64
	At           weir.EventTime
}

type cheap struct {
	weir.Keep `columns:"auction, price=cents"`
}

type twoOutputs struct {
	Main     weir.Emitter[shaped]
	VeryLate weir.Emitter[cheap]
}

func TestKeptColumnsSideOutputsAndEventTimes(t *testing.T) {
	operator := transform.New(func(_ *none, row bid, out *twoOutputs) error {
		out.Main.Emit(shaped{Price: float64(row.Price) / 100, Half: row.Price / 2, At: row.At + 1})
		if row.Price < 10 {
			out.VeryLate.Emit(cheap{})
			out.VeryLate.Emit(cheap{})
		}
		return nil
	})
	results := weirtest.Transform(t, operator, &none{}, []bid{{1, 50, "a", 100}, {2, 5, "b", 200}})
	if columns := results.Columns("main"); columns != "lot: int64, price: float64, half: int64" {
		t.Error(columns)
	}
	type seen struct {
		Lot   int64
		Price float64
		Half  int64
		At    weir.EventTime
	}
	weirtest.Expect(t, results, "main", seen{1, 0.5, 25, 101}, seen{2, 0.05, 2, 201})
	type side struct {
		Auction, Cents int64
		At             weir.EventTime
	}
	weirtest.Expect(t, results, "very-late", side{2, 5, 200}, side{2, 5, 200})
}

type kinded struct {
	N    int64
	Kind weir.Kind
}

type kindOut struct {
	weir.KeepAll
	Kind weir.Kind `changelog:"upsert"`
}

func TestKindsOfRows(t *testing.T) {
	operator := transform.New(func(_ *none, row kinded, out *weir.Emitter[kindOut]) error {
		if row.N == 2 {
			out.Emit(kindOut{Kind: 9})
			return nil
		}
		out.Emit(kindOut{Kind: weir.Delete - row.Kind})
		return nil
	})
	results := weirtest.Transform(t, operator, &none{}, []kinded{{1, weir.Insert}, {2, weir.Insert}, {3, weir.UpdateAfter}})
	weirtest.Expect(t, results, "main", kinded{1, weir.Delete}, kinded{3, weir.UpdateBefore})
	if got := refusals(results); len(got) != 1 {
		t.Error(got)
	}
}

type order struct{ ID, Price int64 }
type payment struct{ ID int64 }
type matched struct {
	weir.Keep `columns:"orders.id, price"`
	Of        string
}

func TestInputsByName(t *testing.T) {
	operator := transform.Of(
		transform.From("payments", func(_ *none, row payment, out *weir.Emitter[matched]) error {
			out.Emit(matched{Of: "payment"})
			return nil
		}),
		transform.From("orders", func(_ *none, row order, out *weir.Emitter[matched]) error {
			out.Emit(matched{Of: "order"})
			return nil
		}),
	)
	orders, payments := weirtest.From("orders", []order{{1, 10}}), weirtest.From("payments", []payment{{7}})
	results, err := weirtest.TryTransform(operator, &none{}, orders, payments)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		ID, Price weir.Opt[int64]
		Of        string
	}
	weirtest.Expect(t, results, "main", seen{weir.Some[int64](1), weir.Some[int64](10), "order"}, seen{Of: "payment"})
	expectError(t, operator, []weirtest.Input{orders}, `the operator's input "payments" is not connected`)
	other := weirtest.From("order", []order{})
	expectError(t, operator, []weirtest.Input{other, payments}, "the operator has no input \"order\": it has payments, orders; did you mean `orders`?")
}

func expectError(t *testing.T, operator *transform.Operator, inputs []weirtest.Input, expected string) {
	t.Helper()
	_, err := weirtest.TryTransform(operator, &none{}, inputs...)
	if err == nil || !strings.Contains(err.Error(), expected) {
		t.Errorf("expected %q, got %v", expected, err)
	}
}

func TestALotOfRowsFromOne(t *testing.T) {
	operator := transform.New(func(_ *none, row needed, out *weir.Emitter[needed]) error {
		for n := range row.N {
			out.Emit(needed{n})
		}
		if row.N%2 == 1 {
			return errors.New("odd")
		}
		return nil
	})
	results := weirtest.Transform(t, operator, &none{}, []needed{{100_000}, {100_001}, {2}})
	if rows := weirtest.Rows[needed](t, results, "main"); len(rows) != 100_002 || rows[99_999].N != 99_999 || rows[100_001].N != 1 {
		t.Error(len(rows))
	}
}
