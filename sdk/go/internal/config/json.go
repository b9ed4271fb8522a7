// Package config reads an operator's configuration, which is JSON, into a struct, and describes it as a JSON Schema. Package
// encoding/json would double the size of a component.
package config

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// node is a JSON value. Numbers keep their text.
type node struct {
	kind  byte // n, b, 0 (a number), s, [ or {
	text  string
	keys  []string
	items []node
}

type parser struct {
	text string
	at   int
}

const depthMax = 64

func parse(text string) (node, error) {
	p := parser{text: text}
	value, err := p.value(0)
	if err == nil {
		if p.space(); p.at < len(text) {
			err = p.wrong("nothing more")
		}
	}
	return value, err
}

func (p *parser) wrong(expected string) error {
	return errors.New("it is no JSON: expected " + expected + " at byte " + strconv.Itoa(p.at))
}

func (p *parser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\n' || p.text[p.at] == '\t' || p.text[p.at] == '\r') {
		p.at++
	}
}

// take takes a character, if it comes next.
func (p *parser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) value(depth int) (node, error) {
	if depth > depthMax {
		return node{}, p.wrong("less nesting")
	}
	switch {
	case p.take('{'):
		return p.object(depth)
	case p.take('['):
		list := node{kind: '['}
		for !p.take(']') {
			if len(list.items) > 0 && !p.take(',') {
				return list, p.wrong("`,` or `]`")
			}
			item, err := p.value(depth + 1)
			if err != nil {
				return list, err
			}
			list.items = append(list.items, item)
		}
		return list, nil
	case p.take('"'):
		text, err := p.string()
		return node{kind: 's', text: text}, err
	}
	for _, word := range []struct {
		text string
		kind byte
	}{{"null", 'n'}, {"true", 'b'}, {"false", 'b'}} {
		if len(p.text)-p.at >= len(word.text) && p.text[p.at:p.at+len(word.text)] == word.text {
			p.at += len(word.text)
			return node{kind: word.kind, text: word.text}, nil
		}
	}
	return p.number()
}

func (p *parser) object(depth int) (node, error) {
	object := node{kind: '{'}
	for !p.take('}') {
		if len(object.keys) > 0 && !p.take(',') {
			return object, p.wrong("`,` or `}`")
		}
		if !p.take('"') {
			return object, p.wrong("a key")
		}
		key, err := p.string()
		if err != nil {
			return object, err
		}
		if !p.take(':') {
			return object, p.wrong("`:`")
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return object, err
		}
		object.keys, object.items = append(object.keys, key), append(object.items, value)
	}
	return object, nil
}

func (p *parser) number() (node, error) {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		p.at++
	}
	text := p.text[start:p.at]
	if _, err := strconv.ParseFloat(text, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		p.at = start
		return node{}, p.wrong("a value")
	}
	return node{kind: '0', text: text}, nil
}

// string reads a string behind its first quote.
func (p *parser) string() (string, error) {
	var text []byte
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return string(text), nil
		case c < ' ':
			return "", p.wrong("no control character in a text")
		case c != '\\':
			text = append(text, c)
			continue
		}
		if p.at == len(p.text) {
			break
		}
		c = p.text[p.at]
		p.at++
		switch c {
		case '"', '\\', '/':
			text = append(text, c)
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			r, err := p.hex()
			if err != nil {
				return "", err
			}
			if utf16.IsSurrogate(r) && p.at+1 < len(p.text) && p.text[p.at] == '\\' && p.text[p.at+1] == 'u' {
				p.at += 2
				low, err := p.hex()
				if err != nil {
					return "", err
				}
				r = utf16.DecodeRune(r, low)
			}
			text = utf8.AppendRune(text, r)
		default:
			return "", p.wrong("an escape")
		}
	}
	return "", p.wrong("the end of a text")
}

func (p *parser) hex() (rune, error) {
	if len(p.text)-p.at < 4 {
		return 0, p.wrong("four hexadecimal digits")
	}
	code, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
	if err != nil {
		return 0, p.wrong("four hexadecimal digits")
	}
	p.at += 4
	return rune(code), nil
}
