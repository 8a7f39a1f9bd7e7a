package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A trial of a group: so many partitions, written to all the time, and three members, of whom one
// is killed and another one added.
const (
	groupPartitions = 6
	groupMembers    = 3
	groupRate       = 600 // records per second, over all partitions

	settledWithin  = 90 * time.Second // until every partition is consumed by who should
	window         = time.Second      // a group that settles is looked at for so long
	consumedWithin = 30 * time.Second // the rest, after the last record was written
	commitsWithin  = 3 * time.Second  // what was consumed, by members that commit by the clock
	leavesWithin   = 30 * time.Second // a member that was asked to
)

// groupTrial runs members of one client with one assignor. The client's programs print what they
// consume; see the package's comment.
type groupTrial struct {
	judge           *judge
	launch          launch
	topic, assignor string

	seen    *consumption
	members []*member // all that were ever started
}

// try tells what went wrong, or nothing: every record was consumed by somebody, each partition by
// one member at a time as far as a settled group shows, and what was consumed is committed at the end.
func (g *groupTrial) try(ctx context.Context) (err error) {
	if err := g.judge.create(ctx, g.topic, groupPartitions); err != nil {
		return err
	}
	g.seen = newConsumption()
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel() // kills who still runs
		for _, m := range g.members {
			<-m.exited
		}
	}()
	stopWriter, err := g.write(ctx)
	if err != nil {
		return err
	}
	err = g.play(ctx)
	if stopped := stopWriter(); err == nil {
		err = stopped
	}
	if err != nil {
		return g.explain(err)
	}
	if err := g.finish(ctx); err != nil {
		return g.explain(err)
	}
	return g.committed(ctx)
}

// play starts three members, kills one and adds one, waiting each time until the group has settled.
func (g *groupTrial) play(ctx context.Context) error {
	for range groupMembers {
		if err := g.start(ctx); err != nil {
			return err
		}
	}
	if err := g.settle(ctx, g.members); err != nil {
		return fmt.Errorf("three members: %w", err)
	}
	if err := g.members[0].cmd.Process.Kill(); err != nil {
		return err
	}
	<-g.members[0].exited
	if err := g.settle(ctx, g.members[1:]); err != nil {
		return fmt.Errorf("after one was killed: %w", err)
	}
	if err := g.start(ctx); err != nil {
		return err
	}
	if err := g.settle(ctx, g.members[1:]); err != nil {
		return fmt.Errorf("after one was added: %w", err)
	}
	return nil
}

// finish wants everything that was written to be consumed, and the members to leave.
func (g *groupTrial) finish(ctx context.Context) error {
	ends, err := g.ends(ctx)
	if err != nil {
		return err
	}
	if err := await(ctx, consumedWithin, func() error { return g.seen.lacks(ends) }); err != nil {
		return err
	}
	// Members that leave together end each other's generation, and with it a commit that is under way: those that commit by
	// the clock get the time to. What counts is what is committed when they have left.
	_ = await(ctx, commitsWithin, func() error { return g.committed(ctx) })
	for _, m := range g.members[1:] {
		if err := m.in.Close(); err != nil {
			return err
		}
	}
	for _, m := range g.members[1:] {
		select {
		case <-m.exited:
			if m.err != nil {
				return fmt.Errorf("a member left: %w", m.err)
			}
		case <-time.After(leavesWithin):
			return errors.New("a member that was asked to leave stays")
		}
	}
	return nil
}

func (g *groupTrial) ends(ctx context.Context) (ends [groupPartitions]int64, err error) {
	listed, err := g.judge.admin.ListEndOffsets(ctx, g.topic)
	if err := errors.Join(err, listed.Error()); err != nil {
		return ends, err
	}
	for p := range ends {
		o, _ := listed.Lookup(g.topic, int32(p))
		ends[p] = o.Offset
	}
	return ends, nil
}

// committed wants the group to be empty and its offsets at the ends.
func (g *groupTrial) committed(ctx context.Context) error {
	ends, err := g.ends(ctx)
	if err != nil {
		return err
	}
	offsets, err := g.judge.admin.FetchOffsets(ctx, g.group())
	if err := errors.Join(err, offsets.Error()); err != nil {
		return fmt.Errorf("committed offsets: %w", err)
	}
	for p, end := range ends {
		if o, ok := offsets.Lookup(g.topic, int32(p)); !ok || o.At != end {
			return fmt.Errorf("of partition %d, which ends at %d, %d is committed", p, end, o.At)
		}
	}
	return nil
}

func (g *groupTrial) group() string { return "group-of-" + g.topic }

// settle waits until, for a while, every partition is consumed by one of these members, each of
// whom consumes something.
func (g *groupTrial) settle(ctx context.Context, members []*member) error {
	late := time.Now().Add(settledWithin)
	for {
		g.seen.reset()
		err := await(ctx, window, func() error { return g.seen.settled(len(members)) })
		if err == nil {
			if err = g.seen.onlyBy(members); err == nil {
				return nil
			}
		}
		for _, m := range members {
			if m.gone() {
				return fmt.Errorf("a member ended by itself: %w", m.err)
			}
		}
		if time.Now().After(late) {
			return fmt.Errorf("not settled within %v: %w", settledWithin, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// await asks again and again until the answer is nil, and returns the last answer.
func await(ctx context.Context, within time.Duration, f func() error) error {
	late := time.After(within)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-late:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write writes to all partitions in turn until it is told to stop.
func (g *groupTrial) write(ctx context.Context) (stop func() error, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(g.judge.servers), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return nil, err
	}
	ended, done := make(chan struct{}), make(chan error, 1)
	go func() {
		defer cl.Close()
		var failed error
		turns := time.NewTicker(time.Second * groupPartitions / groupRate)
		defer turns.Stop()
		for {
			select {
			case <-turns.C:
			case <-ended:
				done <- errors.Join(cl.Flush(ctx), failed) // flushed first: the promises have run
				return
			}
			for p := range int32(groupPartitions) {
				cl.Produce(ctx, &kgo.Record{Topic: g.topic, Partition: p, Value: []byte("record")}, func(_ *kgo.Record, err error) {
					if err != nil && failed == nil {
						failed = err
					}
				})
			}
		}
	}()
	return func() error {
		close(ended)
		return <-done
	}, nil
}

// explain adds what the members have said.
func (g *groupTrial) explain(err error) error {
	for i, m := range g.members {
		if said := m.errs.String(); said != "" {
			err = fmt.Errorf("%w\n\tmember %d: %.600s", err, i, said)
		}
	}
	return err
}

// member is a process that consumes.
type member struct {
	cmd    *exec.Cmd
	in     io.Closer
	errs   *tail
	exited chan struct{}
	err    error // valid when exited is closed
}

func (m *member) gone() bool {
	select {
	case <-m.exited:
		return true
	default:
		return false
	}
}

// start starts one more member. Canceling the context kills it.
func (g *groupTrial) start(ctx context.Context) error {
	cmd := g.launch.command(ctx, g.judge.servers, g.group(), g.topic, g.assignor)
	m := &member{cmd: cmd, errs: &tail{}, exited: make(chan struct{})}
	cmd.Stderr = m.errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, outOf, err := os.Pipe() // not of the command: Wait would close it before all was read
	if err != nil {
		return err
	}
	cmd.Stdout = outOf
	m.in = in
	err = cmd.Start()
	if err := errors.Join(err, outOf.Close()); err != nil {
		out.Close()
		return err
	}
	g.members = append(g.members, m)
	go func() {
		defer close(m.exited)
		defer out.Close()
		err := g.seen.read(m, out)
		m.err = errors.Join(err, cmd.Wait())
	}()
	return nil
}

// consumption is what the members of a group have consumed. Safe for concurrent use.
type consumption struct {
	mu struct {
		sync.Mutex
		all   [groupPartitions]map[int64]bool
		since [groupPartitions][]*member // who consumed something of it since the last reset
	}
}

func newConsumption() *consumption {
	c := &consumption{}
	for p := range c.mu.all {
		c.mu.all[p] = map[int64]bool{}
	}
	return c
}

// read takes what a member prints.
func (c *consumption) read(m *member, from io.Reader) error {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var partition int
		var offset int64
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &partition, &offset); err != nil || partition < 0 || partition >= groupPartitions {
			return fmt.Errorf("a member printed %.80q", lines.Text())
		}
		c.add(m, partition, offset)
	}
	return lines.Err()
}

func (c *consumption) add(m *member, partition int, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.all[partition][offset] = true
	if !slices.Contains(c.mu.since[partition], m) {
		c.mu.since[partition] = append(c.mu.since[partition], m)
	}
}

func (c *consumption) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.mu.since[:])
}

// settled wants every partition and so many members to have been at it since the reset.
func (c *consumption) settled(members int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	who := map[*member]bool{}
	for p, by := range c.mu.since {
		if len(by) == 0 {
			return fmt.Errorf("nobody consumes partition %d", p)
		}
		for _, m := range by {
			who[m] = true
		}
	}
	if len(who) < members {
		return fmt.Errorf("%d of %d members consume", len(who), members)
	}
	return nil
}

// onlyBy wants every partition to have been consumed by one of these members since the reset.
func (c *consumption) onlyBy(members []*member) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, by := range c.mu.since {
		if len(by) != 1 || !slices.Contains(members, by[0]) {
			return fmt.Errorf("partition %d was consumed by %d members", p, len(by))
		}
	}
	return nil
}

// lacks says which record nobody has consumed; nil if there is none.
func (c *consumption) lacks(ends [groupPartitions]int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, end := range ends {
		for offset := range end {
			if !c.mu.all[p][offset] {
				return fmt.Errorf("nobody has consumed offset %d of partition %d, which ends at %d", offset, p, end)
			}
		}
	}
	return nil
}
