package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/cli/record"
	"github.com/twmb/franz-go/pkg/kgo"
)

// writer chooses how records are shown.
func (w *consuming) writer(withTopic bool) (func(*kgo.Record) error, error) {
	if layout := w.c.text("format"); layout != "" {
		if w.c.given("output") {
			return nil, Misuse("--format and --output say the same thing; one of them is enough")
		}
		f, err := kgo.NewRecordFormatter(layout)
		if err != nil {
			return nil, Misuse("--format: %v", err)
		}
		var b []byte
		return func(r *kgo.Record) error {
			b = f.AppendRecord(b[:0], r)
			_, err := w.out.Write(b)
			return err
		}, nil
	}
	switch w.c.format {
	case output.AsJSON:
		var b []byte
		return func(r *kgo.Record) error {
			b = record.Append(b[:0], r)
			_, err := w.out.Write(b)
			return err
		}, nil
	case output.AsPlain:
		return w.plain, nil
	}
	return w.rows(withTopic), nil
}

// plain is the value alone, null as Kafka's consumer writes it.
func (w *consuming) plain(r *kgo.Record) error {
	v := r.Value
	if v == nil {
		v = []byte("null")
	}
	if _, err := w.out.Write(v); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

// Columns of a table whose rows come one after the other: their widths cannot wait for the widest.
const (
	partitionWidth = 9
	offsetWidth    = 10
	timeWidth      = 24
	keyWidth       = 16
)

// rows writes a table, its heading above the first record.
func (w *consuming) rows(withTopic bool) func(*kgo.Record) error {
	topicWidth := 5
	row := func(topic, partition, offset, at, key, value string) error {
		var b strings.Builder
		if withTopic {
			b.WriteString(padded(topic, topicWidth) + "  ")
		}
		fmt.Fprintf(&b, "%*s  %*s  %s  %s  %s", partitionWidth, partition, offsetWidth, offset, padded(at, timeWidth), padded(key, keyWidth), value)
		_, err := fmt.Fprintln(w.out, strings.TrimRight(b.String(), " "))
		return err
	}
	begun := false
	return func(r *kgo.Record) error {
		if !begun {
			begun = true
			for t := range w.ranges {
				topicWidth = max(topicWidth, output.Width(t))
			}
			if err := row("TOPIC", "PARTITION", "OFFSET", "TIME", "KEY", "VALUE"); err != nil {
				return err
			}
		}
		return row(r.Topic, strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10), output.Text(r.Timestamp), cell(r.Key), cell(r.Value)+headersText(r.Headers))
	}
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-output.Width(s)))
}

// cell is bytes as a person reads them: null as "-", nothing as "”".
func cell(b []byte) string {
	switch {
	case b == nil:
		return "-"
	case len(b) == 0:
		return "''"
	}
	return output.Text(string(b))
}

func headersText(headers []kgo.RecordHeader) string {
	if len(headers) == 0 {
		return ""
	}
	var parts []string
	for _, h := range headers {
		parts = append(parts, output.Text(h.Key)+"="+cell(h.Value))
	}
	return "  [" + strings.Join(parts, " ") + "]"
}
