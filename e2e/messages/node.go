package messages

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

// Node is a broker's process with its figures.
type Node struct {
	*trial.Broker
	metrics string
	peak    atomic.Int64
	stop    chan struct{}
	done    chan struct{}
}

// Figures are what a process holds.
type Figures struct {
	Resident, Goroutines, Files int64
}

// sampleEvery is how often the memory is looked at.
const sampleEvery = 200 * time.Millisecond

// warmWithin bounds the making of the internal topics.
const warmWithin = 60 * time.Second

// Kinds of coordinators in FindCoordinator.
const (
	coordinatorOfGroups       = 0
	coordinatorOfTransactions = 1
)

// StartNode starts a broker on a data directory.
func StartNode(bin, dir string) (*Node, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	at := ln.Addr().String()
	if err := ln.Close(); err != nil {
		return nil, err
	}
	n := &Node{metrics: at, stop: make(chan struct{}), done: make(chan struct{})}
	n.Broker = trial.NewBroker(bin, dir, "metrics.listener="+at, "client.telemetry.enable=true") // without it, two APIs are not served
	if err := n.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(n.done)
		for {
			if f, err := n.Figures(); err == nil {
				n.peak.Store(max(n.peak.Load(), f.Resident))
			}
			select {
			case <-n.stop:
				return
			case <-time.After(sampleEvery):
			}
		}
	}()
	return n, nil
}

// Peak is the most resident memory seen, in bytes.
func (n *Node) Peak() int64 { return n.peak.Load() }

// End stops the process and says what was alarming in its output.
func (n *Node) End() error {
	close(n.stop)
	<-n.done
	if !n.Running() {
		return fmt.Errorf("the broker has ended: %w", n.Await())
	}
	return n.Stop()
}

// Figures asks the process.
func (n *Node) Figures() (f Figures, err error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + n.metrics + "/metrics")
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	fields := map[string]*int64{"process_resident_memory_bytes": &f.Resident, "go_goroutines": &f.Goroutines, "process_open_fds": &f.Files}
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		if to := fields[name]; to != nil {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return f, err
			}
			*to = int64(v)
		}
	}
	if f.Goroutines == 0 || f.Files == 0 {
		return f, fmt.Errorf("the metrics lack figures: %+v", f)
	}
	return f, nil
}

// Warm lets the broker make what the first messages would make and nothing takes away: the internal topics of the
// coordinators that it serves, and what a connection leaves.
func (n *Node) Warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, warmWithin)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for _, kind := range []int8{coordinatorOfGroups, coordinatorOfTransactions} {
		q := kmsg.NewPtrFindCoordinatorRequest()
		q.CoordinatorType, q.CoordinatorKey, q.CoordinatorKeys = kind, "warm", []string{"warm"}
		for {
			answer, err := q.RequestWith(ctx, cl)
			if err == nil && !slices.ContainsFunc(answer.Coordinators, func(c kmsg.FindCoordinatorResponseCoordinator) bool {
				return kerr.IsRetriable(kerr.ErrorForCode(c.ErrorCode))
			}) {
				break // it is there, or this broker has none
			}
			if ctx.Err() != nil {
				return fmt.Errorf("find a coordinator of kind %d: %w", kind, errors.Join(err, ctx.Err()))
			}
		}
	}
	_, err = n.Topics(ctx, 0)
	return err
}

// Topics makes topics with the names that messages use, if they are missing, deletes all others, and returns their ids.
func (n *Node) Topics(ctx context.Context, count int) (ids [][16]byte, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	adm.SetTimeoutMillis(60_000)
	all, err := adm.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	if names := all.Names(); len(names) > 0 {
		if _, err := adm.DeleteTopics(ctx, names...); err != nil {
			return nil, err
		}
	}
	if count == 0 {
		return nil, nil
	}
	var names []string
	for i := range count {
		names = append(names, fmt.Sprintf("m%d", i))
	}
	made, err := adm.CreateTopics(ctx, 2, 1, nil, names...)
	if err != nil {
		return nil, err
	}
	for _, t := range made {
		ids = append(ids, t.ID)
	}
	return ids, nil
}

// What goroutines and files may differ by: the listener of the metrics serves the asker itself, a timer of the broker may be at
// work, and a log of an internal topic has a file open once somebody has used it. A leak of one for each message or connection is
// thousands.
const (
	slackGoroutines = 8
	slackFiles      = 128
)

// Settled waits until goroutines and files are back at what they were, or says what is left. It deletes topics again and again, since
// a message whose sender has gone may still make some.
func (n *Node) Settled(ctx context.Context, before Figures, within time.Duration) (after Figures, err error) {
	for begin := time.Now(); ; time.Sleep(sampleEvery) {
		_, err = n.Topics(ctx, 0)
		if err == nil {
			after, err = n.Figures()
		}
		if err == nil && after.Goroutines <= before.Goroutines+slackGoroutines && after.Files <= before.Files+slackFiles {
			return after, nil
		}
		if time.Since(begin) > within || ctx.Err() != nil {
			if err == nil {
				err = fmt.Errorf("before %+v, after %+v", before, after)
			}
			return after, err
		}
	}
}
