// Configurations.

package tests

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"weir"
	"weir/internal/config"
	"weir/weirtest"
)

type limits struct {
	Least, Greatest int8
}

type settings struct {
	LateAfterMinutes int64
	Ratio            float64           `default:"0.5"`
	Mode             string            `oneof:"fast,exact" default:"fast" doc:"How \"exact\" it is."`
	Names            []string          `default:"[]"`
	Labels           map[string]uint16 `default:"{}"`
	Limits           weir.Opt[limits]
	Key              weir.Opt[string] `weir:"the_key"`
}

func (s *settings) Validate() error {
	if s.LateAfterMinutes < 0 {
		return errors.New("`late-after-minutes` is at least 0")
	}
	return nil
}

func TestConfigurations(t *testing.T) {
	read, err := weirtest.Configured[settings](`{"late-after-minutes": 9007199254740993, "names": ["a\u00e9\ud83d\ude00\n"],
		"labels": {"x": 65535}, "limits": {"least": -128, "greatest": 127}, "the_key": null, "ratio": -1e2}`)
	expected := &settings{
		LateAfterMinutes: 9007199254740993, Ratio: -100, Mode: "fast", Names: []string{"aé😀\n"}, Labels: map[string]uint16{"x": 65535},
		Limits: weir.Some(limits{-128, 127}),
	}
	if err != nil || !reflect.DeepEqual(read, expected) {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestConfigurationsThatDoNotFit(t *testing.T) {
	for json, expected := range map[string]string{
		``:                            "config: missing field `late-after-minutes`",
		`null`:                        "config: missing field `late-after-minutes`",
		`5`:                           "config: expected an object, not 5",
		`{"late-after-minutes": 1`:    "config: it is no JSON: expected `,` or `}` at byte 24",
		`{"late-after-minutes": 1} x`: "config: it is no JSON: expected nothing more at byte 26",
		`{"late-after-minutes": "1"}`: "config: `late-after-minutes`: expected a whole number, not \"1\"",
		`{"late-after-minutes": 1.5}`: "config: `late-after-minutes`: expected a whole number, not 1.5",
		`{"late-after-minutes": 9223372036854775808}`:                        "config: `late-after-minutes`: 9223372036854775808 is out of range, from -9223372036854775808 to 9223372036854775807",
		`{"late-after-minute": 1}`:                                           "config: unknown field `late-after-minute`, expected one of `late-after-minutes`, `ratio`, `mode`, `names`, `labels`, `limits`, `the_key`",
		`{"late-after-minutes": 1, "other": 1}`:                              "config: unknown field `other`, expected one of `late-after-minutes`, `ratio`, `mode`, `names`, `labels`, `limits`, `the_key`",
		`{"late-after-minutes": 1, "late-after-minutes": 1}`:                 "config: `late-after-minutes` is there twice",
		`{"late-after-minutes": -1}`:                                         "config: `late-after-minutes` is at least 0",
		`{"late-after-minutes": 1, "mode": "slow"}`:                          "config: `mode`: expected one of fast,exact, not \"slow\"",
		`{"late-after-minutes": 1, "names": [1]}`:                            "config: `names[0]`: expected a text, not 1",
		`{"late-after-minutes": 1, "labels": {"x": 65536}}`:                  "config: `labels.x`: 65536 is out of range, from 0 to 65535",
		`{"late-after-minutes": 1, "labels": {"x": -1}}`:                     "config: `labels.x`: -1 is out of range, from 0 to 65535",
		`{"late-after-minutes": 1, "labels": {"x": 1.5}}`:                    "config: `labels.x`: expected a whole number, not 1.5",
		`{"late-after-minutes": 1, "limits": {"least": 1}}`:                  "config: missing field `limits.greatest`",
		`{"late-after-minutes": 1, "limits": {"least": 1, "greatest": 128}}`: "config: `limits.greatest`: 128 is out of range, from -128 to 127",
		`{"late-after-minutes": 1, "ratio": true}`:                           "config: `ratio`: expected a number, not true",
		`{"late-after-minutes": 1, "ratio": 1e999}`:                          "config: `ratio`: 1e999 is out of range of floats of 64 bits",
		strings.Repeat("[", 100_000):                                         "config: it is no JSON: expected less nesting at byte 65",
	} {
		if _, err := weirtest.Configured[settings](json); err == nil || err.Error() != expected {
			t.Errorf("%.60s: expected %q, got %v", json, expected, err)
		}
	}
}

func TestTheSchemaOfAConfiguration(t *testing.T) {
	var schema struct {
		Properties map[string]map[string]any
		Required   []string
	}
	text := config.Schema(reflect.TypeFor[settings]())
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		t.Fatal(err, text)
	}
	if !reflect.DeepEqual(schema.Required, []string{"late-after-minutes"}) || len(schema.Properties) != 7 {
		t.Error(text)
	}
	mode := map[string]any{"type": "string", "enum": []any{"fast", "exact"}, "description": `How "exact" it is.`, "default": "fast"}
	if !reflect.DeepEqual(schema.Properties["mode"], mode) {
		t.Error(schema.Properties["mode"])
	}
}
