// Declarations that make no operator, and columns that do not fit.

package tests

import (
	"testing"

	"weir"
	"weir/transform"
	"weir/weirtest"
)

// connecting makes a transform of rows In that emits Out, for its declaration alone.
func connecting[In, Out any]() *transform.Operator {
	return transform.New(func(_ *none, row In, out *Out) error { return nil })
}

func TestDeclarationsAndColumnsThatDoNotFit(t *testing.T) {
	given := []weirtest.Input{weirtest.From("main", []struct {
		N    int64
		Text string
		Half float32
	}{})}
	for _, one := range []struct {
		operator *transform.Operator
		expected string
	}{
		{connecting[struct{ M int64 }, weir.Emitter[kept]](), `there is no column "m" (int64), which the operator reads; the input has n: int64, text: utf8, half: float32`},
		{connecting[struct{ N int32 }, weir.Emitter[kept]](), `column "n" is int64, but the operator reads it as int32`},
		{connecting[struct{ Text weir.Number }, weir.Emitter[kept]](), `column "text" is utf8, but the operator reads it as any integer or float`},
		{connecting[struct{ N int }, weir.Emitter[kept]](), `a int is no column: say how large it is, as int64`},
		{connecting[struct{ N *int64 }, weir.Emitter[kept]](), `a *int64 is no column: a value that may be null is a weir.Opt`},
		{connecting[struct{ n int64 }, weir.Emitter[kept]](), `is not exported: its name must begin with a capital letter`},
		{connecting[int64, weir.Emitter[kept]](), `int64 is no row: a row is a struct`},
		{connecting[struct{ N weir.Decimal }, weir.Emitter[kept]](), "a Decimal has a tag with its digits"},
		{connecting[struct {
			N int64
			M int64 `weir:"n"`
		}, weir.Emitter[kept]](), `has two fields for the column "n"`},
		{connecting[needed, weir.Emitter[struct {
			weir.Keep `columns:"txt"`
		}]](), `there is no column "txt", which output "main" keeps; the input has n: int64, text: utf8, half: float32`},
		{connecting[needed, weir.Emitter[struct {
			weir.Keep `columns:"n, text=n"`
		}]](), `output "main" keeps two columns as "n": give one another name`},
		{connecting[needed, struct{ Main int64 }](), `is no weir.Emitter`},
		{connecting[needed, int64](), `an operator emits to a *weir.Emitter`},
		{connecting[needed, weir.Emitter[struct {
			Kind weir.Kind `changelog:"often"`
		}]](), `changelog is insert-only, upsert or retract, not "often"`},
		{connecting[struct {
			N int64 `wier:"m"`
		}, weir.Emitter[kept]](), `has the tag "wier", which means nothing: it may have weir`},
		{connecting[struct {
			N int64 `decimal:"3,1"`
		}, weir.Emitter[kept]](), `has the tag "decimal", which means nothing: it may have weir`},
		{connecting[struct {
			N int64 `weir: "m"`
		}, weir.Emitter[kept]](), "which is not written as `key:"},
		{connecting[needed, weir.Emitter[struct {
			weir.KeepAll `dorp:"n"`
		}]](), `has the tag "dorp", which means nothing: it may have drop, rename`},
		{connecting[needed, weir.Emitter[struct {
			weir.Keep `column:"n"`
		}]](), `has the tag "column", which means nothing: it may have columns`},
		{connecting[needed, weir.Emitter[struct{ weir.Keep }]](), "says which columns in a tag, as in `columns:"},
		{connecting[needed, weir.Emitter[struct {
			weir.KeepAll `drop:"nosuch"`
		}]](), `there is no column "nosuch", which output "main" drops`},
		{connecting[needed, weir.Emitter[struct {
			weir.KeepAll `rename:"nope=b"`
		}]](), `there is no column "nope", which output "main" renames`},
		{connecting[needed, weir.Emitter[struct {
			weir.KeepAll `drop:"n" rename:"n=b"`
		}]](), `output "main" renames column "n", which it drops`},
		{connecting[needed, weir.Emitter[struct {
			weir.KeepAll `rename:"what"`
		}]](), "is written `rename:"},
	} {
		expectError(t, one.operator, given, one.expected)
	}
}

func TestTwoInputsOfAnOperatorWithOne(t *testing.T) {
	expectError(t, connecting[needed, weir.Emitter[kept]](), []weirtest.Input{weirtest.From("a", []needed{}), weirtest.From("b", []needed{})},
		"the operator has one input, but is connected to 2")
}

func TestAConfigurationOfAnotherType(t *testing.T) {
	_, err := weirtest.TryTransform(connecting[needed, weir.Emitter[kept]](), &needed{}, weirtest.From("main", []needed{}))
	if err == nil || err.Error() != "the configuration is a *tests.none" {
		t.Error(err)
	}
}

// ofTwo makes an operator with two inputs that both have the column id.
func ofTwo[Out any]() *transform.Operator {
	return transform.Of(
		transform.From("orders", func(_ *none, row struct{ ID int64 }, out *weir.Emitter[Out]) error {
			out.Emit(*new(Out))
			return nil
		}),
		transform.From("payments", func(_ *none, row struct{ ID int64 }, out *weir.Emitter[Out]) error { return nil }),
	)
}

func TestAColumnOfSeveralInputs(t *testing.T) {
	inputs := []weirtest.Input{weirtest.From("orders", []order{{1, 10}}), weirtest.From("payments", []payment{})}
	expectError(t, ofTwo[struct {
		weir.Keep `columns:"id"`
	}](), inputs, `column "id", which output "main" keeps, is in several inputs: write orders.id or payments.id`)
	expectError(t, ofTwo[struct {
		weir.KeepAll `rename:"id=order_id"`
	}](), inputs, `column "id", which output "main" renames, is in several inputs: write orders.id or payments.id`)
	for operator, expected := range map[*transform.Operator]string{
		ofTwo[struct {
			weir.KeepAll `drop:"payments.id"`
		}](): "id: int64, price: int64",
		ofTwo[struct {
			weir.KeepAll `drop:"id"`
		}](): "price: int64",
	} {
		results, err := weirtest.TryTransform(operator, &none{}, inputs...)
		if err != nil || results.Columns("main") != expected {
			t.Error(err, expected)
		}
	}
}

func TestFieldsOfStructsAreMatchedByName(t *testing.T) {
	type point struct {
		X float64
		Y weir.Opt[float64]
	}
	type in struct{ P point }
	operator := transform.New(func(_ *none, row in, out *weir.Emitter[point]) error {
		out.Emit(row.P)
		return nil
	})
	type turned struct {
		Y float64
		Z string
		X float64
	}
	results := weirtest.Transform(t, operator, &none{}, []struct{ P turned }{{turned{1, "a", 2}}})
	weirtest.Expect(t, results, "main", point{2, weir.Some(1.0)})
	results = weirtest.Transform(t, operator, &none{}, []struct{ P struct{ X float64 } }{{struct{ X float64 }{2}}})
	weirtest.Expect(t, results, "main", point{X: 2})
	expectError(t, operator, []weirtest.Input{weirtest.From("main", []struct{ P struct{ Y float64 } }{})},
		`column "p" is struct<y: float64>, but the operator reads it as struct<x: float64, y: float64>`)
}
