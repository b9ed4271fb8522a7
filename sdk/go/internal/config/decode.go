// JSON into a struct.

package config

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"

	"weir/internal/column"
)

// Validator is a configuration that looks at itself.
type Validator interface {
	// Validate says what is wrong beyond the types of the keys.
	Validate() error
}

// Decode reads a configuration into a struct. Unknown keys and wrong values are errors that name the key.
func Decode(text string, into any) error {
	text = strings.Clone(text) // the host's texts last for one call
	if strings.TrimSpace(text) == "" {
		text = "{}"
	}
	node, err := parse(text)
	if err == nil && node.kind == 'n' {
		node.kind = '{'
	}
	if err == nil {
		err = object(node, reflect.ValueOf(into).Elem(), "")
	}
	if validator, is := into.(Validator); err == nil && is {
		err = validator.Validate()
	}
	if err != nil {
		return errors.New("config: " + err.Error())
	}
	return nil
}

// Key gives the key of a field: gap-seconds of GapSeconds.
func Key(field reflect.StructField) string {
	if name := field.Tag.Get("weir"); name != "" {
		return name
	}
	return column.Words(field.Name, '-')
}

func object(node node, into reflect.Value, path string) error {
	if node.kind != '{' {
		return wrong(path, "an object", node)
	}
	t := into.Type()
	fields := map[string]int{}
	var keys []string
	for i := range t.NumField() {
		if err := column.Tags(t, t.Field(i), "default", "oneof", "doc", "weir"); err != nil {
			return err
		}
		if t.Field(i).IsExported() {
			fields[Key(t.Field(i))] = i
			keys = append(keys, Key(t.Field(i)))
		}
	}
	seen := map[string]bool{}
	for at, key := range node.keys {
		i, known := fields[key]
		if !known {
			return errors.New("unknown field `" + path + key + "`, " + expected(keys))
		}
		if seen[key] {
			return errors.New("`" + path + key + "` is there twice")
		}
		seen[key] = true
		if err := assign(node.items[at], into.Field(i), t.Field(i).Tag, path+key); err != nil {
			return err
		}
	}
	for _, key := range keys {
		field := t.Field(fields[key])
		if seen[key] || column.IsOpt(field.Type) {
			continue
		}
		standard, has := field.Tag.Lookup("default")
		if !has {
			return errors.New("missing field `" + path + key + "`")
		}
		if err := assign(literal(standard, field.Type), into.Field(fields[key]), field.Tag, path+key); err != nil {
			return errors.New("the default in the tag: " + err.Error())
		}
	}
	return nil
}

// literal reads the text of a default: a text without quotes, else JSON.
func literal(text string, t reflect.Type) node {
	if t.Kind() == reflect.String {
		return node{kind: 's', text: text}
	}
	parsed, err := parse(text)
	if err != nil {
		return node{kind: 's', text: text}
	}
	return parsed
}

func assign(node node, into reflect.Value, tag reflect.StructTag, path string) error {
	t := into.Type()
	if column.IsOpt(t) {
		if node.kind == 'n' {
			return nil
		}
		into.Field(1).SetBool(true)
		return assign(node, into.Field(0), tag, path)
	}
	switch t.Kind() {
	case reflect.Bool:
		if node.kind != 'b' {
			return wrong(path, "true or false", node)
		}
		into.SetBool(node.text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number, err := strconv.ParseInt(node.text, 10, t.Bits())
		if node.kind == '0' && errors.Is(err, strconv.ErrRange) {
			least := int64(-1) << (t.Bits() - 1)
			return outside(path, node, ", from "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(^least, 10))
		}
		if node.kind != '0' || err != nil {
			return wrong(path, "a whole number", node)
		}
		into.SetInt(number)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		number, err := strconv.ParseUint(node.text, 10, t.Bits())
		_, negative := strconv.ParseUint(strings.TrimPrefix(node.text, "-"), 10, 64)
		if node.kind == '0' && (errors.Is(err, strconv.ErrRange) || err != nil && !errors.Is(negative, strconv.ErrSyntax)) {
			return outside(path, node, ", from 0 to "+strconv.FormatUint(math.MaxUint64>>(64-t.Bits()), 10))
		}
		if node.kind != '0' || err != nil {
			return wrong(path, "a whole number", node)
		}
		into.SetUint(number)
	case reflect.Float32, reflect.Float64:
		number, err := strconv.ParseFloat(node.text, t.Bits())
		if node.kind == '0' && err != nil {
			return outside(path, node, " of floats of "+strconv.Itoa(t.Bits())+" bits")
		}
		if node.kind != '0' {
			return wrong(path, "a number", node)
		}
		into.SetFloat(number)
	case reflect.String:
		choices := tag.Get("oneof")
		if node.kind != 's' {
			return wrong(path, "a text", node)
		}
		if choices != "" && !strings.Contains(","+choices+",", ","+node.text+",") {
			return wrong(path, "one of "+choices, node)
		}
		into.SetString(node.text)
	case reflect.Slice:
		if node.kind != '[' {
			return wrong(path, "a list", node)
		}
		into.Set(reflect.MakeSlice(t, len(node.items), len(node.items)))
		for i, item := range node.items {
			if err := assign(item, into.Index(i), tag, path+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
	case reflect.Map:
		if node.kind != '{' {
			return wrong(path, "an object", node)
		}
		into.Set(reflect.MakeMap(t))
		for i, key := range node.keys {
			item := reflect.New(t.Elem()).Elem()
			if err := assign(node.items[i], item, tag, path+"."+key); err != nil {
				return err
			}
			into.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), item)
		}
	case reflect.Struct:
		return object(node, into, path+".")
	default:
		return errors.New("`" + path + "` is declared as a " + t.String() + ", which no configuration can be")
	}
	return nil
}

// expected lists the keys that there are: the host says which of them may have been meant.
func expected(keys []string) string {
	switch len(keys) {
	case 0:
		return "there are no fields"
	case 1:
		return "expected `" + keys[0] + "`"
	}
	return "expected one of `" + strings.Join(keys, "`, `") + "`"
}

func outside(path string, node node, limits string) error {
	return errors.New("`" + path + "`: " + node.text + " is out of range" + limits)
}

func wrong(path, expected string, node node) error {
	given := node.text
	switch node.kind {
	case 's':
		given = strconv.Quote(given)
	case '[':
		given = "a list"
	case '{':
		given = "an object"
	}
	if path == "" {
		return errors.New("expected " + expected + ", not " + given)
	}
	return errors.New("`" + strings.TrimSuffix(path, ".") + "`: expected " + expected + ", not " + given)
}
