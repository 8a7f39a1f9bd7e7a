package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// answerWithin bounds one answer: a little more than the programs' own limit.
const answerWithin = 90 * time.Second

// ask is a line to a program, answer the line that comes back; see the package's comment.
type ask struct {
	Do         string   `json:"do"`
	Topic      string   `json:"topic,omitempty"`
	Codec      string   `json:"codec,omitempty"`
	Partitions int      `json:"partitions,omitempty"`
	Count      int      `json:"count,omitempty"`
	TS         int64    `json:"ts,omitempty"`
	Records    []record `json:"records,omitempty"`
}

type answer struct {
	Error   string   `json:"error"`
	Version string   `json:"version"`
	Records []record `json:"records"`
}

// asked is a client: a program or kcat. An error is what the client said; any other trouble is
// one that wraps errProgram.
type asked interface {
	ask(context.Context, ask) (answer, error)
	stop() error
}

// errProgram says that a client's program is broken, not only that the client cannot do a thing.
var errProgram = errors.New("the program of the client is broken")

// program is a client's process. Not safe for concurrent use.
type program struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs *tail
}

// launch is what starts a process: argv in a directory.
type launch struct {
	dir  string
	argv []string
}

func (l launch) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.argv[0], append(l.argv[1:len(l.argv):len(l.argv)], args...)...)
	cmd.Dir = l.dir
	return cmd
}

// start starts a client. Canceling the context kills it.
func (l launch) start(ctx context.Context, servers string) (asked, error) {
	p := &program{cmd: l.command(ctx, servers), errs: &tail{}}
	p.cmd.Stderr = p.errs
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *program) ask(_ context.Context, a ask) (answer, error) {
	late := time.AfterFunc(answerWithin, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	text, err := json.Marshal(a)
	if err != nil {
		return answer{}, err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return answer{}, p.broken(a, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return answer{}, p.broken(a, err)
	}
	var r answer
	if err := json.Unmarshal(line, &r); err != nil {
		return answer{}, p.broken(a, fmt.Errorf("%w in %.200q", err, line))
	}
	if r.Error != "" {
		return answer{}, errors.New(r.Error)
	}
	return r, nil
}

func (p *program) broken(a ask, err error) error {
	return fmt.Errorf("%w: %s: %w; its errors end with %q", errProgram, a.Do, err, p.errs)
}

// stop ends the process.
func (p *program) stop() error {
	late := time.AfterFunc(answerWithin, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := errors.Join(p.in.Close(), p.cmd.Wait()); err != nil {
		return fmt.Errorf("%w: it ended with %w; its errors end with %q", errProgram, err, p.errs)
	}
	return nil
}

// tail keeps the end of what a process writes, for messages.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
