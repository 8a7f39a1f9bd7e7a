package kafkatool

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestScanLines(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		for _, in := range []*bufio.Scanner{scanLines(strings.NewReader(text)), scanLines(iotest.OneByteReader(strings.NewReader(text)))} {
			var got []string
			for in.Scan() {
				got = append(got, in.Text())
			}
			if !slices.Equal(got, want) || in.Err() != nil {
				t.Errorf("%q: %q, %v", text, got, in.Err())
			}
		}
	}
	f("")
	f("a", "a")
	f("a\n", "a")
	f("a\n\nb", "a", "", "b")
	f("a\r\nb\rc\r", "a", "b", "c")
	f("\r\n\r\n", "", "")
	f("\n\r", "", "")
}

// Expected texts are those of Java's Double.toString and Float.toString.
func TestDeserializers(t *testing.T) {
	f := func(class string, b []byte, want string) {
		t.Helper()
		d, ok := findDeserializer("org.apache.kafka.common.serialization." + class)
		if !ok {
			t.Fatalf("no %s", class)
		}
		got, err := d(b)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%s(%x) = %s", class, b, got)
		}
	}
	double := func(v float64) []byte { return binary.BigEndian.AppendUint64(nil, math.Float64bits(v)) }
	f("ShortDeserializer", []byte{0xff, 0xfe}, "-2")
	f("IntegerDeserializer", []byte{0, 0, 1, 0}, "256")
	f("LongDeserializer", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "-1")
	f("LongDeserializer", []byte{1}, "error: Size of data received by the deserializer is not 8")
	f("DoubleDeserializer", double(1), "1.0")
	f("DoubleDeserializer", double(0.001), "0.001")
	f("DoubleDeserializer", double(1e7), "1.0E7")
	f("DoubleDeserializer", double(-1.5e-5), "-1.5E-5")
	f("DoubleDeserializer", double(math.Inf(1)), "Infinity")
	f("DoubleDeserializer", double(math.Inf(-1)), "-Infinity")
	f("DoubleDeserializer", double(math.NaN()), "NaN")
	f("FloatDeserializer", binary.BigEndian.AppendUint32(nil, math.Float32bits(3.14)), "3.14")
	f("BooleanDeserializer", []byte{1}, "true")
	f("BooleanDeserializer", []byte{2}, "error: Unexpected byte received by BooleanDeserializer")
	f("BytesDeserializer", []byte("a\x00\\\xff"), `a\x00\x5C\xFF`)
	if _, ok := findDeserializer("com.example.Avro"); ok {
		t.Error("a deserializer that nobody wrote was found")
	}
}

func TestJavaDateFormat(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7_000_000, time.UTC)
	f := func(format, want string) {
		t.Helper()
		g, err := javaDateFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatTime(at, g); got != want {
			t.Errorf("%s: %s", format, got)
		}
	}
	f("yyyy-MM-dd HH:mm:ss:SSS", "2026-02-03 04:05:06:007")
	f("HH.mm.ss.SSS yy", "04.05.06.007 26")
	if _, err := javaDateFormat("yyyy QQ"); err == nil {
		t.Error("an unknown letter was taken")
	}
}

func TestPartitionRules(t *testing.T) {
	f := func(rule, topic string, p int32, want bool) {
		t.Helper()
		r, err := parseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		if r.matches(topic, p) != want {
			t.Errorf("%s matches %s-%d: %v", rule, topic, p, !want)
		}
	}
	f("t", "t", 5, true)
	f("t", "tt", 5, false)
	f("t.*:3", "tt", 3, true)
	f("t:3", "t", 4, false)
	f(":1-3", "x", 2, true)
	f(":1-3", "x", 3, false)
	f(":2-", "x", 2, true)
	f(":-2", "x", 2, false)
	for _, bad := range []string{"a:b", "a:1:2", "a:99999999999", "[:1"} {
		if _, err := parseRule(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// The help of every tool lists its options once, and every tool is found under its scripts' names.
func TestEveryTool(t *testing.T) {
	names := []string{}
	for _, tool := range Tools() {
		names = append(names, tool.Name)
		if found, ok := Find(tool.Name + ".sh"); !ok || found.Name != tool.Name {
			t.Errorf("%s.sh is not found", tool.Name)
		}
		var b bytes.Buffer
		tool.parser().Help(&b)
		seen := map[string]bool{}
		for _, o := range tool.parser().Options {
			if seen[o.Name] || o.Help == "" && o.Instead == "" {
				t.Errorf("%s --%s: twice, or without help", tool.Name, o.Name)
			}
			seen[o.Name] = true
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %v", names)
	}
}
