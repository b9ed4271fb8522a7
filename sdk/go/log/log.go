// Package log writes to the operator's log, which is limited in rate and size.
package log

import "weir/internal/host"

// Trace writes a line of the level trace.
func Trace(message string) { host.Log(0, message) }

// Debug writes a line of the level debug.
func Debug(message string) { host.Log(1, message) }

// Info writes a line of the level info.
func Info(message string) { host.Log(2, message) }

// Warn writes a line of the level warn.
func Warn(message string) { host.Log(3, message) }

// Error writes a line of the level error.
func Error(message string) { host.Log(4, message) }
