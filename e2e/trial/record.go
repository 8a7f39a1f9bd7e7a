package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/e2e/foreign"
	"github.com/thalweg-io/thalweg/internal/history"
)

// Recorder turns what clients say into a history. Safe for concurrent use.
type Recorder struct {
	topics []string
	begin  time.Time

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced when a count changes
	h         *history.History
	sends     map[int64]send            // of values whose outcome is not known yet
	producers map[int64]*producerRecord // by number of the client
	processes history.Process
	trouble   []string // what no client may see; at most maxTrouble
}

// maxTrouble bounds the sentences that are kept; all are counted.
const maxTrouble = 20

type send struct {
	op history.OpID
	at int
}

// producerRecord is what is known of one producer.
type producerRecord struct {
	process             history.Process
	sent, acked, errors int
}

func newRecorder(topics []string) *Recorder {
	return &Recorder{topics: topics, begin: time.Now(), changed: make(chan struct{}), h: history.New(),
		sends: map[int64]send{}, producers: map[int64]*producerRecord{}}
}

// now is the time of the one clock. The caller holds mu, so that it does not go back.
func (r *Recorder) now() int64 { return int64(time.Since(r.begin)) }

// newProcess is a client's next life. The caller holds mu.
func (r *Recorder) newProcess() history.Process {
	r.processes++
	return r.processes
}

// expect makes a producer known, so that progress waits for it.
func (r *Recorder) expect(client int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.producer(client)
}

func (r *Recorder) producer(client int64) *producerRecord {
	p := r.producers[client]
	if p == nil {
		p = &producerRecord{process: r.newProcess()}
		r.producers[client] = p
	}
	return p
}

// Produced records an event of a writer.
func (r *Recorder) Produced(e foreign.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == foreign.Fatal {
		r.troubleLocked("a producer gave up: " + e.Text)
		return
	}
	client := foreign.ClientOf(e.Value)
	p := r.producer(client)
	if e.Kind == foreign.Sent {
		op := r.h.Invoke(r.now(), history.Call{Client: history.Client(client), Process: p.process, F: history.Send})
		r.sends[e.Value] = send{op, r.h.Send(op, r.h.Key(r.topics[e.Topic], e.Partition), history.Value(e.Value))}
		p.sent++
		return
	}
	s, ok := r.sends[e.Value]
	if !ok {
		r.troubleLocked(fmt.Sprintf("client %d told the outcome of %d, which it has not sent or told before", client, e.Value))
		return
	}
	delete(r.sends, e.Value)
	switch e.Kind {
	case foreign.Acked:
		r.h.Acked(s.op, s.at, e.Offset)
		r.h.Complete(r.now(), s.op, history.OK, "")
		p.acked++
	case foreign.Untold:
		r.h.Complete(r.now(), s.op, history.Fail, e.Text)
	case foreign.Open:
		r.h.Complete(r.now(), s.op, history.Open, e.Text)
		p.errors++
		p.process = r.newProcess()
		r.troubleLocked(fmt.Sprintf("client %d: %s", client, e.Text))
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// Trouble records what no client may see.
func (r *Recorder) Trouble(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.troubleLocked(text)
}

func (r *Recorder) troubleLocked(text string) {
	if len(r.trouble) < maxTrouble {
		r.trouble = append(r.trouble, text)
	}
}

// Counts are figures of all producers.
type Counts struct{ Sent, Acked, Errors int }

// Counts returns the figures so far.
func (r *Recorder) Counts() (c Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.producers {
		c.Sent, c.Acked, c.Errors = c.Sent+p.sent, c.Acked+p.acked, c.Errors+p.errors
	}
	return c
}

// acked is what each producer has had acknowledged.
func (r *Recorder) acked() map[int64]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	acked := map[int64]int{}
	for client, p := range r.producers {
		acked[client] = p.acked
	}
	return acked
}

// progress waits until every producer has had n acknowledgements more than in an earlier reading.
func (r *Recorder) progress(ctx context.Context, since map[int64]int, n int) error {
	for {
		r.mu.Lock()
		waiting := []int64{}
		for client, p := range r.producers {
			if p.acked < since[client]+n {
				waiting = append(waiting, client)
			}
		}
		changed := r.changed
		r.mu.Unlock()
		if len(waiting) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("clients %v have had fewer than %d acknowledgements: %w", waiting, n, context.Cause(ctx))
		}
	}
}

// fault puts something that was done into the picture; the result ends it.
func (r *Recorder) fault(text string) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	op := r.h.Invoke(r.now(), history.Call{F: history.Fault})
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.h.Complete(r.now(), op, history.OK, text)
	}
}

// write writes the history as JSON lines, and the report for people.
func (r *Recorder) write(events, page io.Writer, report *history.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(history.WriteJSON(events, r.h), history.WriteHTML(page, r.h, report))
}

// judge judges what has been recorded. What no client may see is an error, and so is a violation.
func (r *Recorder) judge() (*history.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	report, err := history.Check(r.h, history.Options{})
	if err != nil {
		return nil, err
	}
	if !report.Valid() {
		err = fmt.Errorf("the history is not valid:\n%s", report)
	}
	for _, text := range r.trouble {
		err = errors.Join(err, errors.New(text))
	}
	return report, err
}
