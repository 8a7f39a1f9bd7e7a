//go:build unix

package e2e

import (
	"syscall"
	"testing"
)

// TestSecondSignal sends a second signal while the first is being obeyed: the process ends at
// once, and what was acknowledged is there afterwards. Both signals reach it at the same time,
// because it is stopped until both are pending.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	f := franz{broker: n.addr, topic: "cut-short", codec: "none", to: size(5000), exact: true,
		workload: workload{seed: 700, baseMs: anHourAgo()}}
	j := produceAll(t, f)
	n.signal(syscall.SIGSTOP)
	n.signal(syscall.SIGINT)
	n.signal(syscall.SIGTERM)
	n.signal(syscall.SIGCONT)
	if _, err := n.awaitExit(endsAtOnce); err != nil {
		t.Fatalf("after two signals: %v", err)
	}
	n.start()
	if got := verifyAll(t, f, j); got != f.to {
		t.Errorf("%d records are there, want %d", got, f.to)
	}
}

// TestInterrupt stops a broker as Ctrl-C does.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.works(t, "interrupted")
	n.signal(syscall.SIGINT)
	if code, err := n.awaitExit(stopWithin); err != nil || code != 0 {
		t.Errorf("Ctrl-C ended the broker with code %d, %v", code, err)
	}
}
