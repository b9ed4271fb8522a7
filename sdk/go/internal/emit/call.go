package emit

import (
	"unsafe"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
)

// Block is how many rows are read, processed and written at once.
const Block = 256

// Call is what a call of the operator gives, while it is made. It is used again by the next call.
type Call struct {
	Outputs []*Output
	rows    int
	row     uint32
	// refused has one bit per row.
	refused  []byte
	rejected []wire.RowFailure
	checked  bool
}

// Output is one output of a call.
type Output struct {
	Name    string
	call    *Call
	sink    Sink
	columns *column.Columns
	// order of the computed columns in the plan.
	order []int
	// sources has the row of the call that each row comes from.
	sources []uint32
	written int
	times   []int64
	kinds   []byte
	checked bool
	// accepted says how many of the pending rows are looked at.
	accepted int
}

// Begin begins a call with so many rows (or timers).
func (c *Call) Begin(rows int) {
	c.rows, c.rejected = rows, c.rejected[:0]
	if need := (rows + 7) / 8; cap(c.refused) < need {
		c.refused = make([]byte, need)
	} else {
		c.refused = c.refused[:need]
		clear(c.refused)
	}
	for _, out := range c.Outputs {
		out.sources, out.times, out.kinds, out.written, out.accepted = out.sources[:0], out.times[:0], out.kinds[:0], 0, 0
		out.columns.Reset()
		out.sink.keep(0)
	}
}

// Refuse refuses a row. What it has emitted since it was begun is forgotten.
func (c *Call) Refuse(row int, reason string) {
	if c.IsRefused(row) {
		return
	}
	c.refused[row>>3] |= 1 << (row & 7)
	c.rejected = append(c.rejected, wire.RowFailure{Row: uint32(row), Reason: reason})
	for _, out := range c.Outputs {
		n := len(out.sources)
		for n > out.written && out.sources[n-1] == uint32(row) {
			n--
		}
		out.sources = out.sources[:n]
		out.sink.keep(n - out.written)
		out.accepted = n - out.written
	}
}

// IsRefused says whether a row is refused.
func (c *Call) IsRefused(row int) bool {
	return len(c.rejected) > 0 && c.refused[row>>3]>>(row&7)&1 != 0
}

// BeginRow says which row is processed next.
func (c *Call) BeginRow(row int) {
	c.row = uint32(row)
}

// Accept looks at what the row has emitted, and refuses the row if it does not fit.
func (c *Call) Accept() bool {
	if !c.checked {
		return true
	}
	for _, out := range c.Outputs {
		if !out.checked {
			continue
		}
		base, n := out.sink.pending()
		for ; out.accepted < n; out.accepted++ {
			row := unsafe.Add(base, uintptr(out.accepted)*out.columns.Row.Size)
			if reason := out.misfit(row); reason != "" {
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

// Flush writes what is pending into columns.
func (c *Call) Flush() {
	for _, out := range c.Outputs {
		base, n := out.sink.pending()
		row := out.columns.Row
		out.columns.Append(base, row.Size, n)
		for i := 0; row.EventTime >= 0 && i < n; i++ {
			out.times = append(out.times, *(*int64)(unsafe.Add(base, uintptr(i)*row.Size+uintptr(row.EventTime))))
		}
		for i := 0; row.RowKind >= 0 && i < n; i++ {
			out.kinds = append(out.kinds, *(*uint8)(unsafe.Add(base, uintptr(i)*row.Size+uintptr(row.RowKind))))
		}
		out.sink.keep(0)
		out.written, out.accepted = len(out.sources), 0
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
	if len(sources) == rows {
		at := 0
		for at < rows && sources[at] == uint32(at) {
			at++
		}
		if at == rows {
			return wire.MakeSelectionAll()
		}
	}
	return wire.MakeSelectionIndices(column.Bytes(sources))
}
