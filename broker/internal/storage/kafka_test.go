package storage

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestKafkaDirectory opens testdata/kafka, a data directory that a broker of Apache Kafka 4.1.0
// left at a clean stop (topic golden: two runs of the broker; transactions, then console producers
// with each codec, each in a segment of its own). Every record is read, after the clean stop and with everything scanned,
// with Kafka's caches and without; rebuilt, index files and producer snapshots are Kafka's again.
func TestKafkaDirectory(t *testing.T) {
	o := DirOptions{NodeID: 1}
	golden := kafka.TopicIDPartition{Topic: "golden"}
	golden.ID, _ = kafka.ParseUUID("XSzIG3nsQ7uXzyrxwilkPQ")
	cfg := Config{SegmentMs: 1500, IndexIntervalBytes: 16, SegmentIndexBytes: 4096}
	for _, without := range []string{"nothing", cleanFile, extIndex, extTime, extSnap, epochFile, "*"} {
		fs, files := kafkaDirectory(t)
		for name := range files {
			cache := strings.HasSuffix(name, extIndex) || strings.HasSuffix(name, extTime) || strings.HasSuffix(name, extSnap)
			if strings.HasSuffix(name, without) || without == "*" && (cache || strings.HasSuffix(name, epochFile)) {
				fs.Remove(name)
			}
		}
		d, err := OpenDir(fs, testDir, o)
		if err != nil {
			t.Fatal(err)
		}
		if epoch, clean := d.Clean(); clean != (without != cleanFile) || clean && epoch != 231 {
			t.Fatalf("without %s: clean %v, epoch %d", without, clean, epoch)
		}
		if found := d.Found(); len(found) != 1 || found[0] != golden || d.ClusterID() != "Xdjv7Y0sQmGq0X0n3m3mVg" {
			t.Fatalf("found %v of %s", found, d.ClusterID())
		}
		l, err := d.OpenLog(golden, cfg, nil)
		if err != nil {
			t.Fatalf("without %s: %v", without, err)
		}
		checkKafkaLog(t, l, without)
		if err := d.Close(true, 1); err != nil {
			t.Fatal(err)
		}
		for name, want := range files {
			if !strings.HasPrefix(name, l.Path()) {
				continue
			}
			if got := fileBytes(t, fs, name); !sameFile(t, name, got, want) {
				t.Errorf("without %s: %s is\n%x, Kafka's is\n%x", without, name, got, want)
			}
		}
	}
}

// kafkaDirectory copies testdata/kafka into a file system of its own.
func kafkaDirectory(t *testing.T) (*vfs.MemFS, map[string][]byte) {
	t.Helper()
	fs, files := vfs.NewMem(), map[string][]byte{}
	fs.MkdirAll(testDir + "/golden-0")
	root := filepath.Join("testdata", "kafka")
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		name := testDir + "/" + filepath.ToSlash(rel)
		files[name] = content
		putFile(t, fs, name, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fs, files
}

func checkKafkaLog(t *testing.T, l *Log, without string) {
	t.Helper()
	if l.LogStartOffset() != 0 || l.LogEndOffset() != 36 || l.Segments() != 7 || l.EpochAt(7) != 0 || l.EpochAt(8) != 2 {
		t.Fatalf("without %s: %d..%d in %d segments", without, l.LogStartOffset(), l.LogEndOffset(), l.Segments())
	}
	values, markers, codecs := map[string]bool{}, 0, map[compress.Codec]bool{}
	for _, b := range batches(t, readAll(t, l, 0, math.MaxInt64)) {
		var d compress.Decompressor
		plain, err := b.Plain(&d, nil, compress.DefaultBudget(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		codecs[b.Codec()] = true
		it := batch.IterateRecords(plain, b.NumRecords())
		for it.Next() {
			if b.Control() {
				markers++
			}
			values[string(it.Record().Key)+":"+string(it.Record().Value)] = true
		}
		if it.Err() != nil {
			t.Fatal(it.Err())
		}
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for i := 1; i <= 4; i++ {
			if want := fmt.Sprintf("k%d:value %d of a golden log, %s, %s, %s", i, i, codec, codec, codec); !values[want] {
				t.Fatalf("without %s: there is no %q", without, want)
			}
		}
	}
	if markers != 4 || len(codecs) != 5 {
		t.Fatalf("without %s: %d transaction markers, %d codecs", without, markers, len(codecs))
	}
	if p := l.Producers(); len(p) != 6 || p[0].CoordinatorEpoch < 0 || p[0].TxnFirstOffset != -1 || p[5].LastSequence != 3 {
		t.Fatalf("without %s: producers %+v", without, p)
	}
}

// sameFile compares files; of a snapshot the entries, because Kafka writes them in no order.
func sameFile(t *testing.T, name string, a, b []byte) bool {
	if !strings.HasSuffix(name, extSnap) {
		return bytes.Equal(a, b)
	}
	x, err1 := parseSnapshot(a, math.MaxInt64)
	y, err2 := parseSnapshot(b, math.MaxInt64)
	if err1 != nil || err2 != nil {
		t.Errorf("%s: %v, %v", name, err1, err2)
	}
	return bytes.Equal(x.encode(), y.encode())
}
