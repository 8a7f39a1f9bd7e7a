package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// lifeTurns is how often brokers are started anew in scenarios that do so: an Apache Kafka takes seconds.
const lifeTurns = 4

// settleFor is how long a broker is left alone before its memory and idle time are looked at, and for how long they are; less in small runs.
const (
	settleFor      = 3 * time.Second
	settleForSmall = time.Second
)

// lifeScenarios start brokers of their own; none of the long-lived ones runs meanwhile.
func lifeScenarios() []scenario {
	seconds := func(name string) measure {
		return measure{unit: name, of: func(s Sample) float64 { return s.Extra[name] }}
	}
	return []scenario{
		{id: "C2", title: "connect, ApiVersions, close: 16 at a time", policy: "–", run: storm,
			measures: []measure{{unit: "CPU µs/connection", of: perRequest(0, 0).of}, throughput("connections/s", requests)}},
		{id: "S1", title: "start with an empty, formatted directory until Metadata is answered", policy: "–", alone: true, turns: lifeTurns, takes: 60, run: startEmpty,
			measures: []measure{extra("start ms", 4, 25), extra("CPU ms", 0, 0), extra("RSS MiB", 8, 12), extra("idle CPU %", 0, 0)}},
		{id: "M1", title: "memory after the work of P1, P3, P5 and F2", policy: PolicyOS, alone: true, cold: true, full: true, turns: 2, takes: 40, run: loaded,
			measures: []measure{extra("most RSS MiB", 11, 24), extra("RSS MiB", 0, 0)}},
		{id: "C1", title: "10,000 connections that have said ApiVersions and are idle", policy: "–", alone: true, cold: true, full: true, turns: 2, takes: 60, run: idleConnections,
			measures: []measure{extra("KiB/connection", 3.5, 5), extra("idle CPU %", 0, 0)}},
		{id: "S3", title: "start after kill −9, 100 partitions", policy: PolicyOS, alone: true, cold: true, full: true, turns: 2, takes: 80, run: recovery,
			measures: []measure{seconds("start s"), seconds("CPU s")}},
		{id: "N1", title: "10,000 partitions: create, stop, start", policy: PolicyOS, alone: true, cold: true, full: true, turns: 1, takes: 180, run: manyPartitions,
			measures: []measure{seconds("create s"), seconds("create CPU s"), seconds("stop s"), seconds("start s"), seconds("start CPU s"), seconds("RSS MiB")}},
	}
}

// life is a broker of a scenario's own.
type life struct {
	*stage
	dir   string
	began time.Time
}

// begin starts a broker on a directory that lasts as long as the scenario, and returns when it has answered Metadata.
func (s *stage) begin(ctx context.Context) (*life, error) {
	if s.own == "" {
		dir, err := os.MkdirTemp(s.root, "thalweg-bench-"+s.maker.Name+"-")
		if err != nil {
			return nil, err
		}
		s.own = dir
	}
	l := &life{dir: filepath.Join(s.own, "data"), began: time.Now()}
	b, err := s.maker.Start(ctx, l.dir, nil)
	if err != nil {
		return nil, err
	}
	if _, err := exchange(ctx, b.Addr, metadataRequest()); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	copied := *s
	copied.Broker = b
	l.stage = &copied
	return l, nil
}

// renew gives up the directory: the next broker begins with an empty one.
func (s *stage) renew() error {
	dir := s.own
	s.own = ""
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

func metadataRequest() []byte {
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(9)
	req.Topics = []kmsg.MetadataRequestTopic{}
	return frameOf(req)
}

func apiVersionsRequest() []byte {
	req := kmsg.NewPtrApiVersionsRequest()
	req.SetVersion(3)
	req.ClientSoftwareName, req.ClientSoftwareVersion = "bench", "1"
	return frameOf(req)
}

const mib = 1 << 20

// idle leaves the broker alone for a while and tells how much memory it has and what it used meanwhile, in per cent of a core.
func (l *life) idle(ctx context.Context) (rss int64, percent float64, err error) {
	settle := settleFor
	if l.scale < wholeScale {
		settle = settleForSmall
	}
	if err := pause(ctx, settle); err != nil {
		return 0, 0, err
	}
	before, err := cpuOf(l.PID)
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := pause(ctx, settle); err != nil {
		return 0, 0, err
	}
	after, err := cpuOf(l.PID)
	if err != nil {
		return 0, 0, err
	}
	rss, _, err = memoryOf(l.PID)
	return rss, 100 * share(after.minus(before).Total, time.Since(begin)), err
}

// startEmpty is the whole way from the call of the program to the first answer. The directory is formatted by the turn that
// does not count.
func startEmpty(ctx context.Context, s *stage) (sample Sample, err error) {
	l, err := s.begin(ctx)
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, l.Stop()) }()
	sample.Wall = time.Since(l.began)
	if sample.CPU, err = cpuOf(l.PID); err != nil {
		return sample, err
	}
	rss, percent, err := l.idle(ctx)
	sample.Extra = map[string]float64{"start ms": milliseconds(int64(sample.Wall)), "CPU ms": milliseconds(int64(sample.CPU.Total)),
		"RSS MiB": float64(rss) / mib, "idle CPU %": percent}
	return sample, err
}

// loaded is how much memory a broker needs at most for some work.
func loaded(ctx context.Context, s *stage) (sample Sample, err error) {
	if err := s.renew(); err != nil {
		return sample, err
	}
	l, err := s.begin(ctx)
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, l.kill()) }()
	for _, of := range scenarios() {
		switch of.id {
		case "P1", "P3", "P5", "F2":
		default:
			continue
		}
		st := *l.stage
		st.scale, st.policy, st.topicName = s.scale/4, of.policy, "bench-"+of.id
		if of.setup != nil {
			if err := of.setup(ctx, &st); err != nil {
				return sample, err
			}
		}
		if _, err := of.run(ctx, &st); err != nil {
			return sample, err
		}
	}
	now, most, err := memoryOf(l.PID)
	sample.Extra = map[string]float64{"most RSS MiB": float64(most) / mib, "RSS MiB": float64(now) / mib}
	return sample, err
}

// idleWanted is how many connections C1 is about.
const idleWanted = 10_000

// idleConnections opens them and looks at what each of them takes.
func idleConnections(ctx context.Context, s *stage) (sample Sample, err error) {
	l, err := s.begin(ctx)
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, l.kill()) }()
	before, _, err := l.idle(ctx)
	if err != nil {
		return sample, err
	}
	conns := make([]net.Conn, 0, s.whole(idleWanted))
	defer func() {
		for _, c := range conns {
			_ = c.Close() // the broker is about to stop
		}
	}()
	request, answer := apiVersionsRequest(), make([]byte, 64<<10)
	for range cap(conns) {
		c, err := net.Dial("tcp", l.Addr)
		if err != nil {
			return sample, err
		}
		conns = append(conns, c)
		if err := call(c, request, answer); err != nil {
			return sample, err
		}
	}
	after, percent, err := l.idle(ctx)
	if len(conns) != idleWanted {
		sample.Note = fmt.Sprintf("%d connections", len(conns))
	}
	sample.Extra = map[string]float64{"KiB/connection": float64(after-before) / 1024 / float64(len(conns)), "idle CPU %": percent}
	return sample, err
}

// call sends a request whose answer fits into the buffer, and reads that answer.
func call(c net.Conn, request, answer []byte) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	var a answerReader
	for ended := false; !ended; {
		n, err := c.Read(answer)
		if err != nil {
			return err
		}
		if err := a.read(answer[:n], func([]byte, int) error { ended = true; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// storm is clients that come and go.
func storm(ctx context.Context, s *stage) (Sample, error) {
	const together = 16
	n := max(1, s.scaled(16_000)/together)
	sample, err := s.account(func() error {
		errs := make([]error, together)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = comeAndGo(ctx, s.Addr, n) })
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	sample.Requests = int64(n * together)
	return sample, err
}

func comeAndGo(ctx context.Context, addr string, n int) error {
	request, answer := apiVersionsRequest(), make([]byte, 64<<10)
	var d net.Dialer
	for range n {
		c, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		err = call(c, request, answer)
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // so that ports do not run out
		}
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return nil
}

const (
	manyTopics, manyEach = 20, 500 // partitions of N1, by topic
	// manyCreateWithin is how long one broker may take to create them; then it goes on with what it has.
	manyCreateWithin = 3 * time.Minute
)

// manyPartitions creates partitions, in several requests, and stops the broker and starts it again. A broker that cannot have all of
// them, or not in the time, is measured with those that it has.
func manyPartitions(ctx context.Context, s *stage) (sample Sample, err error) {
	if err := s.renew(); err != nil {
		return sample, err
	}
	l, err := s.begin(ctx)
	if err != nil {
		return sample, err
	}
	var note string
	sample, err = l.account(func() (err error) { note, err = l.createMany(ctx, s.whole(manyTopics)); return err })
	if err != nil {
		return sample, errors.Join(err, l.Stop())
	}
	begin := time.Now()
	if err := l.Stop(); err != nil {
		return sample, err
	}
	sample.Note = note
	sample.Extra = map[string]float64{"create s": sample.Wall.Seconds(), "create CPU s": sample.CPU.Total.Seconds(), "stop s": time.Since(begin).Seconds()}
	if l, err = s.begin(ctx); err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, l.kill()) }()
	sample.Extra["start s"] = time.Since(l.began).Seconds()
	cpu, err := cpuOf(l.PID)
	if err != nil {
		return sample, err
	}
	sample.Extra["start CPU s"] = cpu.Total.Seconds()
	rss, _, err := l.idle(ctx)
	sample.Extra["RSS MiB"] = float64(rss) / mib
	return sample, err
}

// createMany creates so many topics and says why there are fewer. It fails if there is none.
func (l *life) createMany(ctx context.Context, topics int) (note string, err error) {
	limited, cancel := context.WithTimeout(ctx, manyCreateWithin)
	defer cancel()
	for i := range topics {
		err := l.topic(limited, "bench-N1-"+strconv.Itoa(i), manyEach, l.policy)
		if err == nil {
			continue
		}
		if i == 0 || ctx.Err() != nil {
			return "", err
		}
		if limited.Err() != nil {
			err = fmt.Errorf("no more in %v", manyCreateWithin)
		}
		return fmt.Sprintf("about %d partitions and not %d: %v", i*manyEach, topics*manyEach, err), nil
	}
	if topics < manyTopics {
		return fmt.Sprintf("%d partitions", topics*manyEach), nil
	}
	return "", nil
}

// recovery is a start after the process was killed while it had logs that were not closed.
func recovery(ctx context.Context, s *stage) (sample Sample, err error) {
	if err := s.renew(); err != nil {
		return sample, err
	}
	l, err := s.begin(ctx)
	if err != nil {
		return sample, err
	}
	records, err := sized(64<<10, 1<<10).build()
	if err == nil {
		err = l.topic(ctx, "bench-S3", 100, s.policy)
	}
	if err == nil {
		p := &producing{shape: sized(64<<10, 1<<10), connections: 4, window: 5, partitions: 100}
		_, err = l.measure(ctx, p.flows(newProduce("bench-S3", 1, records), s.scaled(32_000)), 0)
	}
	if err := errors.Join(err, l.kill()); err != nil {
		return sample, err
	}
	if l, err = s.begin(ctx); err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, l.kill()) }()
	cpu, err := cpuOf(l.PID)
	sample.Extra = map[string]float64{"start s": time.Since(l.began).Seconds(), "CPU s": cpu.Total.Seconds()}
	if err != nil {
		return sample, err
	}
	got, err := l.admin.ListEndOffsets(ctx, "bench-S3")
	if err == nil && len(got["bench-S3"]) != 100 {
		err = fmt.Errorf("%d partitions are left", len(got["bench-S3"]))
	}
	return sample, err
}
