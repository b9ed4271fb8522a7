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
