// What the functions that the host calls make of mistakes: always an answer with a message.

package tests

import (
	"errors"
	"strings"
	"testing"

	"weir"
	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/export"
	transforms "weir/internal/export/export_weir_operator_transform"
	"weir/keyed"
	"weir/transform"
	"weir/weirtest"
)

type mistaken struct {
	What string `default:""`
}

func (m *mistaken) Validate() error {
	switch m.What {
	case "error":
		return errors.New("`what` is wrong")
	case "panic":
		_ = []int{}[len(m.What)]
	}
	return nil
}

// component makes an operator that of the component.
func component(operators ...*transform.Operator) {
	transforms.The = export.One[transforms.Operator]{}
	for _, operator := range operators {
		transforms.The.Set(operator)
	}
}

func TestWhatTheHostIsTold(t *testing.T) {
	operator := transform.New(func(_ *mistaken, row needed, out *weir.Emitter[kept]) error { return nil }).Title("A title")
	inputs := []wire.Input{{Name: "main", Columns: []wire.Field{{Name: "n", Format: "l"}}}}
	for _, one := range []struct {
		operators        []*transform.Operator
		config, expected string
	}{
		{nil, "{}", "the component has no operator: package main has none in a variable"},
		{[]*transform.Operator{operator, operator}, "{}", "the component has several operators: package main makes one only"},
		{[]*transform.Operator{operator}, `{"what": "error"}`, "config: `what` is wrong"},
		{[]*transform.Operator{operator}, `{"what": "panic"}`, "runtime error: index out of range [5] with length 0 (export_test.go:"},
		{[]*transform.Operator{operator}, `{"wat": ""}`, "config: unknown field `wat`, expected `what`"},
	} {
		component(one.operators...)
		if answer := transforms.Describe(one.config, inputs); !strings.HasPrefix(answer.Err(), one.expected) {
			t.Errorf("%s: %q", one.config, answer.Err())
		}
	}
	component(operator)
	if answer := transforms.Describe("{}", inputs); answer.Err() != "" || len(answer.Ok().Reads) != 1 {
		t.Error(answer)
	}
	if about := transforms.About(); about.Title.Some() != "A title" || !strings.Contains(about.ConfigSchema.Some(), `"what"`) {
		t.Error(about)
	}
}

func TestAFailureOfAWholeCallIsAnError(t *testing.T) {
	type columns struct{ N []int64 }
	type out struct{ M []int64 }
	component(transform.NewColumns(func(_ *none, rows int, in columns, to *weir.ColumnEmitter[out]) error {
		switch in.N[0] {
		case 0:
			to.Emit(out{in.N[:0]})
		case 1:
			to.EmitRows([]uint32{1}, out{in.N})
		case 2:
			return errors.New("all of it")
		}
		return nil
	}))
	transforms.Describe("{}", []wire.Input{{Name: "main", Columns: []wire.Field{{Name: "n", Format: "l"}}}})
	for n, expected := range []string{
		`output main was given 0 values of column "m" for 1 rows`, "row 1 was emitted in a call with 1 (export_test.go:", "all of it", "",
	} {
		values := []byte{byte(n), 0, 0, 0, 0, 0, 0, 0}
		answer := transforms.Process(0, wire.Batch{Rows: 1, Columns: []wire.Node{{Length: 1, Buffers: [][]byte{nil, values}}}})
		if !strings.HasPrefix(answer.Err(), expected) || (expected == "") != (answer.Err() == "") {
			t.Errorf("%d: %q", n, answer.Err())
		}
	}
	cut := transforms.Process(0, wire.Batch{Rows: 2, Columns: []wire.Node{{Length: 1, Buffers: [][]byte{nil, make([]byte, 8)}}}})
	if !strings.Contains(cut.Err(), "too short") {
		t.Error(cut.Err())
	}
}

func TestAStateThatCannotBeReadAsTheNewOne(t *testing.T) {
	type state struct {
		N    int64
		More string
	}
	operator := keyed.New(func(_ *none, row needed, of *keyed.Context[none, state], out *weir.Emitter[kept]) error { return nil })
	weirtest.NewKeyed[needed](t, operator, &none{}, "n")
	_, err := operator.MigrateCall(1, []wire.Field{{Name: "n", Format: "l"}}, wire.States{Keys: 0})
	if err == nil || !strings.Contains(err.Error(), `there is no column "more" (utf8)`) {
		t.Error(err)
	}
	_, err = operator.MigrateCall(1, []wire.Field{{Name: "n", Format: "i"}, {Name: "more", Format: "u"}}, wire.States{Keys: 0})
	if err == nil || !strings.Contains(err.Error(), `column "n" is int32`) {
		t.Error(err)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "there is no migration from version 1 of the state, and its columns do not fit: ") {
		t.Error(err)
	}
	_, err = operator.MigrateCall(2, []wire.Field{{Name: "n", Format: "l"}, {Name: "more", Format: "u"}, {Name: "other", Format: "l"}}, wire.States{Keys: 0})
	if err != nil {
		t.Error(err)
	}
	_, err = operator.Version(0, nil).Connect(&none{}, []wire.Input{{Name: "main", Columns: []wire.Field{{Name: "n", Format: "l"}}}})
	if err == nil || err.Error() != "the version of the state is at least 1, not 0" {
		t.Error(err)
	}
}
