// Package engine runs an operator's functions over rows: what the three kinds of operators have in common.
package engine

import (
	"runtime"
	"strconv"
	"strings"
)

// Refusal is a panic of the SDK that refuses a row with this reason.
type Refusal string

func (r Refusal) Error() string {
	return string(r)
}

// Panicked gives the reason of a recovered panic: its message, and where it began. It is called by the deferred function.
func Panicked(value any) string {
	if refusal, is := value.(Refusal); is {
		return string(refusal)
	}
	return message(value) + place()
}

func message(value any) string {
	switch value := value.(type) {
	case error:
		return value.Error()
	case string:
		return value
	case interface{ String() string }:
		return value.String()
	case int:
		return strconv.Itoa(value)
	}
	return "panic"
}

// place finds the function of the author that panicked: of package main if there is one on the stack, else the first one that is
// neither of the Go runtime nor of the SDK.
func place() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	found, behind := "", false
	for {
		frame, more := frames.Next()
		own := strings.HasPrefix(frame.Function, "main.")
		switch {
		case frame.Function == "runtime.gopanic":
			behind = true
		case !behind || strings.HasPrefix(frame.Function, "runtime.") || isOfSDK(frame.Function):
		case own || found == "":
			file := frame.File[strings.LastIndexByte(frame.File, '/')+1:]
			found = " (" + file + ":" + strconv.Itoa(frame.Line) + ", in " + strings.TrimPrefix(frame.Function, "main.") + ")"
			if own {
				return found
			}
		}
		if !more {
			return found
		}
	}
}

func isOfSDK(function string) bool {
	for _, of := range []string{"weir/internal/", "weir/transform.", "weir/keyed.", "weir/aggregate.", "weir/weirtest.", "weir."} {
		if strings.HasPrefix(function, of) {
			return true
		}
	}
	return false
}

// Try calls a function and gives what it panics with as an error.
func Try(call func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = Refusal(Panicked(caught))
		}
	}()
	return call()
}
