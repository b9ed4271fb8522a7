// Tags of fields: one that is mistyped would say nothing.

package column

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Tags refuses keys of a field's tag that are none of those that say something here.
func Tags(of reflect.Type, field reflect.StructField, known ...string) error {
	failed := func(what string) error {
		return errors.New("field " + field.Name + " of " + of.String() + what)
	}
	rest := strings.TrimSpace(string(field.Tag))
	for rest != "" {
		key, quoted, found := strings.Cut(rest, ":")
		text, err := strconv.QuotedPrefix(quoted)
		if !found || err != nil {
			return failed(" has the tag " + strconv.Quote(string(field.Tag)) + ", which is not written as `key:\"value\"`")
		}
		if !slices.Contains(known, key) {
			there := " has no tags"
			if len(known) > 0 {
				there = " may have " + strings.Join(known, ", ")
			}
			return failed(" has the tag " + strconv.Quote(key) + ", which means nothing: it" + there)
		}
		rest = strings.TrimSpace(quoted[len(text):])
	}
	return nil
}
