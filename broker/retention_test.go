package broker_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// retained is a broker that does retention all the time, and an admin client of it.
type retained struct {
	t     *testing.T
	b     *brokertest.Broker
	c     *kgo.Client
	admin *kadm.Client
}

func newRetained(t *testing.T, properties ...string) *retained {
	t.Helper()
	opts := []brokertest.Option{
		brokertest.WithProperty("log.retention.check.interval.ms", "10"), brokertest.WithProperty("log.initial.task.delay.ms", "0"),
		brokertest.WithProperty("metrics.listener", "127.0.0.1:0"),
	}
	for _, p := range properties {
		key, value, _ := strings.Cut(p, "=")
		opts = append(opts, brokertest.WithProperty(key, value))
	}
	r := &retained{t: t, b: brokertest.Start(t, opts...)}
	r.connect()
	return r
}

func (r *retained) connect() {
	r.c = newClient(r.t, r.b, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(2000))
	r.admin = kadm.NewClient(r.c)
}

func (r *retained) create(topic string, configs ...string) {
	r.t.Helper()
	of := map[string]*string{}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		of[key] = &value
	}
	if _, err := r.admin.CreateTopic(r.t.Context(), 1, 1, of, topic); err != nil {
		r.t.Fatal(err)
	}
}

// fill writes n records of a kibibyte, a batch each.
func (r *retained) fill(topic string, n int) {
	r.t.Helper()
	var all []*kgo.Record
	for range n {
		all = append(all, &kgo.Record{Topic: topic, Value: bytes.Repeat([]byte("v"), 1024)})
	}
	if err := r.c.ProduceSync(r.t.Context(), all...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *retained) logStart(topic string) int64 {
	r.t.Helper()
	offsets, err := r.admin.ListStartOffsets(r.t.Context(), topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return o.Offset
}

// metric is the value of a metric with exactly these labels, or -1.
func (r *retained) metric(name string) float64 {
	r.t.Helper()
	resp, err := http.Get("http://" + r.b.MetricsAddress() + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return v
		}
	}
	return -1
}

// TestRetentionRuns: log.retention.check.interval.ms and log.initial.task.delay.ms say when, retention.bytes, retention.ms and their
// like in server.properties say what is deleted, also when they change. It is counted.
func TestRetentionRuns(t *testing.T) {
	r := newRetained(t, "log.retention.bytes=1000000000000", "log.segment.delete.delay.ms=0")
	r.create("size", "retention.bytes=10000", "internal.segment.bytes=4000")
	r.create("time", "internal.segment.bytes=4000")
	r.create("compacted", "cleanup.policy=compact", "retention.bytes=0", "retention.ms=0", "internal.segment.bytes=4000")
	r.fill("size", 40)
	r.fill("time", 40)
	eventually(t, "the log shrinks to retention.bytes", func() bool { return r.logStart("size") >= 26 })
	if start := r.logStart("size"); start > 31 {
		t.Errorf("of 40 records of 1 kB the log starts at %d, and retention.bytes=10000", start)
	}
	eventually(t, "what was deleted by size is counted", func() bool { return r.metric(`thalweg_log_retention_segments_total{reason="size"}`) >= 8 })
	eventually(t, "deleted files are unlinked", func() bool {
		return r.metric(`thalweg_dir_unlink_waiting{logDirectory="data"}`) == 0 && r.metric(`thalweg_dir_unlinked_files_total{logDirectory="data"}`) >= 8
	})
	if start := r.logStart("time"); start != 0 {
		t.Errorf("nothing is old, but the log starts at %d", start)
	}
	if _, err := r.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: new("1")}}, "time"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log is emptied by time", func() bool { return r.logStart("time") == 40 })
	eventually(t, "what was deleted by time is counted", func() bool { return r.metric(`thalweg_log_retention_segments_total{reason="time"}`) >= 10 })
	if start := r.logStart("compacted"); start != 0 {
		t.Errorf("a compacted log starts at %d", start)
	}
	r.fill("time", 1) // in the next segment
	eventually(t, "that goes, too", func() bool { return r.logStart("time") == 41 })

	starts := []int64{r.logStart("size"), r.logStart("time")}
	r.b = r.b.Crash()
	r.connect()
	for i, topic := range []string{"size", "time"} {
		if start := r.logStart(topic); start < starts[i] {
			t.Errorf("%s starts at %d after a crash, before at %d", topic, start, starts[i])
		}
	}
}

// TestRetentionWaitsAtFirst: nothing is looked at before log.initial.task.delay.ms.
func TestRetentionWaitsAtFirst(t *testing.T) {
	r := newRetained(t, "log.initial.task.delay.ms=3600000")
	r.create("t", "retention.bytes=0")
	r.fill("t", 1)
	other := newRetained(t)
	other.create("t", "retention.bytes=0")
	other.fill("t", 1)
	eventually(t, "without delay it is deleted", func() bool { return other.logStart("t") == 1 })
	if start := r.logStart("t"); start != 0 {
		t.Errorf("it did not wait: the log starts at %d", start)
	}
}

// TestDeletedFilesWait: for file.delete.delay.ms, those of a deleted topic too; a start does not wait.
func TestDeletedFilesWait(t *testing.T) {
	r := newRetained(t)
	r.create("t", "internal.segment.bytes=2000", "file.delete.delay.ms=3600000", "retention.bytes=0")
	r.fill("t", 10)
	eventually(t, "the log is emptied", func() bool { return r.logStart("t") == 10 })
	waiting := `thalweg_dir_unlink_waiting{logDirectory="data"}`
	eventually(t, "its segments wait to be unlinked", func() bool { return r.metric(waiting) >= 9 })
	if _, err := r.admin.DeleteTopic(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "only the topic's directory waits", func() bool { return r.metric(waiting) == 1 })
	if n := r.metric(`thalweg_dir_unlinked_files_total{logDirectory="data"}`); n != 0 {
		t.Errorf("%v files were unlinked", n)
	}
	r.b = r.b.Restart()
	eventually(t, "a start unlinks what waits", func() bool {
		return r.metric(waiting) == 0 && r.metric(`thalweg_dir_unlinked_files_total{logDirectory="data"}`) > 10
	})
}
