package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/powercut"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// several is a node with several data directories and, in each, topics of one partition.
type several struct {
	*node
	topics map[string][]string         // by directory
	acked  map[string]map[int64]string // by topic: values by offset
	sent   int
}

// newSeveral starts a node on directories and writes to some topics in each.
func newSeveral(t *testing.T, dirs ...string) *several {
	t.Helper()
	s := &several{node: &node{t: t, dir: strings.Join(dirs, ","), addr: "127.0.0.1:0"}, topics: map[string][]string{}, acked: map[string]map[int64]string{}}
	s.start()
	for i := range 2 * len(dirs) {
		topic := fmt.Sprintf("topic%d", i)
		s.create(topic)
		if err := s.write(topic); err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			if _, err := os.Stat(filepath.Join(dir, topic+"-0")); err == nil {
				s.topics[dir] = append(s.topics[dir], topic)
			}
		}
	}
	for _, dir := range dirs {
		if len(s.topics[dir]) != 2 {
			t.Fatalf("topics by directory: %v", s.topics)
		}
	}
	return s
}

func (s *several) client(opts ...kgo.Opt) *kgo.Client {
	s.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.addr)}, opts...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(cl.Close)
	return cl
}

func (s *several) create(topic string) {
	s.t.Helper()
	if _, err := kadm.NewClient(s.client()).CreateTopic(s.t.Context(), 1, 1, nil, topic); err != nil {
		s.t.Fatalf("create %s: %v", topic, err)
	}
}

// write appends a record with acks=all, tried once.
func (s *several) write(topic string) error {
	cl := s.client(kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.RecordDeliveryTimeout(clientWithin))
	defer cl.Close()
	s.sent++
	r := &kgo.Record{Topic: topic, Value: fmt.Append(nil, s.sent)}
	err := cl.ProduceSync(s.t.Context(), r).FirstErr()
	if err == nil {
		if s.acked[topic] == nil {
			s.acked[topic] = map[int64]string{}
		}
		s.acked[topic][r.Offset] = string(r.Value)
	}
	return err
}

// holds wants everything that was acknowledged at its offset. What was refused may be there, too: its outcome was open.
func (s *several) holds(topics []string) {
	s.t.Helper()
	for _, topic := range topics {
		cl := s.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}}))
		ctx, cancel := context.WithTimeout(s.t.Context(), clientWithin)
		for n := 0; n < len(s.acked[topic]); {
			fetches := cl.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				s.t.Fatalf("%s, after %d of %d: %v", topic, n, len(s.acked[topic]), err)
			}
			for _, r := range fetches.Records() {
				if want, ok := s.acked[topic][r.Offset]; ok && string(r.Value) != want {
					s.t.Fatalf("%s holds %q at %d, want %q", topic, r.Value, r.Offset, want)
				} else if ok {
					n++
				}
			}
		}
		cancel()
		cl.Close()
	}
}

// offline wants every access to topics to be refused with KAFKA_STORAGE_ERROR.
func (s *several) offline(topics []string) {
	s.t.Helper()
	for _, topic := range topics {
		if err := s.write(topic); !errors.Is(err, kerr.KafkaStorageError) {
			s.t.Errorf("write to %s: %v", topic, err)
		}
		ends, err := kadm.NewClient(s.client()).ListEndOffsets(s.t.Context(), topic)
		if end, _ := ends.Lookup(topic, 0); err != nil || !errors.Is(end.Err, kerr.KafkaStorageError) {
			s.t.Errorf("end of %s: %v, %v", topic, err, end.Err)
		}
	}
}

// serves wants topics to take records and to give all of them back.
func (s *several) serves(topics []string) {
	s.t.Helper()
	for _, topic := range topics {
		if err := s.write(topic); err != nil {
			s.t.Errorf("write to %s: %v", topic, err)
		}
	}
	s.holds(topics)
}

// TestDirectoryMissing: one of two data directories cannot be used at the start. The broker says so, serves what is in the
// other one, does not begin the missing partitions anew there, and has them back when the directory is
// (S-12, S-17). Without the first one it does not start.
func TestDirectoryMissing(t *testing.T) {
	needSignals(t)
	t.Parallel()
	root := t.TempDir()
	one, two := filepath.Join(root, "one"), filepath.Join(root, "two")
	s := newSeveral(t, one, two)
	s.stop()
	hide := func(dir string) {
		if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	show := func(dir string) {
		if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
			t.Fatal(err)
		}
	}
	hide(two)
	s.start()
	s.offline(s.topics[two])
	s.serves(s.topics[one])
	s.create("new")
	s.serves([]string{"new"})
	if text := s.out.String(); !strings.Contains(text, "offline") || !strings.Contains(text, two) {
		t.Errorf("it does not say that %s is offline; %s", two, s.out.tail())
	}
	for _, topic := range s.topics[two] {
		if _, err := os.Stat(filepath.Join(one, topic+"-0")); err == nil {
			t.Errorf("%s has begun anew", topic)
		}
	}
	s.stop()
	show(two)
	s.start()
	for _, topics := range [][]string{s.topics[one], s.topics[two], {"new"}} {
		s.serves(topics)
	}
	s.stop()
	hide(one)
	refused(t, launch(t, s.dir, s.addr), one)
	show(one)
	s.start()
	s.holds(append(s.topics[one], s.topics[two]...))
}

// newSeveralOverDisk is newSeveral with two data directories, of which the second is on a disk whose faults can be set. It is skipped
// without FUSE.
func newSeveralOverDisk(t *testing.T) (disk *powercut.Disk, s *several, one, two string) {
	t.Helper()
	if err := powercut.Available(); err != nil {
		t.Skipf("no disk beneath: %v", err)
	}
	disk, err := powercut.Mount(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disk.Close() })
	one, two = t.TempDir(), filepath.Join(disk.Dir(), "two")
	return disk, newSeveral(t, one, two), one, two
}

// TestDirectoryFails: one of two data directories is on a disk that fails, then is read-only. Its partitions are offline
// until a restart on a disk that is well, the others serve (S-09, S-12). Wants FUSE.
func TestDirectoryFails(t *testing.T) {
	needSignals(t)
	disk, s, one, two := newSeveralOverDisk(t)
	for _, rule := range []string{"op=sync-like err=EIO once", "op=write-like err=EROFS sticky"} {
		disk.Faults().SetRules(vfs.MustRules(rule)...)
		topics := s.topics[two]
		if err := s.write(topics[0]); !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("%s: write: %v", rule, err)
		}
		s.offline(topics)
		s.serves(s.topics[one])
		time.Sleep(3 * time.Second) // more than one look at the directories
		s.serves(s.topics[one])
		disk.Faults().SetRules()
		s.kill()
		s.start()
		s.holds(topics)
		s.serves(append(topics, s.topics[one]...))
	}
}

// TestDirectoryStalls: while a sync on the disk of one of two data directories takes ten seconds, the other one is written to
// and both are read, and what waits for it is acknowledged when it ends. Wants FUSE.
func TestDirectoryStalls(t *testing.T) {
	needSignals(t)
	t.Parallel()
	disk, s, one, two := newSeveralOverDisk(t)
	const lasts, within = 10 * time.Second, 5 * time.Second
	disk.Faults().SetRules(vfs.MustRules("op=sync-like path=**/two/** latency=" + lasts.String() + " once")...)
	begin := time.Now()
	// The client's own patience is as long as the disk's otherwise.
	cl := s.client(kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.ProduceRequestTimeout(time.Minute))
	waits := make(chan error, 1)
	cl.Produce(t.Context(), &kgo.Record{Topic: s.topics[two][0], Value: []byte("waits")}, func(_ *kgo.Record, err error) { waits <- err })
	for time.Since(begin) < lasts-within {
		at := time.Now()
		s.serves(s.topics[one])
		s.holds(s.topics[two])
		if took := time.Since(at); took > within {
			t.Errorf("both directories were read and one written to in %v", took)
		}
		select {
		case err := <-waits:
			t.Fatalf("acknowledged after %v: %v", time.Since(begin), err)
		default:
		}
	}
	if err := <-waits; err != nil || time.Since(begin) < lasts {
		t.Errorf("what waited ended after %v: %v", time.Since(begin), err)
	}
	s.serves(append(s.topics[one], s.topics[two]...))
}
