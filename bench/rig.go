package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// Options say what to measure.
type Options struct {
	// Makers start the brokers; the others are compared with the first one. At least one.
	Makers []Maker
	// Only chooses scenarios by id and title. nil: all.
	Only *regexp.Regexp
	// Turns is how often each broker does the work of a scenario; the first turn is thrown away. At least 2.
	Turns int
	// Scale multiplies the work of each turn. 1 is about a gibibyte.
	Scale float64
	// Dir is where the brokers' data goes; an empty directory in it is made for each and removed at the end.
	Dir string
	// Tool makes a process of one of Kafka's tools. nil: scenarios that need them are left out.
	Tool func(ctx context.Context, name string, args ...string) (*exec.Cmd, error)
	// Tell is told what goes on. nil: nobody is.
	Tell func(format string, args ...any)
}

// Rig is brokers that run side by side, and what was measured with them.
type Rig struct {
	o       Options
	brokers []*Broker
	rows    []Row
}

// Run starts the brokers, measures the chosen scenarios and stops them. A scenario that fails becomes a row that says so, and
// the others go on. If ctx ends, the report
// has what was measured until then, and the error says so. Errors without a report: ErrSystem where this cannot be done.
func Run(ctx context.Context, o Options) (*Report, error) {
	if _, err := cpuOf(os.Getpid()); err != nil {
		return nil, err
	}
	if o.Tell == nil {
		o.Tell = func(string, ...any) {}
	}
	r := &Rig{o: o}
	report := &Report{Machine: machine(o.Dir), Turns: o.Turns, Scale: o.Scale, Began: time.Now()}
	for _, m := range o.Makers {
		report.Brokers = append(report.Brokers, About{m.Name, m.About})
	}
	err := r.runAll(ctx)
	r.stop()
	report.Rows = r.rows
	report.Seconds = time.Since(report.Began).Seconds()
	return report, err
}

func (r *Rig) runAll(ctx context.Context) error {
	for _, s := range scenarios() {
		if r.o.Only != nil && !r.o.Only.MatchString(s.id+" "+s.title) || s.tools && r.o.Tool == nil {
			continue
		}
		if s.alone {
			r.stop()
		} else if err := r.start(ctx); err != nil {
			return err
		}
		r.o.Tell("%s %s, %s", s.id, s.title, s.policy)
		if err := r.conduct(ctx, s); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.o.Tell("%s: %v", s.id, err)
			r.rows = append(r.rows, Row{ID: s.id, Title: s.title, Policy: s.policy, Failed: err.Error()})
		}
	}
	return nil
}

// start starts the brokers, unless they run.
func (r *Rig) start(ctx context.Context) error {
	if r.brokers != nil {
		return nil
	}
	for _, m := range r.o.Makers {
		dir, err := os.MkdirTemp(r.o.Dir, "thalweg-bench-"+m.Name+"-")
		if err != nil {
			return err
		}
		r.o.Tell("start %s", m.Name)
		b, err := m.Start(ctx, filepath.Join(dir, "data"), nil)
		if err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		stop := b.stop
		b.stop = func() error { return errors.Join(stop(), os.RemoveAll(dir)) }
		r.brokers = append(r.brokers, b)
	}
	r.warmUp(ctx)
	return ctx.Err()
}

// warmUp lets each broker do most kinds of work twice, unmeasured: compilers that compile what runs often need it. What fails
// here will fail again where it counts.
func (r *Rig) warmUp(ctx context.Context) {
	r.o.Tell("warm up")
	for _, s := range scenarios() {
		switch s.id {
		case "P1", "P3", "P5", "P5b", "F1", "F2", "F2c":
		default:
			continue
		}
		for i, b := range r.brokers {
			st := &stage{Broker: b, maker: r.o.Makers[i], root: r.o.Dir, scale: r.o.Scale / 2, policy: s.policy, topicName: "warm-up-" + s.id}
			if err := s.twice(ctx, st); err != nil {
				r.o.Tell("%s: warm up with %s: %v", b.Name, s.id, err)
			}
		}
	}
}

// stop stops the brokers, if they run. What has been measured is not worth less if one of them has to be killed.
func (r *Rig) stop() {
	for _, b := range r.brokers {
		if err := b.Stop(); err != nil {
			r.o.Tell("stop %s: %v", b.Name, err)
		}
	}
	r.brokers = nil
}

// conduct lets all brokers do the work of a scenario in turns.
func (r *Rig) conduct(ctx context.Context, s scenario) (err error) {
	stages := make([]*stage, len(r.o.Makers))
	for i, m := range r.o.Makers {
		st := &stage{maker: m, runTool: r.o.Tool, root: r.o.Dir, scale: r.o.Scale, policy: s.policy, topicName: "bench-" + s.id}
		stages[i] = st
		defer func() { err = errors.Join(err, st.renew()) }()
		if !s.alone {
			st.Broker = r.brokers[i]
		}
		if s.setup != nil {
			if err := s.setup(ctx, st); err != nil {
				return fmt.Errorf("%s: set up: %w", m.Name, err)
			}
		}
	}
	samples := make([][]Sample, len(stages))
	turns := r.o.Turns
	if s.turns > 0 {
		turns = min(turns, s.turns)
	}
	for turn := range turns {
		for i, st := range stages {
			sample, err := s.run(ctx, st)
			if err != nil {
				return fmt.Errorf("%s: turn %d: %w", st.maker.Name, turn, err)
			}
			if turn > 0 {
				samples[i] = append(samples[i], sample)
			}
		}
	}
	for _, st := range stages {
		if s.clear != nil {
			if err := s.clear(ctx, st); err != nil {
				return fmt.Errorf("%s: clear up: %w", st.maker.Name, err)
			}
		}
	}
	r.rows = append(r.rows, rowsOf(s, r.o.Makers, samples)...)
	return nil
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
}

// scaled is so much work, made less or more by the scale; at least 1.
func (s *stage) scaled(n int) int { return max(1, int(float64(n)*s.scale)) }

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
