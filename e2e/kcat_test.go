package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// needKcat skips a test visibly if there is no kcat; where CI=true that is a failure.
func needKcat(t *testing.T) {
	t.Helper()
	if haveKcat() {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("kcat is not installed, and CI=true")
	}
	t.Skip("kcat is not installed: what librdkafka thinks of the broker is not tested")
}

func haveKcat() bool {
	_, err := exec.LookPath("kcat")
	return err == nil
}

// kcat makes a kcat process without anybody's configuration file. At the end of a partition it
// does not wait long for more.
func (n *node) kcat(args ...string) *exec.Cmd {
	cmd := exec.Command("kcat", append([]string{"-b", n.addr, "-m", "20", "-X", "fetch.wait.max.ms=20"}, args...)...)
	cmd.Env = append(os.Environ(), "KCAT_CONFIG="+os.DevNull)
	return cmd
}

// produceLines writes records [from, to) of a workload of lines with kcat. The key stands before
// a tab; an empty one is null (-Z). Every record gets the same two headers.
func (n *node) produceLines(t *testing.T, topic, codec string, w workload, from, to int) {
	t.Helper()
	var text bytes.Buffer
	for i := from; i < to; i++ {
		r := w.record(i)
		fmt.Fprintf(&text, "%s\t%s\n", r.Key, r.Value)
	}
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, n.kcat("-P", "-t", topic, "-z", codec, "-K", `\t`, "-Z", "-l",
		"-H", "origin=kcat", "-H", "codec="+codec, "-X", "acks=all", file))
}

// lineHeaders is how kcat prints the headers that produceLines gives.
func lineHeaders(codec string) string { return "origin=kcat,codec=" + codec }

// kcatFormat prints records so that they can be told apart, null from empty included, whatever
// bytes they hold: lengths first, then key, value and headers.
const kcatFormat = `%p %o %T %K %S\n%k%s%h\n`

// consumeKcat reads records with kcat. headers says how those of the record at an offset of a
// partition print, since kcat does not tell how long they are.
func (n *node) consumeKcat(t *testing.T, topic string, headers func(partition int32, offset int64) string, args ...string) []*kgo.Record {
	t.Helper()
	out := command(t, n.kcat(append([]string{"-C", "-q", "-t", topic, "-e", "-f", kcatFormat}, args...)...))
	records, err := parseKcat(out, headers)
	if err != nil {
		t.Fatalf("what kcat reads from %s: %v", topic, err)
	}
	return records
}

func parseKcat(out []byte, headers func(partition int32, offset int64) string) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for len(out) > 0 {
		line, rest, ok := bytes.Cut(out, []byte("\n"))
		var r kgo.Record
		var ms int64
		var keySize, valueSize int
		_, err := fmt.Sscanf(string(line), "%d %d %d %d %d", &r.Partition, &r.Offset, &ms, &keySize, &valueSize)
		if err != nil || !ok {
			return nil, fmt.Errorf("record %d: %.80q is no head: %w", len(records), line, err)
		}
		want := headers(r.Partition, r.Offset) + "\n"
		if len(rest) < max(0, keySize)+max(0, valueSize)+len(want) {
			return nil, fmt.Errorf("record %d: cut off", len(records))
		}
		r.Timestamp = milli(ms)
		r.Key, rest = cut(rest, keySize)
		r.Value, rest = cut(rest, valueSize)
		if got := string(rest[:len(want)]); got != want {
			return nil, fmt.Errorf("record %d: headers are %q, want %q", len(records), got, want)
		}
		out = rest[len(want):]
		records = append(records, &r)
	}
	return records, nil
}

// cut takes a field of size bytes; a negative size is null.
func cut(b []byte, size int) (field, rest []byte) {
	if size < 0 {
		return nil, b
	}
	return b[:size:size], b[size:]
}

// kcatHeaders is how kcat prints headers: values end at a zero byte, and null is a word.
func kcatHeaders(headers []kgo.RecordHeader) string {
	var parts []string
	for _, h := range headers {
		value, _, _ := strings.Cut(string(h.Value), "\x00")
		if h.Value == nil {
			value = "NULL"
		}
		parts = append(parts, h.Key+"="+value)
	}
	return strings.Join(parts, ",")
}

// verifyKcat reads every partition of a topic that franz-go has written, and compares it with
// the journal, byte for byte.
func (n *node) verifyKcat(t *testing.T, topic string, w workload, j journal) {
	t.Helper()
	for partition, acks := range j {
		headers := func(p int32, offset int64) string { return kcatHeaders(w.record(j[p][offset]).Headers) }
		c := newReader(w, j, true)
		for _, r := range n.consumeKcat(t, topic, headers, "-o", "beginning", "-p", fmt.Sprint(partition)) {
			r.Headers = w.record(acks[r.Offset]).Headers // compared as printed
			if err := c.record(r); err != nil {
				t.Fatalf("kcat reads %s: %v", topic, err)
			}
		}
		if c.records != len(acks) {
			t.Fatalf("kcat reads %d records from partition %d of %s, want %d", c.records, partition, topic, len(acks))
		}
	}
}

// kcatMetadata is what kcat -L -J prints.
type kcatMetadata struct {
	Brokers []struct {
		ID   int32
		Name string
	}
	Topics []struct {
		Topic, Error string
		Partitions   []struct {
			Partition, Leader int32
			Error             string
			Replicas, ISRs    []struct{ ID int32 }
		}
	}
}

func (n *node) metadata(t *testing.T, args ...string) kcatMetadata {
	t.Helper()
	var m kcatMetadata
	out := command(t, n.kcat(append([]string{"-L", "-J"}, args...)...))
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("kcat -L: %v in %s", err, out)
	}
	return m
}
