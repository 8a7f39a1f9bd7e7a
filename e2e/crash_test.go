package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rounds is how often a crash test kills its node.
func rounds(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("THALWEG_E2E_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("THALWEG_E2E_ROUNDS=%s", text)
		}
		return n
	}
	if testing.Short() {
		return 1
	}
	return 3
}

// TestKill kills the node again and again (kill -9) while a client produces with acks=all. After
// every restart all that was acknowledged is at the offset of its acknowledgement, every other
// record is one that the client sent, offsets have no gap, and producing goes on. That holds
// under both policies: the page cache outlives a process.
func TestKill(t *testing.T) {
	for _, policy := range []string{"group", "os"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, "flush.policy="+policy, fmt.Sprintf("num.partitions=%d", partitions))
			f := franz{broker: n.addr, topic: "killed", codec: "none", to: 100, plain: true,
				workload: workload{seed: 400, baseMs: anHourAgo()}}
			j := produceAll(t, f)
			for round := range rounds(t) {
				f.codec = codecs[round%len(codecs)]
				f.from, f.to = (round+1)*10_000_000, (round+2)*10_000_000
				f.untilError = true
				produceUntilKilled(t, n, f, j, size(2000)*(1+round*7%5))
				n.start()
				all := verifyAll(t, f, j)

				f.untilError = false
				f.from += 5_000_000
				f.to = f.from + 500
				merge(t, j, produceAll(t, f))
				if got := verifyAll(t, f, j); got != all+500 {
					t.Errorf("round %d: %d records before and %d after producing 500 more", round, all, got)
				}
			}
		})
	}
}

// produceUntilKilled kills the node when a producing client has had so many acknowledgements,
// and adds all of them to the journal.
func produceUntilKilled(t *testing.T, n *node, f franz, j journal, acks int) {
	t.Helper()
	p := startProducer(t, f)
	if err := p.await(acks); err != nil {
		t.Fatal(err)
	}
	n.kill()
	merge(t, j, p.finish(t))
}

func merge(t *testing.T, j, more journal) {
	t.Helper()
	for partition, acks := range more {
		for offset, n := range acks {
			if err := j.add(ack{n, partition, offset}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// producer is a producing client that runs beside the test.
type producer struct {
	cmd    *exec.Cmd
	errs   strings.Builder
	lines  chan string // acknowledgements not yet in text; closed when the client is gone
	seen   int
	text   strings.Builder
	waited sync.WaitGroup
	err    error
}

func startProducer(t *testing.T, f franz) *producer {
	t.Helper()
	p := &producer{cmd: f.command("produce"), lines: make(chan string, 1<<20)}
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.waited.Go(func() {
		p.read(out)
		p.err = p.cmd.Wait()
		close(p.lines)
	})
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		for range p.lines { // makes room for the reader
			continue
		}
		p.waited.Wait()
	})
	return p
}

func (p *producer) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.lines <- lines.Text()
	}
}

// await waits until so many acknowledgements have been printed in all.
func (p *producer) await(acks int) error {
	limit := time.After(clientWithin)
	for p.seen < acks {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return fmt.Errorf("the client ended after %d acknowledgements: %v: %s", p.seen, p.err, p.errs.String())
			}
			p.note(line)
		case <-limit:
			return fmt.Errorf("only %d acknowledgements in %v", p.seen, clientWithin)
		}
	}
	return nil
}

func (p *producer) note(line string) {
	p.seen++
	p.text.WriteString(line + "\n")
}

// finish waits for the client's end and returns all acknowledgements.
func (p *producer) finish(t *testing.T) journal {
	t.Helper()
	timer := time.AfterFunc(clientWithin, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	for line := range p.lines {
		p.note(line)
	}
	if p.err != nil {
		t.Fatalf("the client ended with %v: %s", p.err, p.errs.String())
	}
	j := journal{}
	if err := j.read(strings.NewReader(p.text.String())); err != nil {
		t.Fatal(err)
	}
	return j
}

// TestRestartUnderProducer stops and starts the node cleanly while a client produces that
// retries as clients do by default. The client sees all its records acknowledged, and all are
// at their offsets; those it sent twice may stand there twice, as there is no idempotence here.
func TestRestartUnderProducer(t *testing.T) {
	needSignals(t)
	t.Parallel()
	n := startNode(t)
	f := franz{broker: n.addr, topic: "ridden", codec: "snappy", to: size(60_000), plain: true,
		workload: workload{seed: 500, baseMs: anHourAgo()}}
	p := startProducer(t, f)
	for _, share := range []int{6, 2} {
		if err := p.await(f.to / share); err != nil {
			t.Fatal(err)
		}
		n.stop()
		n.start()
	}
	j := p.finish(t)
	if j.size() != f.to {
		t.Errorf("%d records were acknowledged, want %d", j.size(), f.to)
	}
	if got := verifyAll(t, f, j); got < f.to {
		t.Errorf("%d records are there, want at least %d", got, f.to)
	}
}
