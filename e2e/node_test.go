package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Bounds on what a healthy process needs; far above what it takes on a slow machine.
const (
	readyWithin = 30 * time.Second
	stopWithin  = 30 * time.Second
	endsAtOnce  = 5 * time.Second
)

var readyLine = regexp.MustCompile(`listening on PLAINTEXT://(\S+)`)

// alarms in a process's output fail its test, whatever else went well.
var alarms = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*|WARNING: DATA RACE.*)|BUG: .*|FATAL: .*`)

// output collects what a process prints and finds the line that says it is ready.
type output struct {
	mu struct {
		sync.Mutex
		text  bytes.Buffer
		found bool
	}
	ready chan string // the address, once
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.text.Write(p)
	if o.mu.found {
		return len(p), nil
	}
	whole := o.mu.text.Bytes()
	if m := readyLine.FindSubmatch(whole[:bytes.LastIndexByte(whole, '\n')+1]); m != nil {
		o.mu.found = true
		o.ready <- string(m[1])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.text.String()
}

// tail is the end of the output, for messages.
func (o *output) tail() string {
	lines := strings.Split(strings.TrimRight(o.String(), "\n"), "\n")
	return "output of the process ends with:\n\t" + strings.Join(lines[max(0, len(lines)-40):], "\n\t")
}

// process is one run of the binary.
type process struct {
	cmd    *exec.Cmd
	out    *output
	exited chan struct{} // closed when the process is gone and its output complete
}

// launch starts the binary with a data directory, an address (port 0: any) and overrides
// "key=value". The process is killed at the end of the test, if it still runs then.
func launch(t *testing.T, dir, addr string, overrides ...string) *process {
	t.Helper()
	args := []string{"server", "--override", "listeners=PLAINTEXT://" + addr, "--override", "log.dirs=" + dir}
	for _, o := range overrides {
		args = append(args, "--override", o)
	}
	return launchWith(t, nil, args...)
}

// launchWith starts the binary with words and additions to the environment.
func launchWith(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{
		cmd:    exec.Command(binary(t), args...),
		out:    &output{ready: make(chan string, 1)},
		exited: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is read from ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if alarm := alarms.FindString(p.out.String()); alarm != "" {
			t.Errorf("the process said %q; %s", alarm, p.out.tail())
		} else if t.Failed() {
			t.Log(p.out.tail())
		}
	})
	return p
}

// awaitReady returns the address on which the process listens.
func (p *process) awaitReady() (string, error) {
	select {
	case addr := <-p.out.ready:
		return addr, nil
	case <-p.exited:
		return "", fmt.Errorf("ended with code %d before it was ready", p.cmd.ProcessState.ExitCode())
	case <-time.After(readyWithin):
		return "", fmt.Errorf("not ready within %v", readyWithin)
	}
}

// awaitExit returns the exit code; -1 if a signal ended the process.
func (p *process) awaitExit(within time.Duration) (int, error) {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(within):
		return 0, fmt.Errorf("still runs after %v", within)
	}
}

// node is a broker with a data directory, over several runs of its process.
type node struct {
	*process
	t         *testing.T
	dir       string
	addr      string // host:port, the same for all runs
	overrides []string
}

// startNode starts a broker on an empty directory and a free port.
func startNode(t *testing.T, overrides ...string) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), addr: "127.0.0.1:0", overrides: overrides}
	n.start()
	return n
}

// start starts the node's process (again) and waits until it is ready.
func (n *node) start() {
	n.t.Helper()
	n.process = launch(n.t, n.dir, n.addr, n.overrides...)
	addr, err := n.awaitReady()
	if err != nil {
		n.t.Fatal(err)
	}
	if n.addr = addr; strings.HasSuffix(addr, ":0") {
		n.t.Fatalf("the ready line names %s, which is not the real port", addr)
	}
	for _, o := range n.overrides {
		key, _, _ := strings.Cut(o, "=")
		if strings.Contains(n.out.String(), key+" has no effect") {
			n.t.Errorf("%s has no effect, but the test hangs on it", key)
		}
	}
}

// stop ends the process with SIGTERM and wants a clean exit.
func (n *node) stop() {
	n.t.Helper()
	n.signal(syscall.SIGTERM)
	code, err := n.awaitExit(stopWithin)
	if err != nil {
		n.t.Fatalf("after SIGTERM: %v", err)
	}
	if code != 0 {
		n.t.Fatalf("clean stop ended with code %d", code)
	}
}

// kill ends the process with SIGKILL: nothing of it runs after that.
func (n *node) kill() {
	n.t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatalf("kill: %v", err)
	}
	if _, err := n.awaitExit(stopWithin); err != nil {
		n.t.Fatalf("after SIGKILL: %v", err)
	}
}

func (p *process) signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // an error means that it has ended, which awaitExit reports
}

// needSignals skips a test where processes cannot be asked to stop.
func needSignals(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal that asks another process to stop")
	}
}

// command runs a client to its end and returns what it printed to stdout.
func command(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	out, err := run(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// clientWithin bounds the run of any client process.
const clientWithin = 2 * time.Minute

func run(t *testing.T, cmd *exec.Cmd) ([]byte, error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	timer := time.AfterFunc(clientWithin, func() { _ = cmd.Process.Kill() })
	err := cmd.Start()
	if err == nil {
		err = cmd.Wait()
	}
	if !timer.Stop() {
		err = errors.Join(err, fmt.Errorf("killed after %v", clientWithin))
	}
	if err != nil {
		return out.Bytes(), fmt.Errorf("%v: %w\n%s", cmd.Args[1:], err, errs.Bytes())
	}
	return out.Bytes(), nil
}

// tailed is a client that runs beside the test.
type tailed struct {
	out, errs bytes.Buffer
	exited    chan struct{}
	err       error
}

// follow starts a client; it is killed at the end of the test if it still runs.
func follow(t *testing.T, cmd *exec.Cmd) *tailed {
	t.Helper()
	f := &tailed{exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &f.out, &f.errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		f.err = cmd.Wait()
		close(f.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-f.exited
	})
	return f
}

// done reports whether the client has ended.
func (f *tailed) done() bool {
	select {
	case <-f.exited:
		return true
	default:
		return false
	}
}

// lines waits for the client's end and returns what it has printed.
func (f *tailed) lines() ([]string, error) {
	select {
	case <-f.exited:
	case <-time.After(clientWithin):
		return nil, fmt.Errorf("still runs after %v", clientWithin)
	}
	if f.err != nil {
		return nil, fmt.Errorf("%w: %s", f.err, f.errs.String())
	}
	return strings.Split(strings.TrimSpace(f.out.String()), "\n"), nil
}
