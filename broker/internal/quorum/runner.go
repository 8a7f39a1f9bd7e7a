package quorum

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

const (
	// DefaultTickInterval makes an election time-out of 1 to 2 s with the default ElectionTicks.
	DefaultTickInterval = 100 * time.Millisecond

	// maxQueuedCalls bounds Submit: callers wait above it.
	maxQueuedCalls = 1024
	// maxQueuedMessages bounds Receive: messages above it are dropped, which Raft survives.
	maxQueuedMessages = 1024
	// maxRoundInputs bounds what is taken in before the next Advance: they share a sync.
	maxRoundInputs = 256
)

// RunnerOptions of a Runner. The zero value means defaults.
type RunnerOptions struct {
	TickInterval time.Duration // default DefaultTickInterval
	// Failed is called once, on the quorum goroutine, when the quorum has ended by an error. C-12:
	// the process is to end then. nil: nobody is told.
	Failed func(error)
}

// Runner owns a Core in one goroutine: it feeds ticks, messages and calls to it and advances it.
// Its methods are safe for concurrent use, except from the goroutine itself (Machine, Transport
// and submitted functions must use the Core).
type Runner struct {
	core     *Core
	o        RunnerOptions
	calls    chan func()
	messages chan received
	stop     chan struct{}
	stopOnce sync.Once
	done     chan struct{} // closed when the goroutine has ended
	state    atomic.Pointer[State]
	err      atomic.Pointer[error]
	dropped  atomic.Int64
	closeErr error // written before done is closed
}

type received struct {
	from kafka.BrokerID
	data []byte
}

// NewRunner prepares a Runner; it owns core from now on.
func NewRunner(core *Core, o RunnerOptions) *Runner {
	if o.TickInterval <= 0 {
		o.TickInterval = DefaultTickInterval
	}
	r := &Runner{
		core: core, o: o,
		calls:    make(chan func(), maxQueuedCalls),
		messages: make(chan received, maxQueuedMessages),
		stop:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	r.publish()
	return r
}

// Start starts the goroutine; call it once. A sole voter campaigns at once instead of waiting for
// a leader that cannot be there.
func (r *Runner) Start() { go r.run() }

// Stop ends the goroutine, closes the Core and returns what went wrong there. It may be called
// more than once, but not from the goroutine. Calls that are still queued are not run.
func (r *Runner) Stop() error {
	r.stopOnce.Do(func() { close(r.stop) })
	<-r.done
	return r.closeErr
}

// Submit runs fn with the Core on the quorum goroutine, some time later. It blocks while the queue
// is full. ErrStopped: fn will not run. Without an error fn runs unless the quorum ends first; who
// waits for it must wait for Done, too.
func (r *Runner) Submit(fn func(*Core)) error {
	select {
	case <-r.done:
		return r.ended()
	case <-r.stop:
		return ErrStopped
	default:
	}
	select {
	case r.calls <- func() { fn(r.core) }:
		return nil
	case <-r.done:
		return r.ended()
	case <-r.stop:
		return ErrStopped
	}
}

// Propose is Core.Propose from any goroutine. It returns when the batch is accepted, not when it
// is applied. b must not change before that. Errors: those of Core.Propose, ErrStopped.
func (r *Runner) Propose(b batch.Batch) (index uint64, err error) {
	type answer struct {
		index uint64
		err   error
	}
	ch := make(chan answer, 1)
	if err := r.Submit(func(c *Core) {
		i, err := c.Propose(b)
		ch <- answer{i, err}
	}); err != nil {
		return 0, err
	}
	select {
	case a := <-ch:
		return a.index, a.err
	case <-r.done:
	}
	select { // it may have been the last call that ran
	case a := <-ch:
		return a.index, a.err
	default:
		return 0, r.ended()
	}
}

// Receive takes a message from voter from, whom the transport has authenticated. It never blocks:
// false means that the queue is full and the message is dropped. data belongs to the Runner now.
func (r *Runner) Receive(from kafka.BrokerID, data []byte) bool {
	select {
	case r.messages <- received{from, data}:
		return true
	default:
		r.dropped.Add(1)
		return false
	}
}

// Unreachable tells that messages to a voter are lost. It never blocks.
func (r *Runner) Unreachable(id kafka.BrokerID) {
	select {
	case r.calls <- func() { r.core.ReportUnreachable(id) }:
	default: // heartbeats find it out
	}
}

// State is the last State that the Machine was told.
func (r *Runner) State() State { return *r.state.Load() }

// Dropped counts messages that were not taken: queue full, or not from a sane voter.
func (r *Runner) Dropped() int64 { return r.dropped.Load() }

// Done is closed when the quorum has ended, by Stop or by an error.
func (r *Runner) Done() <-chan struct{} { return r.done }

// Err is the error that ended the quorum; nil while it runs and after a Stop.
func (r *Runner) Err() error {
	if p := r.err.Load(); p != nil {
		return *p
	}
	return nil
}

func (r *Runner) ended() error {
	if err := r.Err(); err != nil {
		return errors.Join(ErrStopped, err)
	}
	return ErrStopped
}

func (r *Runner) run() {
	defer close(r.done)
	err := r.loop()
	if err != nil {
		r.err.Store(&err)
		if r.o.Failed != nil {
			r.o.Failed(err)
		}
	}
	r.closeErr = errors.Join(err, r.core.Close())
}

// loop takes inputs and advances until stopped (nil) or failed.
func (r *Runner) loop() error {
	if err := r.begin(); err != nil {
		return err
	}
	// A Ticker drops ticks that nobody takes: a long pause is one late tick, not a burst of them
	// that would end in needless elections.
	ticker := time.NewTicker(r.o.TickInterval)
	defer ticker.Stop()
	for busy := true; ; {
		stopped, err := r.take(ticker.C, !busy)
		if stopped || err != nil {
			return err
		}
		if busy, err = r.core.Advance(); err != nil {
			return err
		}
		r.publish()
	}
}

// begin replays what is committed and makes a sole voter leader.
func (r *Runner) begin() error {
	for {
		busy, err := r.core.Advance()
		if err != nil {
			return err
		}
		if !busy {
			break
		}
		r.publish()
		select {
		case <-r.stop:
			return nil // loop sees it again
		default:
		}
	}
	if r.core.Alone() {
		return r.core.Campaign()
	}
	return nil
}

// take handles inputs that are there, waiting for the first one if wait.
func (r *Runner) take(tick <-chan time.Time, wait bool) (stopped bool, err error) {
	if wait {
		select {
		case <-r.stop:
			return true, nil
		case now := <-tick:
			err = r.core.Tick(now.UnixMilli())
		case fn := <-r.calls:
			fn()
		case m := <-r.messages:
			err = r.step(m)
		}
	}
	for n := 0; err == nil && n < maxRoundInputs; n++ {
		select {
		case <-r.stop:
			return true, nil
		case now := <-tick:
			err = r.core.Tick(now.UnixMilli())
		case fn := <-r.calls:
			fn()
		case m := <-r.messages:
			err = r.step(m)
		default:
			return false, nil
		}
	}
	return false, err
}

// step drops what no voter sends: a peer's mistake must not end this one.
func (r *Runner) step(m received) error {
	err := r.core.Step(m.from, m.data)
	if errors.Is(err, ErrMessage) {
		r.dropped.Add(1)
		r.core.o.Logger.Debug("dropped a quorum message", "from", m.from, "error", err)
		return nil
	}
	return err
}

func (r *Runner) publish() {
	st := r.core.State()
	if p := r.state.Load(); p == nil || *p != st {
		r.state.Store(&st)
	}
}
