package doctor

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sick is a machine whose measures a test sets.
type sick struct {
	free         uint64
	write        time.Duration
	sync         []time.Duration
	err          error
	files        uint64
	limited      bool
	right, known bool
	now, newest  time.Time
}

func (s sick) Exists(string) (bool, error)                { return true, nil }
func (s sick) Space(string) (uint64, uint64, error)       { return s.free, 100 << 30, nil }
func (s sick) Write(string, int64) (time.Duration, error) { return s.write, s.err }
func (s sick) Sync(string, int) ([]time.Duration, error)  { return s.sync, s.err }
func (s sick) OpenFiles() (uint64, bool)                  { return s.files, s.limited }
func (s sick) Synchronised() (bool, bool)                 { return s.right, s.known }
func (s sick) Now() time.Time                             { return s.now }
func (s sick) Newest(string) time.Time                    { return s.newest }

func TestJudgement(t *testing.T) {
	well := sick{free: 50 << 30, write: time.Second, sync: []time.Duration{time.Millisecond}, files: 1 << 20, limited: true, right: true, known: true, now: time.UnixMilli(1_800_000_000_000)}
	f := func(want State, change func(*sick)) {
		t.Helper()
		m := well
		change(&m)
		list := append(Disk(m, "/d"), OpenFiles(m), Clock(m, []string{"/d"}))
		if got := Worst(list); got != want {
			t.Errorf("%s: %+v", got, list)
		}
		for _, f := range list {
			if (f.State == OK) != (f.Remedy == "") {
				t.Errorf("a finding without a remedy, or a remedy without need: %+v", f)
			}
		}
	}
	f(OK, func(*sick) {})
	f(Failed, func(m *sick) { m.free = 100 << 20 })
	f(Warning, func(m *sick) { m.free = 2 << 30 })
	f(Warning, func(m *sick) { m.write = 10 * time.Second })
	f(Failed, func(m *sick) { m.err = errors.New("read-only file system") })
	f(Warning, func(m *sick) { m.sync = []time.Duration{30 * time.Millisecond} })
	f(Warning, func(m *sick) { m.sync = []time.Duration{time.Microsecond} })
	f(Warning, func(m *sick) { m.files = 1024 })
	f(OK, func(m *sick) { m.limited = false })
	f(Warning, func(m *sick) { m.right = false })
	f(OK, func(m *sick) { m.right, m.known = false, false })
	f(Failed, func(m *sick) { m.now = time.Unix(0, 0) })
	f(Warning, func(m *sick) { m.newest = m.now.Add(time.Hour) })
}

// The real machine measures something, and leaves nothing behind.
func TestHere(t *testing.T) {
	dir, m := t.TempDir(), Here()
	if free, size, err := m.Space(dir); err != nil || free == 0 || size < free {
		t.Errorf("space %d of %d, %v", free, size, err)
	}
	if took, err := m.Write(dir, 1<<20); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
	if each, err := m.Sync(dir, 3); err != nil || len(each) != 3 || each[0] > each[2] {
		t.Errorf("%v, %v", each, err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if there, err := m.Exists(filepath.Join(dir, "none")); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
	if !m.Newest(dir).IsZero() {
		t.Error("a file in an empty directory")
	}
	list := Disk(m, filepath.Join(dir, "a", "b"))
	if list[0].State != OK || list[0].Found != "will be made in "+dir+" at the first start" {
		t.Errorf("%+v", list)
	}
}

func TestPorts(t *testing.T) {
	b := brokertest.Start(t)
	if f := Port(t.Context(), "listeners", "127.0.0.1", b.Addr()); f.State != OK || f.Found != "a broker answers there" {
		t.Errorf("%+v", f)
	}
	if f := Port(t.Context(), "listeners", "127.0.0.1", "127.0.0.1:0"); f.State != OK || f.Found != "is free" {
		t.Errorf("%+v", f)
	}
	if f := Port(t.Context(), "listeners", "192.0.2.1", "192.0.2.1:9"); f.State != Failed { // an address of nobody
		t.Errorf("%+v", f)
	}
}

// A broker that tells clients an address where nobody answers is found.
func TestAdvertisedAddress(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(2, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	addr := c.ListenAddrs()[0]
	examine := func() []Finding {
		cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return Cluster(ctx, cl, addr)
	}
	if list := examine(); Worst(list) != OK || len(list) != 4 {
		t.Errorf("%+v", list)
	}
	c.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := r.ResponseKind().(*kmsg.MetadataResponse)
		for i, port := range []int32{1, 2} { // nobody is there
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Host, b.Port = int32(i), "127.0.0.1", port
			resp.Brokers = append(resp.Brokers, b)
		}
		return resp, nil, true
	})
	list := examine()
	if Worst(list) != Failed || list[1].Check != "advertised address of broker 0" || list[1].State != Failed || list[1].Found != "127.0.0.1:1 cannot be reached from here: connection refused" {
		t.Errorf("%+v", list)
	}
}
