package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// keeper is a node whose retention runs all the time, and a client of it.
type keeper struct {
	*node
	client *kgo.Client
	admin  *kadm.Client
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{node: startNode(t, "log.retention.check.interval.ms=50", "log.initial.task.delay.ms=0", "log.segment.delete.delay.ms=200")}
	var err error
	k.client, err = kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(1500))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.client.Close)
	k.admin = kadm.NewClient(k.client)
	return k
}

func (k *keeper) create(topic string, partitions int32, configs ...string) {
	k.t.Helper()
	of := map[string]*string{}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		of[key] = &value
	}
	if _, err := k.admin.CreateTopic(k.t.Context(), partitions, 1, of, topic); err != nil {
		k.t.Fatalf("create %s: %v", topic, err)
	}
}

func (k *keeper) set(topic, key, value string) {
	k.t.Helper()
	if _, err := k.admin.AlterTopicConfigs(k.t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic); err != nil {
		k.t.Fatalf("set %s of %s: %v", key, topic, err)
	}
}

// fill writes records of a kibibyte, each a batch of its own; their values begin with their numbers.
func (k *keeper) fill(topic string, from, to int) {
	k.t.Helper()
	var all []*kgo.Record
	for i := from; i < to; i++ {
		all = append(all, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d %01000d", i, 0)})
	}
	if err := k.client.ProduceSync(k.t.Context(), all...).FirstErr(); err != nil {
		k.t.Fatalf("records %d to %d: %v", from, to, err)
	}
}

// start is the log start of partition 0.
func (k *keeper) logStart(topic string) int64 {
	k.t.Helper()
	offsets, err := k.admin.ListStartOffsets(k.t.Context(), topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		k.t.Fatalf("start of %s: %v", topic, err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return o.Offset
}

// fetchCode is the error that a Fetch at an offset of partition 0 gets.
func (k *keeper) fetchCode(topic string, offset int64) error {
	k.t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes = 1 << 20
	req.Topics = []kmsg.FetchRequestTopic{kmsg.NewFetchRequestTopic()}
	req.Topics[0].Topic = topic
	req.Topics[0].TopicID = topicID(k.t, k.client, topic)
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, 1<<20
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, p)
	resp, err := k.client.Broker(1).Request(k.t.Context(), req)
	if err != nil {
		k.t.Fatalf("fetch: %v", err)
	}
	return kerr.ErrorForCode(resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode)
}

// files lists what there is in the directories of a topic's partitions, deleted ones included.
func (k *keeper) files(topic string) (names []string, bytes int64) {
	k.t.Helper()
	paths, err := filepath.Glob(filepath.Join(k.dir, topic+"-*", "*"))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			rel, _ := filepath.Rel(k.dir, path)
			names, bytes = append(names, filepath.ToSlash(rel)), bytes+info.Size()
		}
	}
	return names, bytes
}

// TestRetention: a topic of small segments shrinks to retention.bytes while it is written to; a consumer below its start is told
// OFFSET_OUT_OF_RANGE and goes on where it says; a change of retention.ms empties it; and none of this is undone by a kill.
func TestRetention(t *testing.T) {
	needKcat(t)
	const records, keep, segment = 300, 50_000, 10_000
	k := newKeeper(t)
	k.create("small", 1, "retention.bytes="+strconv.Itoa(keep), "internal.segment.bytes="+strconv.Itoa(segment))
	k.fill("small", 0, records)
	waitFor(t, "the topic shrinks", func() bool {
		names, bytes := k.files("small")
		deleted := slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".deleted") })
		return !deleted && bytes < keep+2*segment+20_000 // whole segments, and the small files
	})
	start := k.logStart("small")
	if least := int64(records - (keep+2*segment)/1000); start < least || start > records-keep/1100 {
		t.Fatalf("of %d records of 1 kB the log starts at %d, want about %d", records, start, least)
	}
	if err := k.fetchCode("small", start-1); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("a fetch below the start: %v", err)
	}
	if err := k.fetchCode("small", start); err != nil {
		t.Errorf("a fetch at the start: %v", err)
	}
	out := string(command(t, k.kcat("-C", "-q", "-t", "small", "-p", "0", "-o", "5", "-e", "-f", "%o ", "-X", "auto.offset.reset=earliest")))
	if want := series(start, records); out != want {
		t.Errorf("kcat, told to begin at 5, reads %s, want %s", out, want)
	}

	k.kill()
	k.node.start()
	if again := k.logStart("small"); again < start {
		t.Fatalf("after a kill the log starts at %d, before at %d", again, start)
	}
	k.set("small", "retention.ms", "1")
	waitFor(t, "the topic is emptied", func() bool { return k.logStart("small") == records })
	k.set("small", "retention.ms", "-1")
	k.fill("small", records, records+3)
	out = string(command(t, k.kcat("-C", "-q", "-t", "small", "-p", "0", "-o", "beginning", "-e", "-f", "%o ")))
	if want := series(records, records+3); out != want {
		t.Errorf("after it was emptied and written to: %s, want %s", out, want)
	}
}

func series(from, to int64) string {
	var out strings.Builder
	for ; from < to; from++ {
		fmt.Fprintf(&out, "%d ", from)
	}
	return out.String()
}

// TestRecreation: a topic is deleted and created again under its name, over and over, also while the files of those before are
// still being removed and across kills. The new one never has anything of the old, and in the end nothing is left of them.
func TestRecreation(t *testing.T) {
	k := newKeeper(t)
	const turns = 12
	for i := range turns {
		k.create("again", 3, "file.delete.delay.ms="+strconv.Itoa(100*(i%3)), "internal.segment.bytes=5000")
		if start, n := k.logStart("again"), k.logEnd("again"); start != 0 || n != 0 {
			t.Fatalf("turn %d: the new topic goes from %d to %d", i, start, n)
		}
		k.fill("again", 0, 20)
		if n := k.logEnd("again"); n != 20 {
			t.Fatalf("turn %d: the topic ends at %d", i, n)
		}
		if _, err := k.admin.DeleteTopic(t.Context(), "again"); err != nil {
			t.Fatal(err)
		}
		k.client.PurgeTopicsFromClient("again") // it would go by the old id
		if i%4 == 3 {
			k.kill()
			k.node.start()
		}
	}
	waitFor(t, "everything is removed", func() bool {
		names, _ := k.files("again")
		left, err := filepath.Glob(filepath.Join(k.dir, "again-*"))
		return err == nil && len(names)+len(left) == 0
	})
	if strings.Contains(k.out.String(), "stray") {
		t.Errorf("something was taken for a stray; %s", k.out.tail())
	}
}

func (k *keeper) logEnd(topic string) int64 {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), clientWithin)
	defer cancel()
	offsets, err := k.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		k.t.Fatalf("end of %s: %v", topic, err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return o.Offset
}

// TestStrays: a partition's directory that the metadata does not know is taken aside at a start, told of, and kept over restarts with
// all that is in it.
func TestStrays(t *testing.T) {
	needSignals(t)
	k := newKeeper(t)
	k.create("known", 1)
	k.fill("known", 0, 3)
	k.stop()
	from, to := filepath.Join(k.dir, "known-0"), filepath.Join(k.dir, "unknown-0")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	identity := "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAZg"
	if err := os.WriteFile(filepath.Join(to, "partition.metadata"), []byte(identity), 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(from, "00000000000000000000.log"))
	if err != nil || len(want) == 0 {
		t.Fatal(err)
	}
	for range 2 {
		k.node.start()
		if !strings.Contains(k.out.String(), "unknown") {
			t.Errorf("not told of; %s", k.out.tail())
		}
		strays, err := filepath.Glob(filepath.Join(k.dir, "unknown-0.*-stray"))
		if err != nil || len(strays) != 1 {
			t.Fatalf("%q, %v", strays, err)
		}
		if got, err := os.ReadFile(filepath.Join(strays[0], "00000000000000000000.log")); err != nil || string(got) != string(want) {
			t.Errorf("the records have changed: %v", err)
		}
		if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("still there: %v", err)
		}
		if n := k.logEnd("known"); n != 3 {
			t.Errorf("the topic that is known ends at %d", n)
		}
		k.stop()
	}
}
