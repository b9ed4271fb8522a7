// What a call gives, while it is made: rows of outputs, and refused rows.

package emit

import (
	"bytes"
	"math"
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
)

// Block is how many rows are read, processed and written at once.
const Block = 256

// closed is the row of a call while none is processed.
const closed = math.MaxUint32

// What a goroutine is told that outlives its row.
const (
	late     = "something was emitted or refused while no row was processed: a goroutine must end, and be waited for, before the function returns"
	outlived = "a goroutine was not waited for: it must end before the function returns"
)

// Call is what a call of the operator gives, while it is made. It is used again by the next call.
type Call struct {
	Outputs []*Output
	rows    int
	row     uint32
	// refused has one bit per row.
	refused  []byte
	rejected []wire.RowFailure
	checked  bool
	// goroutines is how many there were when the call began.
	goroutines int
}

// Output is one output of a call.
type Output struct {
	Name    string
	sink    Sink
	columns *column.Columns
	// stride between pending rows, and where each has the row that it comes from.
	stride, sourceAt uintptr
	// order of the computed columns in the plan.
	order []int
	// sources has the row of the call that each row comes from.
	sources []uint32
	times   []int64
	kinds   []byte
	checked bool
	// accepted says how many of the pending rows are looked at.
	accepted int
}

// Begin begins a call with so many rows (or timers).
func (c *Call) Begin(rows int) {
	c.rows, c.rejected, c.row, c.goroutines = rows, c.rejected[:0], closed, goroutines()
	if need := (rows + 7) / 8; cap(c.refused) < need {
		c.refused = make([]byte, need)
	} else {
		c.refused = c.refused[:need]
		clear(c.refused)
	}
	for _, out := range c.Outputs {
		out.sources, out.times, out.kinds, out.accepted = out.sources[:0], out.times[:0], out.kinds[:0], 0
		out.columns.Reset()
		out.sink.begin()
	}
}

// Refuse refuses a row. What it has emitted is forgotten.
func (c *Call) Refuse(row int, reason string) {
	if c.IsRefused(row) {
		return
	}
	c.refused[row>>3] |= 1 << (row & 7)
	c.rejected = append(c.rejected, wire.RowFailure{Row: uint32(row), Reason: reason})
	for _, out := range c.Outputs {
		base, n := out.sink.rows()
		for n > 0 && out.source(base, n-1) == uint32(row) {
			n--
		}
		out.sink.keep(n)
		out.accepted = n
	}
}

func (o *Output) source(base unsafe.Pointer, at int) uint32 {
	return *(*uint32)(unsafe.Add(base, uintptr(at)*o.stride+o.sourceAt))
}

// IsRefused says whether a row is refused.
//
//go:noinline
func (c *Call) IsRefused(row int) bool {
	return c.refused[row>>3]>>(row&7)&1 != 0
}

// BeginRow says which row is processed next, unless it is refused already.
func (c *Call) BeginRow(row int) bool {
	if len(c.rejected) > 0 && c.IsRefused(row) {
		return false
	}
	c.row = uint32(row)
	return true
}

// BeginColumns says that all rows are processed.
func (c *Call) BeginColumns() {
	c.row = 0
}

// Close says that no row is processed until the next one begins. A goroutine that outlives its row would do what it does to another one.
// It cannot be ended, so the instance is: the host then looks for the row alone.
func (c *Call) Close() {
	c.row = closed
	if goroutines() > c.goroutines {
		end(outlived)
	}
}

// EndRow says how the row went. It refuses the row if it has emitted what does not fit, and says whether what it did counts.
func (c *Call) EndRow(err error) bool {
	counts := err == nil && !c.checked || c.settle(err)
	c.Close()
	return counts
}

func (c *Call) settle(err error) bool {
	if err != nil {
		c.Refuse(int(c.row), err.Error())
		return false
	}
	for _, out := range c.Outputs {
		base, n := out.sink.rows()
		for ; out.checked && out.accepted < n; out.accepted++ {
			if reason := out.misfit(unsafe.Add(base, uintptr(out.accepted)*out.stride)); reason != "" {
				c.Refuse(int(c.row), reason)
				return false
			}
		}
	}
	return true
}

func (o *Output) misfit(row unsafe.Pointer) string {
	if at := o.columns.Row.RowKind; at >= 0 && *(*uint8)(unsafe.Add(row, at)) > 3 {
		return "it was given a kind of rows that does not exist"
	}
	reason := column.Misfit(o.columns.Row.Fields, row)
	if reason != "" {
		reason += " (output " + o.Name + ")"
	}
	return reason
}

// Flush writes what was emitted into columns.
func (c *Call) Flush() {
	for _, out := range c.Outputs {
		out.sink.check(c, out)
	}
	for _, out := range c.Outputs {
		out.sink.write(c, out)
		out.accepted = 0
	}
}

// append writes n pending rows.
func (o *Output) append(base unsafe.Pointer, n int) {
	row := o.columns.Row
	o.columns.Append(base, o.stride, n)
	o.sources = column.Gather(o.sources, unsafe.Add(base, o.sourceAt), o.stride, n)
	if row.EventTime >= 0 {
		o.times = column.Gather(o.times, unsafe.Add(base, row.EventTime), o.stride, n)
	}
	if row.RowKind >= 0 {
		o.kinds = column.Gather(o.kinds, unsafe.Add(base, row.RowKind), o.stride, n)
	}
}

// Finish gives the deltas of all outputs, and the rows that are refused.
func (c *Call) Finish() ([]wire.Delta, []wire.RowFailure) {
	c.Flush()
	deltas := make([]wire.Delta, len(c.Outputs))
	for i, out := range c.Outputs {
		var nodes []wire.Node
		for _, at := range out.order {
			nodes = out.columns.Writers[at].Nodes(nodes)
		}
		deltas[i] = wire.Delta{
			Rows:       Selection(out.sources, c.rows),
			Computed:   nodes,
			EventTimes: column.Bytes(out.times),
			RowKinds:   out.kinds,
		}
	}
	return deltas, c.rejected
}

// Selection says which rows of a call are meant.
func Selection(sources []uint32, rows int) wire.Selection {
	if len(sources) == 0 {
		return wire.MakeSelectionEmpty()
	}
	if len(sources) == rows && bytes.Equal(column.Bytes(sources), column.Bytes(inOrder(rows))) {
		return wire.MakeSelectionAll()
	}
	return wire.MakeSelectionIndices(column.Bytes(sources))
}

var ascending []uint32

// inOrder gives all rows of a call.
func inOrder(rows int) []uint32 {
	for len(ascending) < rows {
		ascending = append(ascending, uint32(len(ascending)))
	}
	return ascending[:rows]
}
