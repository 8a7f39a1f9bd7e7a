package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Options say what to measure.
type Options struct {
	// Makers start the brokers; the others are compared with the first one. At least one.
	Makers []Maker
	// Responder starts what does nothing (see Responder), to be told beside the brokers where time is taken. Its zero value: nothing is.
	Responder Maker
	// Only chooses scenarios by id and title. nil: all.
	Only *regexp.Regexp
	// Turns is how often each broker does the work of a scenario at most; the first turn is thrown away. At least 2.
	Turns int
	// Budget is how long the run may take: scenarios whose share of it is used up make fewer turns, and those that have not begun when
	// it is over are not measured. 0: it takes as long as it takes.
	Budget time.Duration
	// Quick leaves out what only the whole table has.
	Quick bool
	// Scale multiplies the work of each turn. 1 is about a gibibyte.
	Scale float64
	// Dir is where the brokers' data goes; an empty directory in it is made for each and removed at the end.
	Dir string
	// Tool makes a process of one of Kafka's tools. nil: scenarios that need them are left out.
	Tool func(ctx context.Context, name string, args ...string) (*exec.Cmd, error)
	// Tell is told what goes on. nil: nobody is.
	Tell func(format string, args ...any)
	// Save is given the report as it is after each scenario. nil: nobody is.
	Save func(*Report) error
}

// Rig is brokers that run side by side, and what was measured with them.
type Rig struct {
	o       Options
	makers  []Maker   // with the responder last, if there is one
	brokers []*Broker // by maker; nil: it could not be started, or has ended
	running bool
	budget  budget
	report  *Report
}

// Run starts the brokers, measures the chosen scenarios and stops them. What fails becomes a cell or a row that says so, and
// the others go on. If ctx ends, the report
// has what was measured until then, and the error says so. Errors without a report: ErrSystem where this cannot be done.
func Run(ctx context.Context, o Options) (*Report, error) {
	if _, err := cpuOf(os.Getpid()); err != nil {
		return nil, err
	}
	if o.Tell == nil {
		o.Tell = func(string, ...any) {}
	}
	r := &Rig{o: o, makers: slices.Clone(o.Makers), report: &Report{Machine: machine(o.Dir), Turns: o.Turns, Scale: o.Scale, Began: time.Now()}}
	if o.Responder.Start != nil {
		r.makers = append(r.makers, o.Responder)
	}
	for _, m := range o.Makers {
		r.report.Brokers = append(r.report.Brokers, About{m.Name, m.About})
	}
	err := r.runAll(ctx)
	r.stop()
	r.report.Seconds = time.Since(r.report.Began).Seconds()
	return r.report, err
}

// chosen are the scenarios of this run.
func (r *Rig) chosen() []scenario {
	var list []scenario
	for _, s := range scenarios() {
		switch {
		case r.o.Only != nil && !r.o.Only.MatchString(s.id+" "+s.title):
		case s.tools && r.o.Tool == nil:
		case s.full && r.o.Quick:
		default:
			list = append(list, s)
		}
	}
	return list
}

func (r *Rig) runAll(ctx context.Context) error {
	chosen := r.chosen()
	r.budget = budget{total: r.o.Budget, began: time.Now()}
	for _, s := range chosen {
		r.budget.left += s.weight()
	}
	for _, s := range chosen {
		if s.alone {
			r.stop()
		} else if err := r.start(ctx); err != nil {
			return err
		}
		if r.budget.total > 0 && r.budget.remaining() <= 0 {
			r.failed(s, "not measured: the time of the run was over")
			continue
		}
		if err := r.one(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// one measures a scenario within its share of the time. It fails only if the whole run is to end.
func (r *Rig) one(ctx context.Context, s scenario) error {
	began, share := time.Now(), r.budget.take(s.weight())
	r.o.Tell("%s %s, %s; %s, %v for it", s.id, s.title, s.policy, r.budget.status(), share.Round(time.Second))
	limited, cancel := context.WithTimeoutCause(ctx, r.budget.limit(share), fmt.Errorf("took longer than %v", r.budget.limit(share).Round(time.Second)))
	defer cancel()
	turns, err := r.conduct(limited, s, share)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.failed(s, err.Error())
	}
	r.spent(Spent{ID: s.id, Share: share.Seconds(), Turns: turns, Scale: r.o.Scale * s.size()}, began)
	r.check(ctx)
	if r.o.Save != nil {
		r.report.Seconds = time.Since(r.report.Began).Seconds()
		if err := r.o.Save(r.report); err != nil {
			r.o.Tell("save what there is: %v", err)
		}
	}
	return nil
}

// spent notes how long something took that began then.
func (r *Rig) spent(s Spent, began time.Time) {
	s.Seconds = time.Since(began).Seconds()
	r.report.Spent = append(r.report.Spent, s)
	r.o.Tell("%s: %.1f s, turns: %d", s.ID, s.Seconds, s.Turns)
}

// failed adds a row of a scenario that could not be measured with any broker.
func (r *Rig) failed(s scenario, why string) {
	r.o.Tell("%s: %s", s.id, why)
	r.report.Rows = append(r.report.Rows, Row{ID: s.id, Title: s.title, Policy: s.policy, Failed: why})
}

// start starts the brokers, unless they run. A peer that does not start is left out; without the first one there is nothing to compare.
func (r *Rig) start(ctx context.Context) error {
	if r.running {
		return nil
	}
	began := time.Now()
	r.running, r.brokers = true, make([]*Broker, len(r.makers))
	for i, m := range r.makers {
		dir, err := os.MkdirTemp(r.o.Dir, "thalweg-bench-"+m.Name+"-")
		if err != nil {
			return err
		}
		r.o.Tell("start %s", m.Name)
		b, err := m.Start(ctx, filepath.Join(dir, "data"), nil)
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
			if i == 0 || ctx.Err() != nil {
				return err
			}
			r.o.Tell("%s: %v", m.Name, err)
			continue
		}
		b.root = dir
		r.brokers[i] = b
	}
	r.spent(Spent{ID: "start"}, began)
	began = time.Now()
	r.warmUp(ctx)
	r.spent(Spent{ID: "warm up"}, began)
	return ctx.Err()
}

// answersWithin is how long a broker that is said to run may take to answer.
const answersWithin = 20 * time.Second

// check looks whether the brokers still answer, and starts all anew if one does not.
func (r *Rig) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	for _, b := range r.brokers {
		if b == nil {
			continue
		}
		if err := b.alive(ctx); err != nil {
			r.o.Tell("%s does not answer any more: %v", b.Name, err)
			r.stop()
			return
		}
	}
}

// warmLeast is the least scale of the work that warms.
const warmLeast = 0.1

// warmWithin is how long one kind of work may take while nothing is measured.
const warmWithin = time.Minute

// warmUp lets each broker do most kinds of work twice, unmeasured: compilers that compile what runs often need it. What fails
// here will fail again where it counts.
func (r *Rig) warmUp(ctx context.Context) {
	r.o.Tell("warm up")
	if r.budget.total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.budget.total/warmPart)
		defer cancel()
	}
	for _, s := range scenarios() {
		switch s.id {
		case "P1", "P3", "P5", "P5b", "F1", "F2", "F2c":
		default:
			continue
		}
		for i, b := range r.brokers {
			as, can := r.makers[i].way(s)
			if b == nil || !can {
				continue
			}
			st := &stage{Broker: b, maker: r.makers[i], root: r.o.Dir, scale: r.warmScale(), policy: s.policy, topicName: "warm-up-" + s.id}
			limited, cancel := context.WithTimeout(ctx, warmWithin)
			err := as.twice(limited, st)
			cancel()
			if ctx.Err() != nil {
				return // not all is warm; the turn that does not count will see to it
			}
			if err != nil {
				r.o.Tell("%s: warm up with %s: %v", b.Name, s.id, err)
			}
		}
	}
}

// warmScale is how much work warms: compilers do not care how little is measured.
func (r *Rig) warmScale() float64 {
	if r.o.Scale < triesBelow {
		return r.o.Scale / 2
	}
	return max(warmLeast, r.o.Scale/2)
}

// stop ends the brokers, if they run, and removes what they have written. They are not asked: with thousands of partitions they would
// take minutes, and nothing is expected of them any more.
func (r *Rig) stop() {
	for _, b := range r.brokers {
		if b == nil {
			continue
		}
		if err := errors.Join(b.kill(), os.RemoveAll(b.root)); err != nil {
			r.o.Tell("stop %s: %v", b.Name, err)
		}
	}
	r.brokers, r.running = nil, false
}

// outcome is what one broker made of a scenario.
type outcome struct {
	st      *stage
	work    scenario // as this broker does it
	blank   bool     // it cannot do it, and is not asked to
	failed  error
	samples []Sample
}

// conduct lets all brokers do the work of a scenario in turns, as many as its share of the time lets it, and tells how many. One
// that fails takes no further part. It fails if none is left.
func (r *Rig) conduct(ctx context.Context, s scenario, share time.Duration) (turns int, err error) {
	began := time.Now()
	all := r.outcomes(s)
	defer func() {
		for _, o := range all {
			err = errors.Join(err, o.st.renew())
		}
	}()
	each := func(what string, f func(o *outcome) error) error {
		for _, o := range all {
			if o.blank || o.failed != nil {
				continue
			}
			if err := f(o); err != nil {
				o.failed = fmt.Errorf("%s: %w", what, errors.Join(context.Cause(ctx), err))
				r.o.Tell("%s: %s: %v", s.id, o.st.maker.Name, o.failed)
			}
		}
		return firstFailure(all)
	}
	if err := each("set up", func(o *outcome) error { return o.work.begin(ctx, o.st) }); err != nil {
		return 0, err
	}
	for ; err == nil && turns < s.most(r.o.Turns); turns++ {
		turn := time.Now()
		err = each(fmt.Sprintf("turn %d", turns), func(o *outcome) error { return o.turn(ctx, turns > 0 || s.cold) })
		if took := time.Since(turn); r.o.Budget > 0 && turns+1 >= s.least() && time.Since(began)+took > share {
			turns++
			break
		}
	}
	for _, o := range all {
		r.clearUp(ctx, o)
	}
	if err != nil && !slices.ContainsFunc(all, func(o *outcome) bool { return len(o.samples) > 0 }) {
		return turns, err
	}
	r.report.Rows = append(r.report.Rows, rowsOf(s, all[:len(r.o.Makers)], all[len(r.o.Makers):])...)
	r.report.Curves = append(r.report.Curves, curvesOf(s, all)...)
	return turns, nil
}

// clearWithin is how long it may take to clear up after a scenario.
const clearWithin = 2 * time.Minute

// clearUp removes what a scenario has left with a broker, even if its time is over.
func (r *Rig) clearUp(ctx context.Context, o *outcome) {
	if o.work.clear == nil || o.blank || o.st.Broker == nil && !o.work.alone {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clearWithin)
	defer cancel()
	if err := o.work.clear(ctx, o.st); err != nil {
		r.o.Tell("%s: %s: clear up: %v", o.work.id, o.st.maker.Name, err)
	}
}

// outcomes are the brokers at the beginning of a scenario.
func (r *Rig) outcomes(s scenario) []*outcome {
	all := make([]*outcome, len(r.makers))
	between := &arena{saturation: map[string]float64{}}
	for i, m := range r.makers {
		o := &outcome{st: &stage{maker: m, arena: between, runTool: r.o.Tool, root: r.o.Dir, scale: r.o.Scale * s.size(), policy: s.policy, topicName: "bench-" + s.id}}
		var can bool
		o.work, can = m.way(s)
		o.blank = !can
		if !s.alone {
			if o.st.Broker = r.brokers[i]; o.st.Broker == nil && can {
				o.failed = errors.New("it did not start")
			}
		}
		all[i] = o
	}
	return all
}

// turn lets the broker do the work once.
func (o *outcome) turn(ctx context.Context, counts bool) error {
	undo := func() error { return nil }
	if o.work.pinned {
		var err error
		if undo, err = apart(o.st.PID); err != nil {
			return err
		}
	}
	sample, err := o.work.run(ctx, o.st)
	err = errors.Join(err, undo())
	if err == nil && counts {
		o.samples = append(o.samples, sample)
	}
	return err
}

// firstFailure is an error if no broker is left that has not failed.
func firstFailure(all []*outcome) error {
	var first error
	for _, o := range all {
		switch {
		case o.blank || o.work.noop != nil && o.st.maker.Name == noopName:
		case o.failed == nil:
			return nil
		case first == nil:
			first = fmt.Errorf("%s: %w", o.st.maker.Name, o.failed)
		}
	}
	return first
}

// stage is a broker during a scenario.
type stage struct {
	*Broker   // nil in scenarios that start their own
	maker     Maker
	root      string // where directories may be made
	own       string // directory of the scenario's own brokers; "": none yet
	scale     float64
	policy    string
	runTool   func(ctx context.Context, name string, args ...string) (*exec.Cmd, error)
	topicName string
	arena     *arena
}

// scaled is so much work, made less or more by the scale; at least 1.
func (s *stage) scaled(n int) int { return max(1, int(float64(n)*s.scale)) }

// wholeScale is from which scale on things have the number that their title says.
const wholeScale = 0.25

// whole is so many of something that is what a title is about, fewer only in runs at a small scale.
func (s *stage) whole(n int) int { return max(1, int(float64(n)*min(1, s.scale/wholeScale))) }

// Bounds on how long schedules are followed: shorter than atLeast percentiles say little, but for runs below triesBelow, which only
// show that it can be done.
const (
	triesBelow = 0.04
	tries      = 100 * time.Millisecond
	atLeast    = 2 * time.Second
)

// lasting is how long a schedule is followed that takes so many seconds at scale 1.
func (s *stage) lasting(seconds int) time.Duration {
	if s.scale < triesBelow {
		return tries
	}
	return max(atLeast, time.Duration(s.scale*float64(seconds)*float64(time.Second)))
}

// Sample is what one turn of one broker gave.
type Sample struct {
	Wall    time.Duration `json:"wall_ns"`
	CPU     CPU           `json:"cpu"`    // the broker's
	Driver  CPU           `json:"driver"` // the rig's own
	Calls   int64         `json:"calls"`  // system calls of the broker that read or write
	Bytes   int64         `json:"bytes"`  // of values
	Records int64         `json:"records"`
	// Requests are those of the measured kind.
	Requests int64 `json:"requests"`
	// Extra are figures that only this scenario has.
	Extra map[string]float64 `json:"extra,omitempty"`
	// Note says in what this turn differs from what the title says. "": in nothing.
	Note string `json:"note,omitempty"`

	latency *hdrhistogram.Histogram // of this turn; nil: it was not taken
}

// measure runs the flows and accounts for them. dirty is how many bytes the broker will write.
func (s *stage) measure(ctx context.Context, flows []*flow, dirty int64) (Sample, error) {
	g, err := connect(ctx, s.Addr, flows)
	if err != nil {
		return Sample{}, err
	}
	defer g.close()
	if err := warm(dirty + dirty/8); err != nil {
		return Sample{}, err
	}
	return s.account(func() error { return g.run(ctx) })
}

// account runs f and tells what it cost.
func (s *stage) account(f func() error) (sample Sample, err error) {
	before, err := cpuOf(s.PID)
	if err != nil {
		return sample, err
	}
	calls, err := callsOf(s.PID)
	if err != nil {
		return sample, err
	}
	own, err := cpuOf(os.Getpid())
	if err != nil {
		return sample, err
	}
	begin := time.Now()
	if err := f(); err != nil {
		return sample, err
	}
	sample.Wall = time.Since(begin)
	after, err := cpuOf(s.PID)
	if err != nil {
		return sample, err
	}
	ownAfter, err := cpuOf(os.Getpid())
	if err != nil {
		return sample, err
	}
	callsAfter, err := callsOf(s.PID)
	sample.CPU, sample.Driver, sample.Calls = after.minus(before), ownAfter.minus(own), callsAfter-calls
	return sample, err
}
