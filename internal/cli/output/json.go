package output

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
)

// Object is a JSON object that keeps the order of its keys.
type Object []Member

// Member is one of them.
type Member struct {
	Key   string
	Value any
}

// MarshalJSON writes the members in their order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encode(&b, m.Key); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encode(&b, plainValue(m.Value)); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func encode(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	b.Truncate(b.Len() - 1) // the line break
	return err
}

// plainValue gives times and durations the units of Kafka: milliseconds.
func plainValue(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UnixMilli()
	case time.Duration:
		return v.Milliseconds()
	case []int32:
		if v == nil {
			return []int32{}
		}
	case []string:
		if v == nil {
			return []string{}
		}
	}
	return v
}

// Objects are the rows, each as an object. Never nil.
func (t *Table) Objects() []Object {
	list := make([]Object, 0, len(t.Rows))
	for _, row := range t.Rows {
		o := make(Object, len(row))
		for i, cell := range row {
			o[i] = Member{t.Columns[i].Name, cell}
		}
		list = append(list, o)
	}
	return list
}

// WriteJSON writes one document, indented.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
