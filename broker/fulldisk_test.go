package broker_test

import (
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// create asks for a topic and returns the code.
func (s *several) create(topic string, timeoutMs int32) int16 {
	s.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = timeoutMs
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, 1
	req.Topics = append(req.Topics, rt)
	return ask[*kmsg.CreateTopicsResponse](s.c, req, true).Topics[0].ErrorCode
}

// within wants a code before the time that S-11 gives is over.
func (s *several) within(what string, want int16, f func() int16) {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		code := f()
		if code == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: error %d, want %d", what, code, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestFullDisk: without room for new files, a topic is made whose log opens when there is room. Without any room, also
// for the metadata log, records and topics are refused with errors that are tried again after, reads go on, the
// broker stays up; and all of it goes on by itself, without a restart (S-11).
func TestFullDisk(t *testing.T) {
	s := &several{t: t, fs: vfs.WithErrors(vfs.NewMem())}
	if err := s.start(""); err != nil {
		t.Fatal(err)
	}
	sequence := map[string]int32{}
	write := func(topic string) int16 {
		p := idempotent(t, s.c, topic, 0, sequence[topic])
		if p.ErrorCode == 0 {
			if p.BaseOffset != int64(sequence[topic]) {
				t.Fatalf("%s: %d acknowledged at %d", topic, sequence[topic], p.BaseOffset)
			}
			sequence[topic]++
		}
		return p.ErrorCode
	}
	refused := func(topic string) {
		t.Helper()
		if code := write(topic); code != kerr.KafkaStorageError.Code {
			t.Errorf("%s: error %d", topic, code)
		}
	}
	createTopic(t, s.c, "before")
	for range 3 {
		write("before")
	}
	s.fs.SetRules(vfs.MustRules("op=create,mkdir err=ENOSPC")...)
	if code := s.create("closed", 10_000); code != 0 {
		t.Errorf("without room for new files: error %d", code)
	}
	refused("closed")
	if code := write("before"); code != 0 {
		t.Errorf("an open log: error %d", code)
	}
	s.fs.SetRules()
	s.within("the log is opened", 0, func() int16 { return write("closed") })

	s.fs.SetRules(vfs.MustRules("op=write,create,mkdir,rename err=ENOSPC")...)
	refused("before")
	s.holds("before", 4, false)
	if code := s.create("meanwhile", 100); code != kerr.RequestTimedOut.Code {
		t.Errorf("its outcome is open: error %d", code)
	}
	s.within("no room for metadata", kerr.KafkaStorageError.Code, func() int16 { return s.create("refused", 100) })
	s.holds("before", 4, false)
	select {
	case err := <-s.b.Failed():
		t.Fatalf("the broker has ended: %v", err)
	case <-time.After(3 * time.Second): // some heartbeats
	}
	s.fs.SetRules()
	s.within("records again", 0, func() int16 { return write("before") })
	s.within("topics again", 0, func() int16 { return s.create("after", 5000) })
	s.within("the topic whose outcome was open", kerr.TopicAlreadyExists.Code, func() int16 { return s.create("meanwhile", 5000) })
	for _, topic := range []string{"after", "meanwhile"} {
		s.within(topic, 0, func() int16 { return write(topic) })
	}
	s.restart("")
	s.holds("before", 5, false)
	s.holds("closed", 1, false)
	s.holds("meanwhile", 1, false)
}
