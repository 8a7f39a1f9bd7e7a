package broker_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/internal/memnet"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stalling is a broker with the data directories "one", which holds the metadata log, and "two", on a memory disk and a
// memory network, in a bubble's time: what is answered without waiting for anything takes no time at all.
type stalling struct {
	several
	net  *memnet.Network
	in   map[string][]string // topics by directory
	sent map[string]int32    // records by topic
}

const stallAddr = "broker:4711"

func newStalling(t *testing.T) *stalling {
	s := &stalling{several: several{t: t, fs: vfs.WithErrors(vfs.NewMem())}, net: memnet.New(1), in: map[string][]string{}, sent: map[string]int32{}}
	cfg, _, err := broker.FromProperties(map[string]string{
		"listeners": "PLAINTEXT://" + stallAddr, "log.dirs": "/one,/two",
		"offsets.topic.num.partitions": "2", "group.coordinator.threads": "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.FS = s.fs
	cfg.Listen = func(_, address string) (net.Listener, error) { return s.net.Listen(address) }
	if s.b, err = broker.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the bubble's goroutines end with it
		s.fs.SetRules()
		_ = s.b.Shutdown(context.Background())
	})
	s.c = s.dial()
	for i := range 4 {
		s.topic(fmt.Sprintf("t%d", i))
	}
	s.coordinate("a")
	if len(s.in["/one"]) != 2 || len(s.in["/two"]) != 2 {
		t.Fatalf("topics by directory: %v", s.in)
	}
	return s
}

func (s *stalling) dial() *rawClient {
	s.t.Helper()
	conn, err := s.net.Dial(s.t.Context(), "client", stallAddr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return &rawClient{t: s.t, conn: conn, buf: make([]byte, 2<<20)}
}

// topic makes a topic and writes to it. It returns its directory.
func (s *stalling) topic(name string) string {
	s.t.Helper()
	createTopic(s.t, s.c, name)
	s.write(name)
	dir := s.lies(name)
	s.in[dir] = append(s.in[dir], name)
	return dir
}

func (s *stalling) lies(topic string) string {
	s.t.Helper()
	for _, dir := range []string{"/one", "/two"} {
		if _, err := s.fs.Stat(dir + "/" + topic + "-0"); err == nil {
			return dir
		}
	}
	s.t.Fatalf("%s is nowhere", topic)
	return ""
}

// write appends a record with acks=all.
func (s *stalling) write(topic string) {
	s.t.Helper()
	if p := idempotent(s.t, s.c, topic, 0, s.sent[topic]); p.ErrorCode != 0 || p.BaseOffset != int64(s.sent[topic]) {
		s.t.Fatalf("write to %s: error %d at %d", topic, p.ErrorCode, p.BaseOffset)
	}
	s.sent[topic]++
}

// coordinate has the topic of offsets made: group "b" is coordinated by its first partition, "a" by its second.
func (s *stalling) coordinate(group string) {
	s.t.Helper()
	for {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.SetVersion(4)
		req.CoordinatorKeys = []string{group}
		if ask[*kmsg.FindCoordinatorResponse](s.c, req, true).Coordinators[0].ErrorCode == 0 && s.commitOffset("a", 0) == 0 && s.commitOffset("b", 0) == 0 {
			return
		}
		time.Sleep(time.Second)
	}
}

// coordinators is a group for each directory, whose offsets lie there.
func (s *stalling) coordinators() map[string]string {
	groups := map[string]string{}
	for partition, group := range []string{"b", "a"} {
		if _, err := s.fs.Stat(fmt.Sprintf("/one/__consumer_offsets-%d", partition)); err == nil {
			groups["/one"] = group
		} else {
			groups["/two"] = group
		}
	}
	return groups
}

// offsetCommit is a commit of an offset of a topic for a group.
func offsetCommit(group string, offset int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.SetVersion(8)
	req.Group, req.Generation = group, -1
	rt, rp := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	rt.Topic, rp.Offset = "t0", offset
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func (s *stalling) commitOffset(group string, offset int64) int16 {
	s.t.Helper()
	return ask[*kmsg.OffsetCommitResponse](s.c, offsetCommit(group, offset), true).Topics[0].Partitions[0].ErrorCode
}

// stall lets everything that is to be synced in a directory from now on wait until so much time is over. Nothing is under way when it
// begins: whoever waited for a mutex then would keep the bubble's time from passing.
func (s *stalling) stall(dir string, lasts time.Duration) {
	synctest.Wait()
	end := time.Now().Add(lasts)
	s.fs.SetSleep(func(time.Duration) { time.Sleep(time.Until(end)) })
	s.fs.SetRules(vfs.MustRules("op=sync-like path=" + dir + "/** latency=1s")...)
}

// later is the answer to a request that waits for something, and when it came.
type later[R kmsg.Response] struct {
	done chan struct{}
	resp R
	at   time.Time
}

// background sends a request on a connection of its own.
func background[R kmsg.Response](s *stalling, req kmsg.Request) *later[R] {
	c, l := s.dial(), &later[R]{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.resp = ask[R](c, req, true)
		l.at = time.Now()
	}()
	return l
}

// after wants that the answer came so long after begin.
func (l *later[R]) after(t *testing.T, what string, begin time.Time, from, to time.Duration) R {
	t.Helper()
	<-l.done
	if d := l.at.Sub(begin); d < from || d > to {
		t.Errorf("%s was answered after %v, want %v to %v", what, d, from, to)
	}
	return l.resp
}

// atOnce wants that something takes no time.
func (s *stalling) atOnce(what string, f func()) {
	s.t.Helper()
	begin := time.Now()
	f()
	if took := time.Since(begin); took > 0 {
		s.t.Errorf("%s took %v while a disk did not answer", what, took)
	}
}

// reads fetches what is committed of every topic, and asks for the metadata.
func (s *stalling) reads() {
	s.t.Helper()
	for _, topic := range slices.Concat(s.in["/one"], s.in["/two"]) {
		s.atOnce("a fetch of "+topic+" in "+s.lies(topic), func() { s.holds(topic, int(s.sent[topic]), false) })
		s.atOnce("the metadata", func() {
			if p := metadataFor(s.c, 9, false, named(topic)).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Leader != 1 {
				s.t.Errorf("%s: %+v", topic, p)
			}
		})
	}
}

// waiting produces a record with acks=all whose client has all the patience it takes, without hearing of it.
func (s *stalling) waiting(topic string) *later[*kmsg.ProduceResponse] {
	req := idempotentRequest(s.t, topic, 0, s.sent[topic])
	req.TimeoutMillis = 60_000
	return background[*kmsg.ProduceResponse](s, req)
}

func createRequest(topic string, timeout time.Duration) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, rt), int32(timeout.Milliseconds())
	return req
}

// TestStalledSyncDelaysNobodyElse: while the disk of one data directory does not finish a sync, for ten seconds or twenty-five,
// consumers of both directories, producers with acks=all to the other one, commits of offsets that go there, new topics, and
// questions about the metadata are answered as if nothing were the matter. What waits for the sync hears of it when it
// ends, or after ten seconds that there is no telling; new topics, which are made without a sync, keep away from the directory from then on.
func TestStalledSyncDelaysNobodyElse(t *testing.T) {
	for _, lasts := range []time.Duration{10 * time.Second, 25 * time.Second} {
		synctest.Test(t, func(t *testing.T) { stalledSync(t, newStalling(t), lasts) })
	}
}

func stalledSync(t *testing.T, s *stalling, lasts time.Duration) {
	one, two := s.in["/one"], s.in["/two"]
	groups := s.coordinators()
	begin := time.Now()
	s.stall("/two", lasts)
	produced := s.waiting(two[0])
	// More than the directory lets wait for its syncer: whoever goes on in it waits, too.
	filling, frame := s.dial(), produceFrame(t, two[1], [16]byte{}, 9, 0, 1, 1_000_000)
	go func() {
		for range 70 {
			_, _ = filling.conn.Write(frame)
		}
	}()
	synctest.Wait()
	committed := background[*kmsg.OffsetCommitResponse](s, offsetCommit(groups["/two"], 77))
	s.atOnce("a new topic", func() { s.topic("new") })
	made := background[*kmsg.CreateTopicsResponse](s, createRequest("behind", 20*time.Second))
	synctest.Wait()
	for i := int64(1); time.Since(begin) < lasts-time.Second; i++ {
		for _, topic := range one {
			s.atOnce("a produce to the other directory", func() { s.write(topic) })
		}
		s.reads()
		s.atOnce("a commit of an offset", func() {
			if code := s.commitOffset(groups["/one"], i); code != 0 {
				t.Errorf("a commit of an offset: error %d", code)
			}
		})
		if since := time.Since(begin); since > 13*time.Second || since < time.Second {
			s.atOnce("a new topic", func() { s.topic(fmt.Sprintf("later%d", i)) })
		}
		time.Sleep(time.Second)
	}
	from, to, code := lasts, lasts, int16(0)
	if lasts > 13*time.Second { // these may or may not be there
		from, to, code = 10*time.Second, 13*time.Second, kerr.KafkaStorageError.Code
	}
	if p := produced.after(t, "a produce to the directory", begin, from, to).Topics[0].Partitions[0]; p.ErrorCode != code {
		t.Errorf("a produce to the directory: error %d", p.ErrorCode)
	}
	s.sent[two[0]]++
	committed.after(t, "a commit to the directory", begin, time.Second, to)
	if topic := made.after(t, "a topic in the directory", begin, 0, 0).Topics[0]; topic.ErrorCode != 0 { // it is made without a sync
		t.Errorf("a topic in the directory: error %d", topic.ErrorCode)
	}
	if dir := s.lies("behind"); dir != "/two" {
		t.Fatalf("behind lies in %s", dir)
	}
	time.Sleep(time.Until(begin.Add(lasts + 5*time.Second))) // until it is seen that the disk answers
	s.sent[two[1]] = -1
	for _, topic := range append([]string{two[0], "behind"}, one...) {
		s.write(topic)
		s.holds(topic, int(s.sent[topic]), false)
	}
	for _, group := range groups { // order-free: each by itself
		if code := s.commitOffset(group, 99); code != 0 {
			t.Errorf("group %s: error %d", group, code)
		}
	}
	if err := s.b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestStalledMetadataDirectory: while the disk of the directory with the metadata log does not finish a sync, what needs no decision of the
// controller goes on: consumers of every directory, producers and commits of offsets to the others, questions about the metadata.
// Decisions wait. The broker is not fenced for its silence, which was the controller's too. After thirty seconds
// the directory is given up, and with it the broker (C-12).
func TestStalledMetadataDirectory(t *testing.T) {
	for _, lasts := range []time.Duration{10 * time.Second, 25 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) { stalledMetadata(t, newStalling(t), lasts) })
	}
}

func stalledMetadata(t *testing.T, s *stalling, lasts time.Duration) {
	two, group := s.in["/two"], s.coordinators()["/two"]
	begin := time.Now()
	s.stall("/one", lasts)
	epochs := metadataFor(s.c, 9, false).Topics
	produced := s.waiting(s.in["/one"][0])
	made := background[*kmsg.CreateTopicsResponse](s, createRequest("decided", time.Minute))
	for i := int64(1); time.Since(begin) < min(lasts-time.Second, 29*time.Second); i++ {
		for _, topic := range two {
			s.atOnce("a produce to the other directory", func() { s.write(topic) })
		}
		s.reads()
		s.atOnce("a commit of an offset", func() {
			if code := s.commitOffset(group, i); code != 0 {
				t.Errorf("a commit of an offset: error %d", code)
			}
		})
		time.Sleep(time.Second)
	}
	if lasts > time.Minute {
		err := <-s.b.Failed()
		if d := time.Since(begin); d < 30*time.Second || d > 33*time.Second || !strings.Contains(err.Error(), "/one") {
			t.Errorf("the broker ended after %v: %v", d, err)
		}
		if p := produced.after(t, "a produce to the directory", begin, 10*time.Second, 13*time.Second).Topics[0].Partitions[0]; p.ErrorCode != kerr.KafkaStorageError.Code {
			t.Errorf("a produce to the directory: error %d", p.ErrorCode)
		}
		if topic := made.after(t, "a decision of the controller", begin, time.Minute, time.Minute).Topics[0]; topic.ErrorCode != kerr.RequestTimedOut.Code {
			t.Errorf("a decision of the controller: error %d", topic.ErrorCode)
		}
		return
	}
	if topic := made.after(t, "a decision of the controller", begin, lasts, lasts).Topics[0]; topic.ErrorCode != 0 {
		t.Errorf("a decision of the controller: error %d", topic.ErrorCode)
	}
	<-produced.done
	s.sent[s.in["/one"][0]]++
	time.Sleep(15 * time.Second) // a session is nine
	if now := metadataFor(s.c, 9, false).Topics; len(now) != len(epochs)+1 {
		t.Errorf("%d topics, there were %d", len(now), len(epochs))
	} else {
		for _, was := range epochs {
			i := slices.IndexFunc(now, func(t kmsg.MetadataResponseTopic) bool { return *t.Topic == *was.Topic })
			for j, p := range was.Partitions {
				if is := now[i].Partitions[j]; is.Leader != p.Leader || is.LeaderEpoch != p.LeaderEpoch {
					t.Errorf("%s-%d is led by %d in epoch %d, was by %d in %d", *was.Topic, j, is.Leader, is.LeaderEpoch, p.Leader, p.LeaderEpoch)
				}
			}
		}
	}
	for _, topic := range slices.Concat(s.in["/one"], two, []string{"decided"}) {
		s.write(topic)
		s.holds(topic, int(s.sent[topic]), false)
	}
	if err := s.b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
