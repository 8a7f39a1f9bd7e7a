package data

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzFetchSession: a client with a session, whatever it adds, forgets and resets, whatever is written, evicted and deleted
// meanwhile, knows after each answer what a full fetch of the same partitions tells (RELIABILITY 6.6, 30). Two bytes are one
// step: what to do, and to which topic with which offset.
func FuzzFetchSession(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 1, 2, 0, 0, 0, 1, 0, 2, 1})
	f.Add([]byte{0, 0, 0, 1, 0, 2, 2, 0, 1, 1, 2, 0, 3, 1, 2, 0, 4, 0, 2, 0, 0, 4, 2, 0})
	f.Add([]byte{0, 8, 0, 1, 1, 0, 2, 0, 5, 0, 2, 0, 6, 1, 2, 0, 0, 1, 2, 0})
	f.Add([]byte{7, 0, 0, 0, 2, 0, 5, 0, 2, 0, 1, 0, 2, 0, 3, 0, 2, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		version := int16(12)
		if len(steps) > 0 && steps[0]&1 == 1 {
			version = 13
		}
		s := &sessionFuzz{t: t, c: newConsumer(t, version), wants: map[string]int64{}, knows: map[string]string{}}
		for i := 0; i+1 < min(len(steps), 400); i += 2 {
			s.step(steps[i]%8, steps[i+1])
		}
		s.fetch()
	})
}

// sessionFuzz is the client's side.
type sessionFuzz struct {
	t       *testing.T
	c       *consumer
	wants   map[string]int64  // topic → offset
	knows   map[string]string // topic → what it was told last, records apart
	changes []string          // since the last fetch, in the form of consumer.request
}

func (s *sessionFuzz) step(what, arg byte) {
	topic := []string{"a", "b", "c", "d"}[arg%4] // there is no "d"
	switch what {
	case 0: // want it, or want it from elsewhere
		if slices.Contains(s.changes, "-"+topic) { // a request that adds and forgets one partition has forgotten it, as in Kafka
			s.fetch()
		}
		s.wants[topic] = int64(arg / 4 % 8)
		s.changes = append(s.changes, fmt.Sprintf("%s:%d", topic, s.wants[topic]))
	case 1:
		if topic != "d" && s.c.r.h.Image().Topic(topic) != nil {
			s.c.write(topic, int(arg/4%3))
		}
	case 2:
		s.fetch()
	case 3:
		delete(s.wants, topic)
		delete(s.knows, topic)
		s.changes = slices.DeleteFunc(s.changes, func(c string) bool { return c[:1] == topic })
		s.changes = append(s.changes, "-"+topic)
	case 4: // another client needed the room
		s.c.r.h.sessions.remove(s.c.id)
	case 5:
		s.wrongEpoch(int32(arg))
	case 6:
		if topic != "d" && s.c.r.h.Image().Topic(topic) != nil {
			s.c.r.deleteTopic(sessionTopics[topic])
		}
	}
}

// wrongEpoch must be refused and change nothing.
func (s *sessionFuzz) wrongEpoch(off int32) {
	if s.c.epoch == 0 || off == 0 {
		return
	}
	req := s.c.request()
	if req.SessionEpoch += off; req.SessionEpoch <= 0 {
		return
	}
	want := kerr.InvalidFetchSessionEpoch.Code
	if s.c.r.h.sessions.use(s.c.id, s.c.r.now) == nil {
		want = kerr.FetchSessionIDNotFound.Code
	}
	if resp := s.c.r.fetch(req); resp.ErrorCode != want || len(resp.Topics) != 0 {
		s.t.Fatalf("epoch %d where %d was due: error %d, %d topics", req.SessionEpoch, s.c.epoch, resp.ErrorCode, len(resp.Topics))
	}
}

// fetch goes on with the session, or begins another, and compares what is known then with a full fetch.
func (s *sessionFuzz) fetch() {
	resp := s.c.r.fetch(s.c.request(s.changes...))
	if resp.ErrorCode == kerr.FetchSessionIDNotFound.Code { // as clients do: all anew
		s.c.id, s.c.epoch = 0, 0
		clear(s.knows)
		s.changes = s.all()
		resp = s.c.r.fetch(s.c.request(s.changes...))
	}
	if resp.ErrorCode != 0 {
		s.t.Fatalf("error %d", resp.ErrorCode)
	}
	if s.c.id = resp.SessionID; s.c.id == 0 {
		s.c.epoch = 0
	} else {
		s.c.epoch = nextEpoch(s.c.epoch)
	}
	s.changes = s.changes[:0]
	got := s.told(resp)
	full := s.c.request(s.all()...)
	full.SessionID, full.SessionEpoch = 0, epochFinal
	want := s.told(s.c.r.fetch(full))
	for topic, p := range got {
		if _, wanted := s.wants[topic]; !wanted {
			s.t.Fatalf("told of %s, which is not wanted", topic)
		}
		s.knows[topic] = p.about
	}
	for topic := range s.wants {
		p := want[topic]
		if s.knows[topic] != p.about {
			s.t.Fatalf("%s: knows %q, a full fetch tells %q", topic, s.knows[topic], p.about)
		}
		if got[topic].records != p.records {
			s.t.Fatalf("%s: records %q, a full fetch has %q", topic, got[topic].records, p.records)
		}
	}
	if s.c.id == 0 { // no session without partitions: the next request is a full one
		s.changes = s.all()
		clear(s.knows)
	}
}

func (s *sessionFuzz) all() (wants []string) {
	for topic, offset := range s.wants {
		wants = append(wants, fmt.Sprintf("%s:%d", topic, offset))
	}
	slices.Sort(wants)
	return wants
}

// fuzzTold is what an answer says of a partition.
type fuzzTold struct{ about, records string }

func (s *sessionFuzz) told(resp *kmsg.FetchResponse) map[string]fuzzTold {
	out := map[string]fuzzTold{}
	for _, t := range resp.Topics {
		name := t.Topic
		for n, id := range sessionTopics {
			if s.c.version >= 13 && id == t.TopicID {
				name = n
			}
		}
		if name == "" {
			name = "d"
		}
		for _, p := range t.Partitions {
			out[name] = fuzzTold{fmt.Sprintf("error %d, high watermark %d, start %d", p.ErrorCode, p.HighWatermark, p.LogStartOffset), string(p.RecordBatches)}
		}
	}
	return out
}
