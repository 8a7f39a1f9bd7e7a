package storage

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestStandalone: a log that its owner syncs: what Sync returned survives a power cut, the
// recovery point and log start are in a file of ours.
func TestStandalone(t *testing.T) {
	fs := vfs.NewMem()
	tip := kafka.TopicIDPartition{ID: kafka.UUID{15: 1}, Topic: metadataTopic}
	open := func() *Log {
		t.Helper()
		l, err := OpenStandalone(fs, "/meta/"+metadataTopic+"-0", tip, Config{SegmentBytes: 600}, StandaloneOptions{CheckpointBytes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	if err := l.Reset(1); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	durable := int64(1)
	for i := range 60 {
		appendBatch(t, l, 1, int64(i), kafka.LeaderEpoch(i/9))
		switch i % 10 {
		case 3, 5:
			end, err := l.Sync()
			if err != nil || end != l.LogEndOffset() {
				t.Fatalf("sync: %d, %v", end, err)
			}
			durable = end
		case 7:
			if err := l.TruncateTo(l.LogEndOffset() - 1); err != nil {
				t.Fatal(err)
			}
		case 9:
			fs = fs.CrashClone(rng, vfs.CrashOptions{})
			l = open()
			if l.LogEndOffset() < durable || l.LogStartOffset() != 1 {
				t.Fatalf("%d..%d after a crash, %d was synced", l.LogStartOffset(), l.LogEndOffset(), durable)
			}
		}
	}
	if l.RecoveryPoint() == 0 {
		t.Fatal("no recovery point")
	}
	if err := l.SetLogStartOffset(l.LogEndOffset() - 1); err != nil {
		t.Fatal(err)
	}
	start, end := l.LogStartOffset(), l.LogEndOffset()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	fs = powerCut(fs)
	if l = open(); l.LogStartOffset() != start || l.LogEndOffset() != end {
		t.Fatalf("%d..%d after a restart, want %d..%d", l.LogStartOffset(), l.LogEndOffset(), start, end)
	}
	content := fileBytes(t, fs, l.Path()+"/"+stateFile)
	for i := range content {
		content[i] ^= 1
		if _, _, err := parseState(content); !errors.Is(err, errState) {
			t.Fatalf("state with byte %d spoiled: %v", i, err)
		}
		content[i] ^= 1
	}
}
