package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/foreign"
	"github.com/thalweg-io/thalweg/internal/history"
)

// Topic is a topic of a trial.
type Topic struct {
	Name    string
	Configs map[string]string
}

// Options of a trial.
type Options struct {
	Broker     *Broker // not yet started
	Topics     []Topic // at least one
	Partitions int     // of each topic
	Rate       int     // records per second and producer
	Programs   []foreign.Program
}

// codecs are what the producers of a program compress with, by the program's place.
var codecs = [][]string{{"none", "zstd"}, {"lz4", "gzip"}, {"snappy", "zstd"}}

// Bounds on how long things may take on a slow machine.
const (
	progressWithin = 60 * time.Second
	finishWithin   = 3 * time.Minute
)

// Trial is a broker under load. See the package's comment.
type Trial struct {
	*Broker
	o       Options
	rec     *Recorder
	writers []*foreign.Writer
	reader  *consumer
	cancel  context.CancelFunc
	waited  sync.WaitGroup
	since   map[int64]int // acknowledgements at the last start
}

// Start starts broker, topics, consumer and writers, and waits until every producer has had an
// acknowledgement. The caller calls Close.
func Start(ctx context.Context, o Options) (*Trial, error) {
	ctx, cancel := context.WithCancel(ctx)
	t := &Trial{Broker: o.Broker, o: o, cancel: cancel}
	err := t.start(ctx)
	if err == nil {
		err = t.Progress(ctx, 1)
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Trial) start(ctx context.Context) error {
	if err := t.Broker.Start(); err != nil {
		return err
	}
	var names []string
	for _, topic := range t.o.Topics {
		names = append(names, topic.Name)
		if err := t.createTopic(ctx, topic); err != nil {
			return err
		}
	}
	t.rec = newRecorder(names)
	var err error
	if t.reader, err = newConsumer(t.rec, t.Addr(), t.o.Partitions, consumerClient); err != nil {
		return err
	}
	t.waited.Go(func() { t.reader.follow(ctx) })
	client := int64(1)
	for i, p := range t.o.Programs {
		spec := foreign.Spec{Servers: t.Addr(), Topics: names, Partitions: t.o.Partitions, Rate: t.o.Rate, FirstClient: client, Codecs: codecs[i%len(codecs)]}
		for range spec.Codecs {
			t.rec.expect(client)
			client++
		}
		w, err := foreign.Start(ctx, p, spec, t.rec.Produced)
		if err != nil {
			return err
		}
		t.writers = append(t.writers, w)
	}
	return nil
}

func (t *Trial) createTopic(ctx context.Context, topic Topic) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	configs := map[string]*string{}
	for k, v := range topic.Configs {
		configs[k] = &v
	}
	_, err = kadm.NewClient(cl).CreateTopic(ctx, int32(t.o.Partitions), 1, configs, topic.Name)
	return err
}

// Restart starts the broker again.
func (t *Trial) Restart() error {
	err := t.Broker.Start()
	t.Mark()
	return err
}

// Mark lets Progress count from now on.
func (t *Trial) Mark() { t.since = t.rec.acked() }

// Progress waits until every producer has had n acknowledgements since the last Restart or Mark, and
// fails if a writer has ended.
func (t *Trial) Progress(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, progressWithin)
	defer cancel()
	for _, w := range t.writers {
		select {
		case <-w.Done():
			return errors.Join(errors.New("a writer has ended"), w.Err())
		default:
		}
	}
	err := t.rec.progress(ctx, t.since, n)
	if err != nil {
		err = fmt.Errorf("%w; the broker's output: %s", err, t.out.tail())
	}
	return err
}

// Fault notes something that is done to the broker; the result notes its end.
func (t *Trial) Fault(text string) func() { return t.rec.fault(text) }

// Counts are the producers' figures so far.
func (t *Trial) Counts() Counts { return t.rec.Counts() }

// Result is what came of a trial.
type Result struct {
	Counts
	Report  *history.Report
	Records int // that the last reader read
}

// Finish ends the producers, reads everything once more and judges. The broker must run. An error
// says what clients may not see; the result is there all the same if the history could be judged.
func (t *Trial) Finish(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	var errs []error
	for _, w := range t.writers {
		errs = append(errs, w.Stop(ctx))
	}
	last, err := newConsumer(t.rec, t.Addr(), t.o.Partitions, consumerClient+1)
	if err != nil {
		return Result{}, errors.Join(append(errs, err)...)
	}
	defer last.cl.Close()
	errs = append(errs, last.toTheEnd(ctx))
	t.quiet()
	report, err := t.rec.judge()
	return Result{t.rec.Counts(), report, last.records}, errors.Join(append(errs, err)...)
}

// quiet ends everything that reads and writes.
func (t *Trial) quiet() {
	t.cancel()
	t.waited.Wait()
	for _, w := range t.writers {
		<-w.Done()
	}
	if t.reader != nil && t.reader.cl != nil {
		t.reader.cl.Close()
		t.reader.cl = nil
	}
}

// Save writes the history and its page into a directory, and the broker's last output.
func (t *Trial) Save(dir string, report *history.Report) error {
	events, err := os.Create(filepath.Join(dir, "history.jsonl"))
	if err != nil {
		return err
	}
	defer events.Close()
	page, err := os.Create(filepath.Join(dir, "history.html"))
	if err != nil {
		return err
	}
	defer page.Close()
	if report == nil {
		report = &history.Report{}
	}
	return errors.Join(t.rec.write(events, page, report), os.WriteFile(filepath.Join(dir, "broker.log"), []byte(t.Output()), 0o644))
}

// Close kills what still runs.
func (t *Trial) Close() {
	t.quiet()
	if t.Broker.Running() {
		_ = t.Broker.Kill() // what is alarming has been told by now
	}
}
