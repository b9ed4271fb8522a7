// Copying rows of columns, as the host does.

package weirtest

import (
	"strings"

	wire "weir/internal/bindings/weir_operator_types"
	"weir/internal/column"
)

// copier makes a column of rows of other columns of its type, as the host does.
type copier struct {
	field    wire.Field
	n, nulls int
	valid    []byte
	values   []byte
	offsets  []int32
	below    []*copier
}

func newCopier(of []wire.Field) *copier {
	c := &copier{field: of[0], offsets: []int32{0}}
	for _, child := range column.SchemaOf(of[1:]) {
		c.below = append(c.below, newCopier(child))
	}
	return c
}

// width of a value in bytes; zero: it is not of a fixed width.
func width(format string) int {
	switch {
	case format == "c" || format == "C":
		return 1
	case format == "s" || format == "S":
		return 2
	case format == "i" || format == "I" || format == "f" || format == "tdD":
		return 4
	case format == "l" || format == "L" || format == "g" || strings.HasPrefix(format, "ts"):
		return 8
	case strings.HasPrefix(format, "d:"):
		return 16
	}
	return 0
}

// add appends a row of a column; a negative one is null.
func (c *copier) add(nodes []wire.Node, row int) {
	null := row < 0 || nodes[0].NullCount > 0 && !column.Bit(nodes[0].Buffers[0], row)
	c.valid = column.Push(c.valid, c.n, !null)
	if null {
		c.nulls++
		row = -1
	}
	size := width(c.field.Format)
	switch {
	case size > 0 && null:
		c.values = append(c.values, make([]byte, size)...)
	case size > 0:
		c.values = append(c.values, nodes[0].Buffers[1][row*size:(row+1)*size]...)
	case c.field.Format == "b":
		c.values = column.Push(c.values, c.n, !null && column.Bit(nodes[0].Buffers[1], row))
	case c.field.Format == "+s":
		for _, child := range c.below {
			if null {
				child.add(nil, -1)
				continue
			}
			child.add(nodes[1:], row)
			nodes = nodes[child.nodes():]
		}
	case null:
		c.offsets = append(c.offsets, c.offsets[c.n])
	default:
		offsets := column.View[int32](nodes[0].Buffers[1], row+2)
		from, to := offsets[row], offsets[row+1]
		if c.field.Format == "+l" {
			for at := from; at < to; at++ {
				c.below[0].add(nodes[1:], int(at))
			}
		} else {
			c.values = append(c.values, nodes[0].Buffers[2][from:to]...)
		}
		c.offsets = append(c.offsets, c.offsets[c.n]+to-from)
	}
	c.n++
}

func (c *copier) nodes() int {
	count := 1
	for _, child := range c.below {
		count += child.nodes()
	}
	return count
}

func (c *copier) finish(nodes []wire.Node) []wire.Node {
	node := wire.Node{Length: uint32(c.n), NullCount: uint32(c.nulls), Buffers: [][]byte{nil}}
	if c.nulls > 0 {
		node.Buffers[0] = c.valid
	}
	switch {
	case width(c.field.Format) > 0 || c.field.Format == "b":
		node.Buffers = append(node.Buffers, aligned(c.values))
	case c.field.Format == "+l":
		node.Buffers = append(node.Buffers, column.Bytes(c.offsets))
	case c.field.Format != "+s":
		node.Buffers = append(node.Buffers, column.Bytes(c.offsets), c.values)
	}
	nodes = append(nodes, node)
	for _, child := range c.below {
		nodes = child.finish(nodes)
	}
	return nodes
}

// aligned copies bytes to where numbers may be.
func aligned(values []byte) []byte {
	copied := column.Bytes(make([]uint64, (len(values)+7)/8))[:len(values)]
	copy(copied, values)
	return copied
}
