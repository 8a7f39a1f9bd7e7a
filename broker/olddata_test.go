package broker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// oldDir holds data directories that builds of former days have left, each with what must be found in it. Those that are
// there stay as they are. THALWEG_MAKE_DATA=name go test -run TestOldData ./broker adds one, of this build: it wants one
// after each change of a format.
const oldDir = "testdata/data"

// oldTopic is what a topic of an old directory holds.
type oldTopic struct {
	ID      string
	Start   int64
	Epoch   int32 // at least; a start raises it
	Records []oldRecord
}

type oldRecord struct {
	Offset, Timestamp int64
	Key, Value        []byte
	Headers           []kgo.RecordHeader `json:",omitempty"`
}

// anyTime is the timestamp of records that were added: a topic may stamp them.
const anyTime = -1

// onceTopic is written by an idempotent producer: one record a batch, sequence numbers are offsets.
const onceTopic = "once"

// TestOldData opens data directories of former builds: after their clean stop or kill as they are, without the clean
// marker, and without any cache. What is in them is there, byte by byte, at its offset; a producer's repetition
// is known; records can be added, and are there after a restart.
func TestOldData(t *testing.T) {
	if name := os.Getenv("THALWEG_MAKE_DATA"); name != "" {
		makeOldData(t, filepath.Join(oldDir, name))
	}
	names, err := os.ReadDir(oldDir)
	if err != nil || len(names) == 0 {
		t.Fatalf("no old data: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(oldDir, name.Name(), "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]oldTopic{}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"clean", "killed"} {
			for _, without := range []string{"nothing", "marker", "caches"} {
				t.Run(name.Name()+"/"+kind+"/without "+without, func(t *testing.T) {
					checkOldData(t, loadOldData(t, filepath.Join(oldDir, name.Name(), kind), without), want)
				})
			}
		}
	}
}

// loadOldData copies a directory into memory, without some of its files.
func loadOldData(t *testing.T, dir, without string) *vfs.MemFS {
	t.Helper()
	mem := vfs.NewMem()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		to := "/data/" + filepath.ToSlash(rel)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return mem.MkdirAll(to)
		case without != "nothing" && d.Name() == ".kafka_cleanshutdown":
			return nil
		case without == "caches" && !strings.Contains(to, "__cluster_metadata"):
			switch filepath.Ext(to) {
			case ".index", ".timeindex", ".snapshot", ".window":
				return nil
			}
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := mem.Create(to)
		if err != nil {
			return err
		}
		defer f.Close()
		if len(content) > 0 {
			_, err = f.WriteAt(content, 0)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
}

// onMem starts a broker on a memory disk.
func onMem(t *testing.T, mem vfs.FS) (*broker.Broker, *rawClient) {
	t.Helper()
	cfg, _, err := broker.FromProperties(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": "/data"})
	if err != nil {
		t.Fatal(err)
	}
	cfg.FS = mem
	b, err := broker.New(cfg)
	if err == nil {
		err = b.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b, dialRaw(t, b.Listeners()[0].Address())
}

func checkOldData(t *testing.T, mem *vfs.MemFS, want map[string]oldTopic) {
	b, c := onMem(t, mem)
	if got := readTopics(t, b, c); !sameTopics(t, got, want) {
		return
	}
	last := want[onceTopic].Records[len(want[onceTopic].Records)-1].Offset
	for back := range int64(5) { // what is remembered of a producer
		if p := idempotent(t, c, onceTopic, 0, int32(last-back)); p.ErrorCode != 0 || p.BaseOffset != last-back {
			t.Errorf("a repetition of %d: error %d at %d", last-back, p.ErrorCode, p.BaseOffset)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Listeners()[0].Address()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for topic := range want { // order-free: each is one of its own
		n := int64(len(want[topic].Records))
		rec := &kgo.Record{Topic: topic, Value: []byte("added"), Timestamp: time.UnixMilli(1_750_000_000_000)}
		if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil || rec.Offset != want[topic].Start+n {
			t.Fatalf("%s: added at %d, %v", topic, rec.Offset, err)
		}
		w := want[topic]
		w.Records = append(w.Records[:n:n], oldRecord{Offset: rec.Offset, Timestamp: anyTime, Value: []byte("added")})
		want[topic] = w
	}
	defer func() { // want is the caller's
		for topic, w := range want { // order-free: likewise
			w.Records = w.Records[:len(w.Records)-1]
			want[topic] = w
		}
	}()
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, c = onMem(t, mem)
	sameTopics(t, readTopics(t, b, c), want)
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// sameTopics compares topics. Epochs may have grown.
func sameTopics(t *testing.T, got, want map[string]oldTopic) bool {
	t.Helper()
	for topic, w := range want { // order-free: all are compared
		g := got[topic]
		if g.Epoch <= w.Epoch {
			t.Errorf("%s: leader epoch %d, it was %d", topic, g.Epoch, w.Epoch)
		}
		if g.ID != w.ID || g.Start != w.Start || len(g.Records) != len(w.Records) {
			t.Errorf("%s has id %s and %d records from %d on, want %s and %d from %d on", topic, g.ID, len(g.Records), g.Start, w.ID, len(w.Records), w.Start)
			continue
		}
		for i, want := range w.Records {
			got := g.Records[i]
			if want.Timestamp == anyTime {
				got.Timestamp = anyTime
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s holds %+v, want %+v", topic, got, want)
				break
			}
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d topics, want %d", len(got), len(want))
	}
	return !t.Failed()
}

// readTopics reads every topic from its start to its end. All have one partition.
func readTopics(t *testing.T, b *broker.Broker, c *rawClient) map[string]oldTopic {
	t.Helper()
	out := map[string]oldTopic{}
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(12)
	for _, mt := range ask[*kmsg.MetadataResponse](c, req, true).Topics {
		out[*mt.Topic] = readTopic(t, b, c, *mt.Topic, fmt.Sprintf("%x", mt.TopicID), mt.Partitions[0].LeaderEpoch)
	}
	return out
}

func readTopic(t *testing.T, b *broker.Broker, c *rawClient, topic, id string, epoch int32) oldTopic {
	t.Helper()
	o := oldTopic{ID: id, Epoch: epoch}
	offset := func(timestamp int64) int64 {
		req := kmsg.NewPtrListOffsetsRequest()
		req.SetVersion(7)
		req.ReplicaID = -1
		rt, rp := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
		rt.Topic, rp.Timestamp = topic, timestamp
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
		p := ask[*kmsg.ListOffsetsResponse](c, req, true).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			t.Fatalf("offsets of %s: error %d", topic, p.ErrorCode)
		}
		return p.Offset
	}
	o.Start = offset(-2)
	end := offset(-1)
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Listeners()[0].Address()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(o.Start)}}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for next := o.Start; next < end; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%s at %d of %d: %v", topic, next, end, err)
		}
		for _, r := range fetches.Records() {
			o.Records = append(o.Records, oldRecord{Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value, Headers: r.Headers})
			next = r.Offset + 1
		}
	}
	return o
}

// makeOldData writes a directory as this build leaves it: after a clean stop, and after a kill.
func makeOldData(t *testing.T, dir string) {
	mem := vfs.NewMem()
	b, c := onMem(t, mem)
	const rolling = "2000" // segment.ms: the records below are 400 ms apart
	createTopic(t, c, "codecs", "segment.ms", rolling)
	createTopic(t, c, "os", "flush.policy", "os")
	createTopic(t, c, "stamped", "message.timestamp.type", "LogAppendTime")
	createTopic(t, c, "trimmed", "segment.ms", rolling)
	createTopic(t, c, onceTopic)
	createTopic(t, c, "gone")
	ts := int64(1_700_000_000_000)
	write := func(topic string, codec kgo.CompressionCodec, n int) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(b.Listeners()[0].Address()), kgo.ProducerBatchCompression(codec))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		for i := range n {
			ts += 400
			r := &kgo.Record{Topic: topic, Timestamp: time.UnixMilli(ts), Key: fmt.Appendf(nil, "k%d", i), Value: []byte(strings.Repeat(fmt.Sprint(topic, i), 5))}
			switch i % 3 {
			case 1:
				r.Key, r.Headers = nil, []kgo.RecordHeader{{Key: "h", Value: []byte{0, 1}}, {Key: "none"}}
			case 2:
				r.Value = nil
			}
			if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := func() {
		for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
			write("codecs", codec, 3)
		}
		for _, topic := range []string{"os", "stamped", "trimmed", "gone"} {
			write(topic, kgo.NoCompression(), 7)
		}
	}
	all()
	for seq := range int32(9) {
		if p := idempotent(t, c, onceTopic, 0, seq); p.ErrorCode != 0 {
			t.Fatal(p.ErrorCode)
		}
	}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.SetVersion(2)
	req.TimeoutMillis = 10_000
	rt, rp := kmsg.NewDeleteRecordsRequestTopic(), kmsg.NewDeleteRecordsRequestTopicPartition()
	rt.Topic, rp.Offset = "trimmed", 5
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	if p := ask[*kmsg.DeleteRecordsResponse](c, req, true).Topics[0].Partitions[0]; p.ErrorCode != 0 {
		t.Fatal(p.ErrorCode)
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, c = onMem(t, mem)
	all()
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.SetVersion(5)
	gone.TimeoutMillis, gone.TopicNames = 10_000, []string{"gone"}
	if e := ask[*kmsg.DeleteTopicsResponse](c, gone, true).Topics[0].ErrorCode; e != 0 {
		t.Fatal(e)
	}
	expected, err := json.MarshalIndent(readTopics(t, b, c), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	saveOldData(t, mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced}), filepath.Join(dir, "killed"))
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	saveOldData(t, mem, filepath.Join(dir, "clean"))
	if err := os.WriteFile(filepath.Join(dir, "expected.json"), append(expected, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func saveOldData(t *testing.T, mem *vfs.MemFS, dir string) {
	t.Helper()
	var save func(from, to string)
	save = func(from, to string) {
		info, err := mem.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		if info.Dir {
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			names, err := mem.List(from)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if name != ".lock" {
					save(from+"/"+name, filepath.Join(to, name))
				}
			}
			return
		}
		f, err := mem.Open(from)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		content := make([]byte, info.Size)
		if n, err := f.ReadAt(content, 0); n < len(content) {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save("/data", dir)
}
