package history

import (
	"errors"
	"fmt"
)

// ErrFormat wraps what is wrong with a file of a history, with the number of the event.
var ErrFormat = errors.New("malformed history")

// Bounds of one event in a file.
const (
	maxDepth = 32
	maxNodes = 1 << 21
	maxText  = 1 << 20 // bytes of a string, number or name
)

type nodeKind uint8

const (
	nodeNil nodeKind = iota
	nodeBool
	nodeInt
	nodeText // a string, and a name (keyword or symbol) in EDN
	nodeList // a vector, list or set
	nodeMap  // keys and values take turns
	nodeFloat
)

// node is a value of JSON or EDN, which are the same to us.
type node struct {
	kind nodeKind
	num  int64 // also 0 or 1 of a nodeBool
	text string
	list []node
}

// get is the value of a name in a map, nil if there is none.
func (n *node) get(name string) *node {
	for i := 0; n.kind == nodeMap && i+1 < len(n.list); i += 2 {
		if k := &n.list[i]; k.kind == nodeText && k.text == name {
			return &n.list[i+1]
		}
	}
	return nil
}

// isNil reports whether there is nothing.
func (n *node) isNil() bool { return n == nil || n.kind == nodeNil }

// integer is a number not below min; what names it in errors.
func (n *node) integer(what string, min int64) (int64, error) {
	if n == nil || n.kind != nodeInt || n.num < min {
		return 0, fmt.Errorf("%s is no integer from %d", what, min)
	}
	return n.num, nil
}

// items is a list; nothing is an empty one.
func (n *node) items(what string) ([]node, error) {
	if n.isNil() {
		return nil, nil
	}
	if n.kind != nodeList {
		return nil, fmt.Errorf("%s is no list", what)
	}
	return n.list, nil
}

// pairs are the entries of a map, or the two-element lists of a list, which is how JSON writes
// maps whose keys are numbers.
func (n *node) pairs(what string, f func(a, b *node) error) error {
	if n.isNil() {
		return nil
	}
	if n.kind == nodeMap {
		for i := 0; i+1 < len(n.list); i += 2 {
			if err := f(&n.list[i], &n.list[i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	list, err := n.items(what)
	if err != nil {
		return err
	}
	for i := range list {
		p := &list[i]
		if p.kind != nodeList || len(p.list) != 2 {
			return fmt.Errorf("%s holds what is no pair", what)
		}
		if err := f(&p.list[0], &p.list[1]); err != nil {
			return err
		}
	}
	return nil
}
