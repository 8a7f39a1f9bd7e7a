package foreign

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// Spec is what a writer writes.
type Spec struct {
	Servers     string // bootstrap servers, host:port
	Topics      []string
	Partitions  int // of each topic, which must exist
	Rate        int // records per second and producer, at least 1
	FirstClient int64
	Codecs      []string // one producer each: none, gzip, snappy, lz4, zstd
}

// Writer is a running program.
type Writer struct {
	Name string
	stop func() // asks it to end
	done chan struct{}
	err  error // valid when done is closed
}

// Start runs a program and gives every event to sink. Canceling the context kills it.
func Start(ctx context.Context, p Program, s Spec, sink func(Event)) (*Writer, error) {
	if len(p.argv) == 0 {
		return startFranz(ctx, p.Name, s, sink)
	}
	dir, argv := p.argv[0], p.argv[1:]
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], s.Servers, strings.Join(s.Topics, ","),
		strconv.Itoa(s.Partitions), strconv.Itoa(s.Rate), strconv.FormatInt(s.FirstClient, 10), strings.Join(s.Codecs, ","))...)
	cmd.Dir = dir
	errs := &tail{}
	cmd.Stderr = errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &Writer{Name: p.Name, done: make(chan struct{}), stop: sync.OnceFunc(func() { in.Close() })}
	go func() {
		defer close(w.done)
		err := pump(out, sink)
		if err := errors.Join(err, cmd.Wait()); err != nil {
			w.err = fmt.Errorf("the writer with %s: %w: %s", p.Name, err, errs)
		}
	}()
	return w, nil
}

// pump reads lines to the end, also after a bad one, so that the program does not hang.
func pump(out io.Reader, sink func(Event)) error {
	lines := bufio.NewScanner(out)
	var bad error
	for lines.Scan() {
		e, err := parseEvent(lines.Text())
		if err != nil {
			bad = err
			continue
		}
		sink(e)
	}
	return errors.Join(bad, lines.Err())
}

// Done is closed when the writer has ended.
func (w *Writer) Done() <-chan struct{} { return w.done }

// Err says why the writer has ended, nil if it was asked to; valid when Done is closed.
func (w *Writer) Err() error { return w.err }

// Stop asks the writer to end and waits until all its events are told, or for the context.
func (w *Writer) Stop(ctx context.Context) error {
	w.stop()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return fmt.Errorf("the writer with %s does not end: %w", w.Name, ctx.Err())
	}
}

// tail keeps the end of what a program says on standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text); n > tailBytes {
		t.text = t.text[n-tailBytes:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
