package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// several is a broker with the data directories "one" and "two", whose disk fails by rule.
type several struct {
	t  *testing.T
	fs *vfs.ErrorFS
	b  *broker.Broker
	c  *rawClient
}

// start starts the broker on what the last one has left, with faults.
func (s *several) start(rules string) error {
	cfg, _, err := broker.FromProperties(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": "/one,/two"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.fs.SetRules()
	if rules != "" {
		s.fs.SetRules(vfs.MustRules(rules)...)
	}
	cfg.FS = s.fs
	if s.b, err = broker.New(cfg); err != nil {
		s.t.Fatal(err)
	}
	if err := s.b.Start(s.t.Context()); err != nil {
		return err
	}
	s.t.Cleanup(func() { _ = s.b.Shutdown(s.t.Context()) })
	s.c = dialRaw(s.t, s.b.Listeners()[0].Address())
	return nil
}

func (s *several) restart(rules string) {
	s.t.Helper()
	if err := s.b.Shutdown(s.t.Context()); err != nil && rules != "" {
		s.t.Fatal(err)
	}
	if err := s.start(rules); err != nil {
		s.t.Fatal(err)
	}
}

// holds wants a topic's first records, or that it cannot be read because of its directory.
func (s *several) holds(topic string, records int, offline bool) {
	s.t.Helper()
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(12)
	if err := resp.ReadFrom(s.c.call(fetchFrame(topic, [16]byte{}, 12, 0, 1<<20, 0))[1:]); err != nil {
		s.t.Fatal(err)
	}
	p := resp.Topics[0].Partitions[0]
	switch {
	case offline && p.ErrorCode != kerr.KafkaStorageError.Code:
		s.t.Errorf("%s: error %d", topic, p.ErrorCode)
	case !offline && (p.ErrorCode != 0 || p.HighWatermark != int64(records)):
		s.t.Errorf("%s: error %d, high watermark %d, want %d", topic, p.ErrorCode, p.HighWatermark, records)
	}
}

// dirs are the error codes of DescribeLogDirs by directory.
func (s *several) dirs() map[string]int16 {
	s.t.Helper()
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.SetVersion(4)
	out := map[string]int16{}
	for _, d := range ask[*kmsg.DescribeLogDirsResponse](s.c, req, true).Dirs {
		out[d.Dir] = d.ErrorCode
	}
	return out
}

// TestOneDirectoryOfSeveral: a data directory that fails, or cannot be used at the start, takes its own partitions
// offline and nothing else. They never begin anew elsewhere, and are back with everything that was
// acknowledged when their directory is (S-12, S-17). Without the first one, which holds the metadata, nothing starts.
func TestOneDirectoryOfSeveral(t *testing.T) {
	s := &several{t: t, fs: vfs.WithErrors(vfs.NewMem())}
	if err := s.start(""); err != nil {
		t.Fatal(err)
	}
	in := map[string][]string{}
	for i := range 4 {
		topic := fmt.Sprintf("t%d", i)
		createTopic(t, s.c, topic)
		for seq := range int32(3) {
			if p := idempotent(t, s.c, topic, 0, seq); p.ErrorCode != 0 || p.BaseOffset != int64(seq) {
				t.Fatalf("%+v", p)
			}
		}
		for _, dir := range []string{"/one", "/two"} {
			if _, err := s.fs.Stat(dir + "/" + topic + "-0"); err == nil {
				in[dir] = append(in[dir], topic)
			}
		}
	}
	if len(in["/one"]) != 2 || len(in["/two"]) != 2 {
		t.Fatalf("%v", in)
	}
	one, two := in["/one"], in["/two"]

	s.fs.SetRules(vfs.MustRules("op=syncdata path=/two/** err=EIO sticky")...)
	code := idempotent(t, s.c, two[0], 0, 3).ErrorCode // not flushed: its outcome is open
	if code != kerr.KafkaStorageError.Code {
		t.Errorf("error %d", code)
	}
	for _, topic := range two {
		if p := idempotent(t, s.c, topic, 0, 4); p.ErrorCode != kerr.KafkaStorageError.Code {
			t.Errorf("%s: error %d", topic, p.ErrorCode)
		}
		s.holds(topic, 3, true)
	}
	for _, topic := range one {
		if p := idempotent(t, s.c, topic, 0, 3); p.ErrorCode != 0 {
			t.Errorf("%s: error %d", topic, p.ErrorCode)
		}
		s.holds(topic, 4, false)
	}
	if d := s.dirs(); len(d) != 2 || d["/one"] != 0 || d["/two"] != kerr.KafkaStorageError.Code {
		t.Errorf("%v", d)
	}
	createTopic(t, s.c, "later")
	if p := idempotent(t, s.c, "later", 0, 0); p.ErrorCode != 0 {
		t.Errorf("a new topic: error %d", p.ErrorCode)
	}
	select {
	case err := <-s.b.Failed():
		t.Fatalf("the broker has ended: %v", err)
	case <-time.After(3 * time.Second): // more than one look at the directories
	}

	s.fs.SetRules()
	_ = s.b.Shutdown(t.Context()) // not clean: a directory has failed
	if err := s.start("op=write-like path=/two/** err=EROFS sticky"); err != nil {
		t.Fatal(err)
	}
	for _, topic := range two {
		s.holds(topic, 3, true)
	}
	for _, topic := range append(one, "later") {
		if _, err := s.fs.Stat("/one/" + topic + "-0"); err != nil {
			t.Error(err)
		}
	}
	for _, topic := range two {
		if _, err := s.fs.Stat("/one/" + topic + "-0"); err == nil {
			t.Errorf("%s has begun anew in another directory", topic)
		}
	}
	s.holds(one[0], 4, false)
	if d := s.dirs(); len(d) != 2 || d["/two"] != kerr.KafkaStorageError.Code {
		t.Errorf("%v", d)
	}

	s.restart("")
	for _, topic := range one {
		s.holds(topic, 4, false)
	}
	for _, topic := range two {
		p := idempotent(t, s.c, topic, 0, 2) // the last one that was acknowledged
		if p.ErrorCode != 0 || p.BaseOffset != 2 {
			t.Errorf("%s after it is back: error %d at %d", topic, p.ErrorCode, p.BaseOffset)
		}
	}
	if err := s.b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	err := s.start("op=write-like path=/one/** err=EROFS sticky")
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "/one") {
		t.Errorf("without the metadata: %v", err)
	}
	if err := s.start("op=open path=/two/meta.properties err=EIO sticky"); err != nil {
		t.Errorf("an unreadable identity: %v", err)
	}
	s.holds(two[0], 3, true)
	if err := s.b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	// What is refused for what it is ends the start.
	s.fs.SetRules()
	lock, err := s.fs.Lock("/two/.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := s.start(""); !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), "/two") {
		t.Errorf("a directory that is in use: %v", err)
	}
}

// futures are the copies on their way in a directory.
func (s *several) futures(dir string) (n int) {
	s.t.Helper()
	req := kmsg.NewPtrDescribeLogDirsRequest()
	req.SetVersion(4)
	for _, d := range ask[*kmsg.DescribeLogDirsResponse](s.c, req, true).Dirs {
		for _, t := range d.Topics {
			for _, p := range t.Partitions {
				if d.Dir == dir && p.IsFuture {
					n++
				}
			}
		}
	}
	return n
}

// TestAlterReplicaLogDirs: a log moves to another directory while it is written to and read, a throttled move shows as a
// future replica and can be called off, and where the log lies outlives restarts, also when the directory that it was made in
// fails (KIP-113, KIP-858).
func TestAlterReplicaLogDirs(t *testing.T) {
	s := &several{t: t, fs: vfs.WithErrors(vfs.NewMem())}
	if err := s.start(""); err != nil {
		t.Fatal(err)
	}
	createTopic(t, s.c, "t")
	from, to := "/one", "/two"
	if _, err := s.fs.Stat("/two/t-0"); err == nil {
		from, to = to, from
	}
	sequence := int32(0)
	produce := func() {
		t.Helper()
		if p := idempotent(t, s.c, "t", 0, sequence); p.ErrorCode != 0 || p.BaseOffset != int64(sequence) {
			t.Fatalf("batch %d: %+v", sequence, p)
		}
		sequence++
	}
	place := func(dir string) {
		t.Helper()
		req := kmsg.NewPtrAlterReplicaLogDirsRequest()
		req.SetVersion(2)
		d, topic := kmsg.NewAlterReplicaLogDirsRequestDir(), kmsg.NewAlterReplicaLogDirsRequestDirTopic()
		topic.Topic, topic.Partitions = "t", []int32{0}
		d.Dir, d.Topics = dir, append(d.Topics, topic)
		req.Dirs = append(req.Dirs, d)
		if p := ask[*kmsg.AlterReplicaLogDirsResponse](s.c, req, true).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			t.Fatalf("to %s: %+v", dir, p)
		}
	}
	lies := func(dir string) bool {
		_, err := s.fs.Stat(dir + "/t-0")
		return err == nil
	}
	produce()
	place(to)
	for !lies(to) {
		produce()
	}
	produce()
	s.holds("t", int(sequence), false)
	if lies(from) {
		t.Errorf("still in %s", from)
	}

	throttle(t, s.c, "1")
	place(from)
	eventually(t, "the copy is begun", func() bool { return s.futures(from) == 1 })
	place(to) // where it is
	eventually(t, "the copy is gone", func() bool { return s.futures(from) == 0 })
	produce()

	s.restart("")
	s.holds("t", int(sequence), false)
	if !lies(to) || lies(from) {
		t.Errorf("after a restart in %s: %v, in %s: %v", to, lies(to), from, lies(from))
	}
	produce()
}

// throttle sets how fast logs may move.
func throttle(t *testing.T, c *rawClient, rate string) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.SetVersion(1)
	r, e := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	e.Name, e.Value = "replica.alter.log.dirs.io.max.bytes.per.second", &rate
	r.ResourceType, r.Configs = kmsg.ConfigResourceTypeBroker, append(r.Configs, e)
	req.Resources = append(req.Resources, r)
	if got := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, true).Resources[0]; got.ErrorCode != 0 {
		t.Fatalf("%+v", got)
	}
}
