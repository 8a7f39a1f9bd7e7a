package storage

import (
	"runtime"
	"sync"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// signal is an Observer that lets a test wait for a flushed end.
type signal struct {
	mu   sync.Mutex
	cond sync.Cond
	end  int64
	part sync.Mutex // a lock that the appender holds too, as a careless owner might
}

func newSignal() *signal {
	s := &signal{}
	s.cond.L = &s.mu
	return s
}

func (s *signal) Flushed(end int64) {
	s.part.Lock()
	defer s.part.Unlock()
	s.mu.Lock()
	s.end = end
	s.mu.Unlock()
	s.cond.Broadcast()
}

func (s *signal) Failed(error) {}
func (s *signal) Stalled(bool) {}

func (s *signal) wait(end int64) {
	s.mu.Lock()
	for s.end < end {
		s.cond.Wait()
	}
	s.mu.Unlock()
}

// TestSyncerLoop runs the goroutine with many appenders over a small queue: everything is told as
// flushed, back-pressure holds nobody for ever, not even an appender whose lock the observer
// wants; readers run beside. For the race detector.
func TestSyncerLoop(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions()
	o.QueueBytes, o.CheckpointBytes, o.MaxOpenFiles = 300, 2000, 2
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	d.Start()
	var wg sync.WaitGroup
	for p := range int32(4) {
		tip := kafka.TopicIDPartition{ID: testTopic.ID, Topic: "t", Partition: p}
		s := newSignal()
		l, err := d.OpenLog(tip, Config{SegmentBytes: 900, IndexIntervalBytes: 100}, s)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for i := range 300 {
				s.part.Lock()
				_, err := l.Append(makeBatch(1, 20, int64(i), 0), 0, 0)
				s.part.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
			s.wait(300)
		})
		wg.Go(func() {
			for from := int64(0); from < 300; {
				end := l.LogEndOffset()
				r, err := l.Read(from, 500, end, true)
				if err != nil {
					t.Error(err)
					return
				}
				if r.Len() == 0 {
					runtime.Gosched()
				}
				from = r.NextOffset()
				r.Close()
			}
		})
	}
	wg.Wait()
	if err := d.Close(true, 0); err != nil {
		t.Fatal(err)
	}
	d = openTestDir(t, powerCut(fs))
	for _, tip := range d.Found() {
		l, err := d.OpenLog(tip, Config{}, nil)
		if err != nil || l.LogEndOffset() != 300 {
			t.Fatalf("%v: %v", tip, err)
		}
	}
	if len(d.Found()) != 4 {
		t.Fatalf("found %v", d.Found())
	}
	d.Close(false, 0)
}

// TestReadersAndTruncation reads, appends, truncates and raises the log start at the same time:
// every read gives whole batches. For the race detector.
func TestReadersAndTruncation(t *testing.T) {
	fs := vfs.NewMem()
	d, l := openTestLog(t, fs, Config{SegmentBytes: 900, IndexIntervalBytes: 100})
	d.Start()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for from := int64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				r, err := l.Read(from, 700, l.LogEndOffset(), true)
				if err != nil {
					from = l.LogStartOffset()
					continue
				}
				p, err := r.AppendTo(nil)
				if err != nil {
					t.Error(err)
					return
				}
				batches(t, p)
				if from = r.NextOffset(); r.Len() == 0 {
					from = l.LogStartOffset()
				}
				r.Close()
				l.OffsetForTimestamp(150, l.LogEndOffset())
			}
		})
	}
	for i := range 60 {
		for range 10 {
			appendBatch(t, l, 1+i%3, int64(i), 0)
		}
		end, start := l.LogEndOffset(), l.LogStartOffset()
		if err := l.TruncateTo(end - (end-start)/3); err != nil {
			t.Error(err)
		}
		if err := l.SetLogStartOffset(start + (l.LogEndOffset()-start)/4); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	d.Close(false, 0)
}
