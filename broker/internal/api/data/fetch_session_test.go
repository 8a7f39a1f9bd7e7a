package data

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumer is a client with a fetch session over topics of one partition each, which broker 1 leads.
type consumer struct {
	r       *rig
	version int16
	id      int32
	epoch   int32
	max     int32
}

var sessionTopics = map[string]kafka.TopicID{"a": {15: 1}, "b": {15: 2}, "c": {15: 3}}

func newConsumer(t testing.TB, version int16) *consumer {
	t.Helper()
	r := newRig(t)
	for _, name := range []string{"a", "b", "c"} {
		id := sessionTopics[name]
		r.replay(&schema.TopicRecord{Name: name, TopicID: id},
			&schema.PartitionRecord{TopicID: id, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}, Leader: 1})
	}
	return &consumer{r: r, version: version, max: 1 << 20}
}

func (c *consumer) write(topic string, n int) (size int) {
	c.r.t.Helper()
	for range n {
		b := c.r.records(topic)
		size = len(b)
		c.r.produce(network.Answered, 0, 9, 1, topic, 0, b)
	}
	c.r.sync()
	return size
}

// request wants "topic:offset" and forgets "-topic".
func (c *consumer) request(wants ...string) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.SessionID, req.SessionEpoch, req.MaxBytes, req.MinBytes = c.version, c.id, c.epoch, c.max, 0
	for _, w := range wants {
		if name, ok := strings.CutPrefix(w, "-"); ok {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.Topic, f.TopicID, f.Partitions = name, sessionTopics[name], []int32{0}
			req.ForgottenTopics = append(req.ForgottenTopics, f)
			continue
		}
		name, offset, _ := strings.Cut(w, ":")
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = name, sessionTopics[name]
		p := kmsg.NewFetchRequestTopicPartition()
		_, _ = fmt.Sscan(offset, &p.FetchOffset)
		p.PartitionMaxBytes = 1 << 20
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	return req
}

// show is the answer as topics in order, each with the number of its batches, or its error.
func (c *consumer) show(resp *kmsg.FetchResponse) string {
	if e, ok := kerr.ErrorForCode(resp.ErrorCode).(*kerr.Error); ok {
		return e.Message
	}
	var out []string
	for _, t := range resp.Topics {
		name := t.Topic
		for n, id := range sessionTopics {
			if id == t.TopicID {
				name = n
			}
		}
		s := fmt.Sprintf("%s=%d", name, len(offsets(c.r.t, t.Partitions[0].RecordBatches)))
		if e, ok := kerr.ErrorForCode(t.Partitions[0].ErrorCode).(*kerr.Error); ok {
			s = name + "=" + e.Message
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// want sends the session's next request.
func (c *consumer) want(want string, wants ...string) *kmsg.FetchResponse {
	c.r.t.Helper()
	resp := c.r.fetch(c.request(wants...))
	if got := c.show(resp); got != want {
		c.r.t.Errorf("v%d, epoch %d, %q: %q, want %q", c.version, c.epoch, wants, got, want)
	}
	if resp.ErrorCode == 0 && c.epoch == 0 {
		c.id = resp.SessionID
	}
	if resp.ErrorCode == 0 && resp.SessionID != c.id {
		c.r.t.Errorf("session %d, want %d", resp.SessionID, c.id)
	}
	c.epoch = nextEpoch(c.epoch)
	return resp
}

// TestPoint072IncrementalSessions is SURFACE 72: what has no news is left out.
func TestPoint072IncrementalSessions(t *testing.T) {
	for _, version := range []int16{7, 11, 12, 13, 18} {
		c := newConsumer(t, version)
		c.write("a", 1)
		c.want("a=1 b=0 c=0", "a:0", "b:0", "c:0")
		if c.id == 0 {
			t.Fatal("no session")
		}
		c.want("a=1")           // asked for again from the same offset
		c.want("", "a:1")       // nothing new, and nothing is known anew
		c.write("b", 2)         //
		c.want("b=2")           //
		c.want("", "b:2")       // its high watermark was told
		c.want("", "-b", "-c")  //
		c.write("c", 1)         //
		c.want("")              // forgotten
		c.want("b=0", "b:2")    // back again: all of it is news
		c.want("c=1", "c:0")    //
		c.want("", "c:1", "-b") //
		c.r.newEpoch()          // some other topic
		c.want("")
		if _, code := c.r.deleteRecords(2, "a", 0, -1); code != 0 {
			t.Fatal(code)
		}
		c.want("a=0") // the log start has moved
		c.want("")
		c.r.deny["a"] = true
		c.want("a=TOPIC_AUTHORIZATION_FAILED")
		c.want("a=TOPIC_AUTHORIZATION_FAILED") // an error is always told
		c.r.deny["a"] = false
		c.want("a=0") // and its end too
		c.want("")
	}
}

// TestFetchSessionErrors: of the whole request, with session 0; the session itself is none the worse.
func TestFetchSessionErrors(t *testing.T) {
	c := newConsumer(t, 12)
	c.want("a=0", "a:0")
	f := func(code *kerr.Error, change func(*kmsg.FetchRequest)) {
		t.Helper()
		req := c.request("a:0")
		change(req)
		if resp := c.r.fetch(req); resp.ErrorCode != code.Code || resp.SessionID != 0 || len(resp.Topics) != 0 {
			t.Errorf("%+v, want %v", resp, code)
		}
	}
	f(kerr.FetchSessionIDNotFound, func(q *kmsg.FetchRequest) { q.SessionID++ })
	f(kerr.FetchSessionIDNotFound, func(q *kmsg.FetchRequest) { q.SessionID = 0 })
	f(kerr.InvalidFetchSessionEpoch, func(q *kmsg.FetchRequest) { q.SessionEpoch++ })
	f(kerr.InvalidFetchSessionEpoch, func(q *kmsg.FetchRequest) { q.SessionEpoch = math.MaxInt32 })
	f(kerr.FetchSessionTopicIDError, func(q *kmsg.FetchRequest) { q.Version = 13 })
	c.want("")
	f(kerr.InvalidFetchSessionEpoch, func(q *kmsg.FetchRequest) { q.SessionEpoch-- }) // the same request once more
	c.want("")
	final := c.request("a:0")
	final.SessionEpoch = -1
	if resp := c.r.fetch(final); resp.ErrorCode != 0 || resp.SessionID != 0 || c.show(resp) != "a=0" {
		t.Errorf("final: %+v", resp)
	}
	f(kerr.FetchSessionIDNotFound, func(*kmsg.FetchRequest) {})
}

// TestFetchSessionEnds: a new full request ends the session it names; so does forgetting everything.
func TestFetchSessionEnds(t *testing.T) {
	c := newConsumer(t, 13)
	c.want("a=0", "a:0")
	old := c.id
	c.epoch = 0
	c.want("b=0", "b:0")
	if c.id == old || c.id == 0 {
		t.Errorf("session %d after %d", c.id, old)
	}
	c.r.h.sessions.mu.Lock()
	if n := len(c.r.h.sessions.mu.sessions); n != 1 {
		t.Errorf("%d sessions", n)
	}
	c.r.h.sessions.mu.Unlock()
	if resp := c.r.fetch(c.request("-b")); resp.ErrorCode != 0 || resp.SessionID != 0 || len(resp.Topics) != 0 {
		t.Errorf("everything forgotten: %+v", resp)
	}
	if resp := c.r.fetch(c.request("b:0")); resp.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("%+v", resp)
	}
}

// TestPoint073SessionsAreFair is SURFACE 73: with room for one batch in each answer everybody gets his turn.
func TestPoint073SessionsAreFair(t *testing.T) {
	c := newConsumer(t, 12)
	c.max = 1
	for _, topic := range []string{"a", "b", "c"} {
		c.write(topic, 2)
	}
	c.want("a=1 b=0 c=0", "a:0", "b:0", "c:0")
	c.want("a=1") // a full answer does not turn the order
	c.want("b=1")
	c.want("c=1")
	c.want("a=1")
	c.want("b=1")
	c.want("c=1", "b:2")
}

// TestFetchSessionOfADeletedTopic: the partition stays in the session as an error until it is forgotten; a topic of the same
// name is another one by id.
func TestFetchSessionOfADeletedTopic(t *testing.T) {
	for version, want := range map[int16]string{12: "a=UNKNOWN_TOPIC_OR_PARTITION", 13: "a=UNKNOWN_TOPIC_ID"} {
		c := newConsumer(t, version)
		c.write("a", 1)
		c.want("a=1 b=0", "a:0", "b:0")
		c.r.deleteTopic(sessionTopics["a"])
		c.want(want)
		c.want(want)
		c.want("", "-a")
	}
}

// TestPoint009ThrottledFetchKeepsTheSession is SURFACE 9: an empty answer; what the client was not told stays news.
func TestPoint009ThrottledFetchKeepsTheSession(t *testing.T) {
	c := newConsumer(t, 12)
	c.want("a=0", "a:0")
	c.write("a", 1)
	c.r.h.Limiter = &throttled{quota.NewAccount(quota.Fetch, 1, quota.Window{Num: 2, Size: time.Second})}
	c.r.h.Limiter.Account(quota.Fetch, security.Principal{}, nil).Record(2, c.r.now)
	if resp := c.want(""); resp.ThrottleMillis < 1000 {
		t.Errorf("%+v", resp)
	}
	c.r.h.Limiter = quota.Unlimited{}
	c.want("a=1")
}

// TestPoint009ThrottledFetchIsUnrecorded: what was not sent is not held against the client; a fetch takes no more than the
// quota allows at once, except for its first batch.
func TestPoint009ThrottledFetchIsUnrecorded(t *testing.T) {
	c := newConsumer(t, 12)
	for range 10 {
		c.write("a", 1)
	}
	limited := &throttled{quota.NewAccount(quota.Fetch, 100, quota.Window{Num: 3, Size: time.Second})} // two batches of 70 bytes, at once
	c.r.h.Limiter = limited
	c.epoch = -1
	fetch := func() *kmsg.FetchResponse { return c.r.fetch(c.request("a:0")) }
	resp := fetch()
	if n := len(resp.Topics[0].Partitions[0].RecordBatches); resp.ThrottleMillis != 0 || n == 0 || n > 200 {
		t.Fatalf("the first: %d bytes, %d ms", n, resp.ThrottleMillis)
	}
	throttle := int32(0)
	for range 3 { // each would be more than is allowed; the second is throttled for as long as the first
		resp = fetch()
		if len(resp.Topics) != 0 || resp.ThrottleMillis == 0 || throttle != 0 && resp.ThrottleMillis != throttle {
			t.Fatalf("%+v, before %d ms", resp, throttle)
		}
		throttle = resp.ThrottleMillis
	}
	if d := limited.account.Record(0, c.r.now); d != 0 {
		t.Errorf("throttled by %v for what it did not get", d)
	}
}

// throttled has one account for the bytes that everybody fetches.
type throttled struct{ account *quota.Account }

func (l *throttled) Account(k quota.Kind, _ security.Principal, _ []byte) *quota.Account {
	if k != quota.Fetch {
		return nil
	}
	return l.account
}

func TestPoint074SessionEpochsWrap(t *testing.T) {
	for e, want := range map[int32]int32{0: 1, 1: 2, math.MaxInt32: 1} {
		if got := nextEpoch(e); got != want {
			t.Errorf("after %d comes %d, want %d", e, got, want)
		}
	}
	c := newConsumer(t, 12)
	c.want("a=0", "a:0")
	s := c.r.h.sessions.use(c.id, c.r.now)
	s.mu.epoch, c.epoch = math.MaxInt32, math.MaxInt32
	c.want("")
	c.want("")
	if c.epoch != 2 {
		t.Errorf("epoch %d", c.epoch)
	}
}
