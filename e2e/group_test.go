package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lines collects the lines that several processes print.
type lines struct {
	mu   sync.Mutex
	seen map[string]int
}

func (l *lines) add(line string) {
	l.mu.Lock()
	l.seen[line]++
	l.mu.Unlock()
}

func (l *lines) distinct() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

// groupMember is a kcat that consumes as a member of a group.
type groupMember struct {
	cmd  *exec.Cmd
	done chan struct{}
	mu   sync.Mutex
	errs bytes.Buffer
	got  atomic.Int64
}

// joinKcat starts a member; what it reads goes to all.
func (n *node) joinKcat(t *testing.T, group, topic, strategy string, all *lines) *groupMember {
	t.Helper()
	m := &groupMember{done: make(chan struct{})}
	m.cmd = n.kcat("-G", group, "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000",
		"-X", "heartbeat.interval.ms=200", "-X", "auto.commit.interval.ms=100",
		"-X", "partition.assignment.strategy="+strategy, "-f", `%p:%o:%s\n`, "-u", topic)
	out, in := newLineWriter(func(line string) {
		all.add(line)
		m.got.Add(1)
	}), newLineWriter(func(line string) {
		m.mu.Lock()
		fmt.Fprintln(&m.errs, line)
		m.mu.Unlock()
	})
	m.cmd.Stdout, m.cmd.Stderr = out, in
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = m.cmd.Wait()
		close(m.done)
	}()
	t.Cleanup(func() {
		m.kill()
		if t.Failed() {
			m.mu.Lock()
			t.Logf("a member said:\n%s", m.errs.String())
			m.mu.Unlock()
		}
	})
	return m
}

func (m *groupMember) kill() {
	_ = m.cmd.Process.Kill()
	<-m.done
}

// lineWriter calls a function with each line.
type lineWriter struct {
	rest []byte
	each func(string)
}

func newLineWriter(each func(string)) *lineWriter { return &lineWriter{each: each} }

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.each(string(line))
		w.rest = rest
	}
}

// TestKcatGroup: three members of librdkafka share a topic; one is killed, one joins; every record is consumed.
func TestKcatGroup(t *testing.T) {
	needKcat(t)
	for _, strategy := range []string{"range", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, "num.partitions=6", "group.initial.rebalance.delay.ms=0")
			const records = 600
			write := func(round int) {
				var text strings.Builder
				for i := range records {
					fmt.Fprintf(&text, "%d\t%d-%d\n", i, round, i)
				}
				cmd := n.kcat("-P", "-t", "shared", "-K", `\t`)
				cmd.Stdin = strings.NewReader(text.String())
				command(t, cmd)
			}
			all := &lines{seen: map[string]int{}}
			wait := func(what string, ok func() bool) {
				t.Helper()
				for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("never: %s; %d records were read", what, all.distinct())
					}
				}
			}
			write(0)
			var members []*groupMember
			for range 3 {
				members = append(members, n.joinKcat(t, "g", "shared", strategy, all))
			}
			wait("the first records", func() bool { return all.distinct() == records })
			members[0].kill()
			write(1)
			members = append(members[1:], n.joinKcat(t, "g", "shared", strategy, all))
			wait("the second records", func() bool { return all.distinct() == 2*records })
			before := [3]int64{}
			for i, m := range members {
				before[i] = m.got.Load()
			}
			for round := 2; ; round++ { // until each of the three has a share
				write(round)
				wait("more records", func() bool { return all.distinct() == (round+1)*records })
				shares := 0
				for i, m := range members {
					if m.got.Load() > before[i] {
						shares++
					}
				}
				if shares == len(members) {
					break
				}
				if round == 40 {
					t.Fatalf("%d of %d members have a share", shares, len(members))
				}
				time.Sleep(250 * time.Millisecond) // a rebalance may be under way
			}
		})
	}
}

// committer commits larger and larger offsets for a group of its own, and reads them back.
type committer struct {
	group string
	id    [16]byte // of the topic

	tried    atomic.Int64 // the largest that was ever sent
	known    atomic.Int64 // the largest that was acknowledged or read; -1, as in an answer, if none was
	answers  *atomic.Int64
	mistakes chan error
}

// run commits until the broker is gone.
func (c *committer) run(ctx context.Context, addr string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0), kgo.RetryTimeout(time.Millisecond))
	if err != nil {
		c.mistakes <- err
		return
	}
	defer client.Close()
	for ctx.Err() == nil {
		c.tried.Add(1)
		if c.commit(ctx, client, c.tried.Load()) != nil {
			continue
		}
		raise(&c.known, c.tried.Load())
		c.answers.Add(1)
		if c.tried.Load()%7 == 0 {
			c.check(ctx, client)
		}
	}
}

func raise(v *atomic.Int64, to int64) {
	if to > v.Load() {
		v.Store(to)
	}
}

func (c *committer) commit(ctx context.Context, client *kgo.Client, offset int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = c.group, -1
	e, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	e.Topic, e.TopicID, p.Offset = "t", c.id, offset
	e.Partitions = append(e.Partitions, p)
	req.Topics = append(req.Topics, e)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// check reads the committed offset and holds it against what is known.
func (c *committer) check(ctx context.Context, client *kgo.Client) (ok bool) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g, e := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	e.Topic, e.TopicID, e.Partitions = "t", c.id, []int32{0}
	g.Group, g.Topics = c.group, append(g.Topics, e)
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, client)
	if err != nil || kerr.ErrorForCode(resp.Groups[0].ErrorCode) != nil {
		return false
	}
	got := resp.Groups[0].Topics[0].Partitions[0].Offset
	if got < c.known.Load() || got > c.tried.Load() {
		c.mistakes <- fmt.Errorf("group %s: the committed offset is %d, %d was known and %d the last that was sent", c.group, got, c.known.Load(), c.tried.Load())
	}
	raise(&c.known, got) // whoever has read it relies on it
	return true
}

// TestCommittedOffsetsSurviveKill kills the node again and again (kill -9) while groups commit and read offsets, so that it dies
// between an append and its answer. No committed offset that anybody has heard of goes back, and none is there that nobody has
// sent.
func TestCommittedOffsetsSurviveKill(t *testing.T) {
	const groups = 16
	n := startNode(t, "offsets.topic.num.partitions=4")
	client, err := kgo.NewClient(kgo.SeedBrokers(n.addr), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	answers := new(atomic.Int64)
	mistakes := make(chan error, 1000)
	var committers []*committer
	for i := range groups {
		c := &committer{group: fmt.Sprintf("group-%d", i), id: topicID(t, client, "t"), answers: answers, mistakes: mistakes}
		c.known.Store(-1)
		committers = append(committers, c)
	}
	open := 0 // commits that were sent and not answered when the node died
	for round := range rounds(t) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, c := range committers {
			wg.Go(func() { c.run(ctx, n.addr) })
		}
		for target := answers.Load() + int64(20+round*13%90); answers.Load() < target; time.Sleep(time.Millisecond) {
			if len(mistakes) > 0 {
				t.Fatal(<-mistakes)
			}
		}
		n.kill()
		cancel()
		wg.Wait()
		for _, c := range committers {
			if c.tried.Load() > c.known.Load() {
				open++
			}
		}
		n.start()
		checkAll(t, n, committers)
		if len(mistakes) > 0 {
			t.Fatalf("round %d: %v", round, <-mistakes)
		}
	}
	t.Logf("%d kills, %d commits answered, %d sent and not answered before a kill", rounds(t), answers.Load(), open)
}

// checkAll reads the offsets of all groups, when the coordinator has been loaded.
func checkAll(t *testing.T, n *node, committers []*committer) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(n.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, c := range committers {
		for deadline := time.Now().Add(time.Minute); !c.check(t.Context(), client); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("group %s has no answer", c.group)
			}
		}
	}
}

func topicID(t *testing.T, client *kgo.Client, topic string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	e := kmsg.NewMetadataRequestTopic()
	e.Topic = &topic
	req.Topics = append(req.Topics, e)
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("metadata of %s: %v", topic, err)
	}
	return resp.Topics[0].TopicID
}
