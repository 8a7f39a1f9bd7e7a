package offline

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// golden is a log that Apache Kafka has written, of seven segments.
const golden = "../internal/storage/testdata/kafka/golden-0"

// copyOf copies the golden log, to be damaged.
func copyOf(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "golden-0")
	if err := os.CopyFS(dir, os.DirFS(golden)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(b), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every kind of damage is found, at its place, and told apart from what a broker repairs by itself.
func TestVerify(t *testing.T) {
	const first, last = "00000000000000000000", "00000000000000000028"
	f := func(name, file, want string, damaged bool, damage func([]byte) []byte) {
		t.Run(name, func(t *testing.T) {
			dir := copyOf(t)
			if damage != nil {
				change(t, filepath.Join(dir, file), damage)
			}
			r, err := Verify(dir)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, p := range r.Problems {
				found = append(found, filepath.Base(p.File)+": "+p.Text)
			}
			if got := strings.Join(found, "\n"); !strings.Contains(got, want) || (want == "") != (got == "") || r.Damaged() != damaged {
				t.Errorf("damaged %v, problems %q", r.Damaged(), got)
			}
		})
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	f("whole", "", "", false, nil)
	f("a record", first+".log", "checksum does not match", true, flip(batch.HeaderSize+5))
	f("a length", first+".log", "smaller than minimum record overhead", true, func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[8:], 3)
		return b
	})
	f("an offset", first+".log", "comes after offset", true, func(b []byte) []byte {
		n, _ := batch.Size(b)
		batch.Batch(b[n:]).SetBaseOffset(0)
		return b
	})
	f("cut, with segments behind it", first+".log", "later segments follow", true, func(b []byte) []byte { return b[:len(b)-1] })
	f("cut at the end", last+".log", "a broker cuts them off", false, func(b []byte) []byte { return append(b, b[:100]...) })
	f("an entry of the index", first+".index", "points at position", false, func(b []byte) []byte {
		return binary.BigEndian.AppendUint64(nil, 1<<32|5)
	})
	f("an entry behind the end", first+".index", "behind the last batch", false, func(b []byte) []byte {
		return binary.BigEndian.AppendUint64(nil, 1<<32|1<<30)
	})
	f("an entry of the time index", first+".timeindex", "is the largest timestamp so far", false, func(b []byte) []byte {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, 77), 1)
	})
}

// TestVerifyBelowTheStart: a damaged segment that lies wholly below the log start is no part of the log.
func TestVerifyBelowTheStart(t *testing.T) {
	dir := copyOf(t)
	change(t, filepath.Join(dir, "00000000000000000000.log"), func(b []byte) []byte { return b[:50] })
	if r, err := Verify(dir); err != nil || !r.Damaged() {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "log-start-offset-checkpoint"), []byte("0\n1\ngolden 0 9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := Verify(dir); err != nil || r.Damaged() || r.FirstOffset != 8 || r.EndOffset != 36 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPartitions(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.CopyFS(filepath.Join(parent, "golden-0"), os.DirFS(golden)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{parent, filepath.Join(parent, "golden-0")} {
		dirs, err := Partitions(path)
		if err != nil || len(dirs) != 1 || filepath.Base(dirs[0]) != "golden-0" {
			t.Errorf("%s: %v, %v", path, dirs, err)
		}
	}
	if _, err := Partitions(t.TempDir()); err == nil {
		t.Error("logs were found in an empty directory")
	}
	if _, err := Partitions(filepath.Join(parent, "absent")); err == nil {
		t.Error("logs were found in a directory that is not there")
	}
}

// Sequence numbers go on with 0 after the largest.
func TestFirstSequence(t *testing.T) {
	for _, c := range []struct{ last, delta, want int32 }{{5, 2, 3}, {2, 2, 0}, {0, 1, 1<<31 - 1}, {1, 3, 1<<31 - 2}} {
		if got := (Producer{LastSequence: c.last, OffsetDelta: c.delta}).FirstSequence(); got != c.want {
			t.Errorf("last %d, delta %d: %d", c.last, c.delta, got)
		}
	}
}

// The JSON of values that the golden files of kafka-dump-log do not have; as Jackson and Java print them.
func TestJSON(t *testing.T) {
	o := Object{{"a", []byte("x<>")}, {"b", 1024.0}, {"c", 1e7}, {"d", "é<&>\n\""}, {"e", nil}, {"f", []any{true, uint64(1 << 31)}}, {"g", 0.0001}}
	want := `{"a":"eDw+","b":1024.0,"c":1.0E7,"d":"é<&>\n\"","e":null,"f":[true,2147483648],"g":1.0E-4}`
	if o.String() != want {
		t.Errorf("%s", o)
	}
}

// A record of a later version, an unknown type, one that is cut off and one that is too long are told, not decoded.
func TestDecodeDamage(t *testing.T) {
	f := func(decode Decoder, key, value, want string) {
		t.Helper()
		r := batch.Record{Key: []byte(key), Value: []byte(value)}
		text, err := decode(7, r)
		got := ""
		if err != nil {
			got = err.Error()
		}
		for _, part := range []*string{text.Key, text.Value} {
			if part != nil {
				got += *part
			}
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q %q: %s", key, value, got)
		}
	}
	f(DecodeMetadata, "", "", "Error at 7, skipping.")
	f(DecodeMetadata, "", "\x02\x00\x00", "unknown frame version 2")
	f(DecodeMetadata, "", "\x01\x63\x00", "Unknown metadata id 99")
	f(DecodeMetadata, "", "\x01\x02\x63", "Can't read version 99 of TOPIC_RECORD")
	f(DecodeMetadata, "", "\x01\x14\x00\x00x", "garbage after NO_OP_RECORD")
	f(DecodeOffsets, "\x00\x63", "", "Unknown record type 99 at offset 7, skipping.")
	f(DecodeOffsets, "\x00\x02\x00\x01g", "\x00\x63", "Could not read record with version 99 from value's buffer")
	f(DecodeOffsets, "\x00\x02\x00\x05g", "", "Could not read record with version 2 from key's buffer")
	f(DecodeShareState, "\x00", "", "the key has no type")
	f(DecodeTransactions, "\x00\x00\x00\x01t", "\x00\x01\x00", "cut off")
}

// Whatever stands in a record, decoding it ends with text.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x01g"), []byte("\x00\x03\x00\x08consumer\x00\x00\x00\x01\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x05\x00\x01g\x00\x01m"), []byte("\x00\x00\x01\x01\x02c\x02h\x01\x01\x00\x00\x00\x01\x01\x01\x00\x01\x00"))
	f.Add([]byte{}, []byte("\x01\x03\x02\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r := batch.Record{Key: key, Value: value}
		for _, decode := range []Decoder{DecodeMetadata, DecodeOffsets, DecodeTransactions, DecodeShareState} {
			if text, err := decode(0, r); err == nil && text.Key == nil && text.Value == nil {
				t.Error("neither text nor error")
			}
		}
		_, _ = Control(r)
	})
}

// Whatever stands in a file, reading it ends.
func FuzzVerify(f *testing.F) {
	b, err := os.ReadFile(filepath.Join(golden, "00000000000000000000.log"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, b[:24])
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, log, index []byte) {
		dir := t.TempDir()
		for _, suffix := range []string{LogSuffix, IndexSuffix, TimeIndexSuffix, TxnIndexSuffix, SnapshotSuffix} {
			content := index
			if suffix == LogSuffix {
				content = log
			}
			if err := os.WriteFile(filepath.Join(dir, "00000000000000000000"+suffix), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Verify(dir); err != nil {
			t.Error(err)
		}
		_, _ = ReadTxnIndex(filepath.Join(dir, "00000000000000000000.txnindex"))
		_, _ = ReadSnapshot(filepath.Join(dir, "00000000000000000000.snapshot"))
	})
}
