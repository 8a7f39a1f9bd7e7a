package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"
)

// besideScenarios look at how long something takes while something else goes on.
func besideScenarios() []scenario {
	cold := &coldReader{shape: sized(64<<10, 1<<10), batches: 32 << 10, rate: 100e6, seconds: 16}
	churn := &churning{paced{rate: 1000, seconds: 16}, 1000}
	return []scenario{
		{id: "F3", title: "acknowledge 64 KiB batches, 100 MB/s, while another log is read from the disk", policy: PolicyOS, full: true, turns: 4, takes: 80,
			setup: cold.setup, run: cold.run, clear: cold.clear, measures: []measure{extra("p99 with ÷ without", 0, 0), extra("p99 µs with", 0, 0), extra("p99 µs without", 0, 0),
				extra("max µs with", 0, 0), lateness(), {unit: "MB/s from the disk", more: true, of: func(s Sample) float64 { return s.Extra["MB/s from the disk"] }}}},
		{id: "L2", title: "as L1a, while each second 1,000 connections are closed and 1,000 opened", policy: PolicyOS, turns: 4, takes: 40, run: churn.run,
			measures: []measure{extra("p50 µs", 0, 0), extra("p99 µs", 0, 0), extra("p99.9 µs", 0, 0), extra("max µs", 0, 0), lateness(), {unit: "new connections/s", told: true, of: func(s Sample) float64 { return s.Extra["new connections/s"] }}}},
	}
}

// coldReader is a consumer that reads a log from the disk beside a producer.
type coldReader struct {
	shape   shape
	batches int // of the log, at scale 1
	rate    float64
	seconds int // of producing, with and without the consumer each, at scale 1
}

func (c *coldReader) log(s *stage) string { return s.topicName + "-old" }

// setup writes the log that is read.
func (c *coldReader) setup(ctx context.Context, s *stage) error {
	records, err := c.shape.build()
	if err != nil {
		return err
	}
	if err := errors.Join(s.topic(ctx, c.log(s), 1, s.policy), s.topic(ctx, s.topicName, 1, s.policy)); err != nil {
		return err
	}
	p := &producing{shape: c.shape, connections: 1, window: 5, partitions: 1}
	_, err = s.measure(ctx, p.flows(newProduce(c.log(s), 1, records), s.scaled(c.batches)), 0)
	return err
}

func (c *coldReader) clear(ctx context.Context, s *stage) error {
	return errors.Join(s.drop(ctx, c.log(s)), s.drop(ctx, s.topicName))
}

func (c *coldReader) run(ctx context.Context, s *stage) (sample Sample, err error) {
	records, err := c.shape.build()
	if err != nil {
		return sample, err
	}
	interval := time.Duration(float64(c.shape.bytes()) / c.rate * float64(time.Second))
	n := max(1, int(s.lasting(c.seconds)/interval))
	pace := func() pacing { return pacing{n: n, interval: interval, latency: newHistogram(), late: newHistogram()} }
	without, with := pace(), pace()
	in := newProduce(s.topicName, 1, records)
	if err := without.produce(ctx, s.Addr, in); err != nil {
		return sample, err
	}
	var read atomic.Int64
	sample, err = s.account(func() error {
		reading, cancel := context.WithCancel(ctx)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- c.read(reading, s, len(records), &read) }()
		err := with.produce(ctx, s.Addr, in)
		cancel()
		return errors.Join(err, <-ended)
	})
	if err != nil {
		return sample, err
	}
	sample.Requests, sample.Records, sample.Bytes = int64(n), int64(n*c.shape.records), int64(n)*c.shape.bytes()
	sample.latency = with.latency
	p99 := func(p pacing) float64 { return microseconds(p.latency.ValueAtQuantile(99)) }
	sample.Extra = map[string]float64{"p99 with ÷ without": p99(with) / p99(without), "p99 µs with": p99(with), "p99 µs without": p99(without),
		"max µs with": microseconds(with.latency.Max()), "late p99 µs": microseconds(with.late.ValueAtQuantile(99)),
		"MB/s from the disk": float64(read.Load()) / 1e6 / sample.Wall.Seconds()}
	return sample, nil
}

// read reads the log from its beginning, out of the page cache's sight, again and again until ctx ends.
func (c *coldReader) read(ctx context.Context, s *stage, size int, read *atomic.Int64) error {
	perAnswer := (1 << 20) / size
	request := newFetch(c.log(s), int32(perAnswer*size), 500)
	for ctx.Err() == nil {
		if err := forget(filepath.Join(s.dir, c.log(s)+"-0")); err != nil {
			return err
		}
		f := &flow{frame: append([]byte(nil), request.frame...), window: 1, count: max(1, s.scaled(c.batches)/perAnswer)}
		f.patch = func(frame []byte, i int) { request.at(frame, 0, int64(i*perAnswer*c.shape.records)) }
		f.check = func(_ int, prefix []byte, got int) error {
			read.Add(int64(got))
			return request.check(prefix)
		}
		g, err := connect(ctx, s.Addr, []*flow{f})
		if err == nil {
			err = g.run(ctx)
			g.close()
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// churning is clients that come and go while records are paced.
type churning struct {
	paced
	open int // connections at a time; each lasts for a second
}

func (c *churning) run(ctx context.Context, s *stage) (Sample, error) {
	beside, cancel := context.WithCancel(ctx)
	defer cancel()
	var opened atomic.Int64
	ended := make(chan error, 1)
	begin := time.Now()
	go func() { ended <- c.churn(beside, s.Addr, &opened) }()
	sample, err := c.paced.run(ctx, s)
	took := time.Since(begin)
	cancel()
	if err := errors.Join(err, <-ended); err != nil {
		return sample, err
	}
	sample.Extra["new connections/s"] = float64(opened.Load()) / took.Seconds()
	return sample, nil
}

// churn replaces the oldest connection by a new one, open times a second, until ctx ends.
func (c *churning) churn(ctx context.Context, addr string, opened *atomic.Int64) error {
	conns := make([]net.Conn, c.open)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close() // it was idle
			}
		}
	}()
	request, answer := apiVersionsRequest(), make([]byte, 64<<10)
	interval := time.Second / time.Duration(c.open)
	begin := time.Now()
	var d net.Dialer
	for i := 0; ctx.Err() == nil; i++ {
		if err := pause(ctx, time.Until(begin.Add(time.Duration(i)*interval))); err != nil {
			return nil
		}
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			err = call(conn, request, answer)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if old := conns[i%c.open]; old != nil {
			_ = old.(*net.TCPConn).SetLinger(0) // so that ports do not run out
			_ = old.Close()
		}
		conns[i%c.open] = conn
		opened.Add(1)
	}
	return nil
}
