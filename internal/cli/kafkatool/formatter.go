package kafkatool

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// formatter writes a record. An error leaves what is written so far.
type formatter interface {
	write(w *bufio.Writer, r *kgo.Record) error
}

// newFormatter finds a formatter by its class name, with or without package.
func newFormatter(class string, props map[string]string) (formatter, error) {
	switch class[strings.LastIndexByte(class, '.')+1:] {
	case "DefaultMessageFormatter":
		return newDefaultFormatter(props), nil
	case "LoggingMessageFormatter":
		return newDefaultFormatter(props), nil
	case "NoOpMessageFormatter":
		return noFormatter{}, nil
	}
	return nil, misuse{class}
}

type noFormatter struct{}

func (noFormatter) write(*bufio.Writer, *kgo.Record) error { return nil }

// defaultFormatter prints the parts of a record that were asked for, in Kafka's order.
type defaultFormatter struct {
	timestamp, partition, offset, delivery, epoch, headers, key, value bool

	separator, lineEnd, headersSeparator, null string
	keyText, valueText, headersText            deserializer
}

func newDefaultFormatter(props map[string]string) *defaultFormatter {
	f := &defaultFormatter{value: true, separator: "\t", lineEnd: "\n", headersSeparator: ",", null: "null"}
	for name, to := range map[string]*bool{"print.timestamp": &f.timestamp, "print.partition": &f.partition, "print.offset": &f.offset,
		"print.delivery": &f.delivery, "print.epoch": &f.epoch, "print.headers": &f.headers, "print.key": &f.key, "print.value": &f.value} {
		if v, ok := props[name]; ok {
			*to = truth(v)
		}
	}
	for name, to := range map[string]*string{"key.separator": &f.separator, "line.separator": &f.lineEnd,
		"headers.separator": &f.headersSeparator, "null.literal": &f.null} {
		if v, ok := props[name]; ok {
			*to = v
		}
	}
	for name, to := range map[string]*deserializer{"key.deserializer": &f.keyText, "value.deserializer": &f.valueText, "headers.deserializer": &f.headersText} {
		if v, ok := props[name]; ok {
			*to, _ = findDeserializer(v)
		}
	}
	return f
}

func (f *defaultFormatter) write(w *bufio.Writer, r *kgo.Record) error {
	columns := []struct {
		on   bool
		text func() error
	}{
		{f.timestamp, func() error { return f.writeTimestamp(w, r) }},
		{f.partition, func() error { _, err := fmt.Fprintf(w, "Partition:%d", r.Partition); return err }},
		{f.offset, func() error { _, err := fmt.Fprintf(w, "Offset:%d", r.Offset); return err }},
		// Only share groups count deliveries, and Kafka's tool does not pass the epoch on.
		{f.delivery, func() error { _, err := w.WriteString("Delivery:NOT_PRESENT"); return err }},
		{f.epoch, func() error { _, err := w.WriteString("Epoch:NOT_PRESENT"); return err }},
		{f.headers, func() error { return f.writeHeaders(w, r) }},
		{f.key, func() error { return f.writeBytes(w, r.Key, f.keyText) }},
		{f.value, func() error { return f.writeBytes(w, r.Value, f.valueText) }},
	}
	first := true
	for _, c := range columns {
		if !c.on {
			continue
		}
		if !first {
			w.WriteString(f.separator)
		}
		first = false
		if err := c.text(); err != nil {
			return err
		}
	}
	if !first {
		w.WriteString(f.lineEnd)
	}
	return nil
}

func (f *defaultFormatter) writeTimestamp(w *bufio.Writer, r *kgo.Record) (err error) {
	switch r.Attrs.TimestampType() {
	case 0:
		_, err = fmt.Fprintf(w, "CreateTime:%d", r.Timestamp.UnixMilli())
	case 1:
		_, err = fmt.Fprintf(w, "LogAppendTime:%d", r.Timestamp.UnixMilli())
	default:
		_, err = w.WriteString("NO_TIMESTAMP")
	}
	return err
}

func (f *defaultFormatter) writeHeaders(w *bufio.Writer, r *kgo.Record) error {
	if len(r.Headers) == 0 {
		_, err := w.WriteString("NO_HEADERS")
		return err
	}
	for i, h := range r.Headers {
		if i > 0 {
			w.WriteString(f.headersSeparator)
		}
		w.WriteString(h.Key + ":")
		if err := f.writeBytes(w, h.Value, f.headersText); err != nil {
			return err
		}
	}
	return nil
}

func (f *defaultFormatter) writeBytes(w *bufio.Writer, b []byte, text deserializer) error {
	if b == nil {
		b = []byte(f.null)
	}
	if text == nil {
		_, err := w.Write(b)
		return err
	}
	s, err := text(b)
	if err == nil {
		_, err = w.WriteString(s)
	}
	return err
}
