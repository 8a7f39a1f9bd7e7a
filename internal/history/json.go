package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxLine bounds one line of JSON.
const maxLine = 64 << 20

// WriteJSON writes the history as JSON, one event a line. The format is in docs/format/history.md.
// It only reads h.
func WriteJSON(w io.Writer, h *History) error { return write(w, h, jsonSyntax) }

// ReadJSON reads what WriteJSON wrote, or a harness in the same format: one event a line, empty
// lines are passed over. Memory is bounded by the input. Errors wrap ErrFormat or come from r.
func ReadJSON(r io.Reader) (*History, error) {
	d := newDecoder(false)
	lines := bufio.NewReader(r)
	for {
		line, err := readLine(lines)
		if err != nil && err != io.EOF {
			return nil, d.fail(err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			n, err := jsonNode(line)
			if err == nil {
				err = d.event(&n)
			}
			if err != nil {
				return nil, d.fail(err)
			}
		}
		if err == io.EOF {
			return d.h, nil
		}
	}
}

// readLine reads up to a line feed or the end, which is io.EOF.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, errors.New("line too long")
		case err == bufio.ErrBufferFull:
		case err == nil || err == io.EOF:
			return line, err
		default:
			return nil, inputError{err}
		}
	}
}

func jsonNode(line []byte) (node, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return node{}, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return node{}, errors.New("more than one value in a line")
	}
	return fromJSON(v, 0)
}

// fromJSON turns what encoding/json made into a node.
func fromJSON(v any, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, errors.New("event too deep")
	}
	switch v := v.(type) {
	case nil:
		return node{}, nil
	case bool:
		n := node{kind: nodeBool}
		if v {
			n.num = 1
		}
		return n, nil
	case string:
		return node{kind: nodeText, text: v}, nil
	case json.Number:
		return number(v.String())
	case []any:
		return jsonList(nodeList, v, depth)
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		all := make([]any, 0, 2*len(v))
		for _, name := range names {
			all = append(all, name, v[name])
		}
		return jsonList(nodeMap, all, depth)
	}
	return node{}, fmt.Errorf("unexpected %T", v)
}

func jsonList(kind nodeKind, list []any, depth int) (node, error) {
	n := node{kind: kind, list: make([]node, len(list))}
	for i, v := range list {
		child, err := fromJSON(v, depth+1)
		if err != nil {
			return node{}, err
		}
		n.list[i] = child
	}
	return n, nil
}
