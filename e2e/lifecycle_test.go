package e2e

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// works lets a client write and read a few records of a topic that only this call uses.
func (n *node) works(t *testing.T, topic string) {
	t.Helper()
	f := franz{broker: n.addr, topic: topic, codec: "none", to: 10, exact: true,
		workload: workload{seed: 600, baseMs: anHourAgo()}}
	if got := verifyAll(t, f, produceAll(t, f)); got != f.to {
		t.Errorf("%d records are there, want %d", got, f.to)
	}
}

// refused wants a process to end with code 1, not having listened, and to have said all of
// words (regular expressions).
func refused(t *testing.T, p *process, words ...string) {
	t.Helper()
	code, err := p.awaitExit(readyWithin)
	if err != nil {
		t.Fatalf("%v; %s", err, p.out.tail())
	}
	if code != 1 {
		t.Errorf("the code is %d, want 1", code)
	}
	text := p.out.String()
	for _, w := range words {
		if !regexp.MustCompile(w).MatchString(text) {
			t.Errorf("nothing like %q was said; %s", w, p.out.tail())
		}
	}
	if readyLine.MatchString(text) {
		t.Errorf("it said that it listens; %s", p.out.tail())
	}
	if strings.Contains(text, "goroutine ") {
		t.Errorf("it shows a stack instead of a reason; %s", p.out.tail())
	}
}

// TestAddressInUse starts a second broker on the address of a first one.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	refused(t, launch(t, t.TempDir(), n.addr), regexp.QuoteMeta(n.addr), "in use")
	n.works(t, "undisturbed")
}

// TestDirectoryInUse starts a second broker on the data directory of a first one: it is refused
// in clear words, does not disturb the first, and the lock dies with its holder.
func TestDirectoryInUse(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.works(t, "before")
	for range 2 {
		refused(t, launch(t, n.dir, "127.0.0.1:0"), regexp.QuoteMeta(n.dir), `(?i)lock|in use|another`)
	}
	n.works(t, "after")
	n.kill()
	n.start()
	n.works(t, "restarted")
}

// TestStopWithClients stops a broker on which clients wait: they do not hold it up.
func TestStopWithClients(t *testing.T) {
	needSignals(t)
	t.Parallel()
	n := startNode(t)
	n.works(t, "waited-for")
	waiting := franz{broker: n.addr, topic: "waited-for", at: "end", count: 1}
	follow(t, waiting.command("tail"))
	idle, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	half, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	if _, err := half.Write([]byte{0, 0, 1, 0, 0, 3}); err != nil { // the head of a frame that never ends
		t.Fatal(err)
	}
	begin := time.Now()
	n.stop()
	if took := time.Since(begin); took > stopWithin/3 {
		t.Errorf("a clean stop took %v", took)
	}
	n.start()
	n.works(t, "restarted")
}

// TestUnknownTopic asks for a topic that does not exist where none is created.
func TestUnknownTopic(t *testing.T) {
	t.Parallel()
	n := startNode(t, "auto.create.topics.enable=false")
	f := franz{broker: n.addr, topic: "nowhere", codec: "none", to: 1, untilError: true}
	if out := command(t, f.command("produce")); len(out) > 0 {
		t.Errorf("franz-go wrote into a topic that does not exist: %s", out)
	}
	t.Run("kcat", func(t *testing.T) {
		needKcat(t)
		m := n.metadata(t, "-t", "nowhere")
		if len(m.Topics) != 1 || !strings.Contains(m.Topics[0].Error, "Unknown topic") || len(m.Topics[0].Partitions) != 0 {
			t.Errorf("metadata of an unknown topic: %+v", m.Topics)
		}
		cmd := n.kcat("-P", "-t", "nowhere", "-X", "topic.metadata.propagation.max.ms=500", "-X", "message.timeout.ms=3000")
		cmd.Stdin = strings.NewReader("nothing\n")
		if _, err := run(t, cmd); err == nil || !strings.Contains(err.Error(), "Unknown topic") {
			t.Errorf("kcat wrote into an unknown topic: %v", err)
		}
		if m := n.metadata(t); len(m.Topics) != 0 {
			t.Errorf("there are topics: %+v", m.Topics)
		}
	})
}

// TestMetadata reads the cluster's metadata with kcat, before and after a restart.
func TestMetadata(t *testing.T) {
	needSignals(t)
	needKcat(t)
	t.Parallel()
	n := startNode(t, fmt.Sprintf("num.partitions=%d", partitions))
	if m := n.metadata(t); len(m.Topics) != 0 || len(m.Brokers) != 1 || m.Brokers[0].Name != n.addr {
		t.Errorf("metadata of an empty broker at %s: %+v", n.addr, m)
	}
	n.works(t, "one")
	n.works(t, "two")
	check := func() {
		t.Helper()
		m := n.metadata(t)
		if len(m.Brokers) != 1 || m.Brokers[0].Name != n.addr {
			t.Fatalf("brokers are %+v, want one at %s", m.Brokers, n.addr)
		}
		me := m.Brokers[0].ID
		names := map[string]bool{}
		for _, tp := range m.Topics {
			names[tp.Topic] = true
			if tp.Error != "" || len(tp.Partitions) != partitions {
				t.Errorf("topic %s has %d partitions, want %d; error %q", tp.Topic, len(tp.Partitions), partitions, tp.Error)
			}
			for i, p := range tp.Partitions {
				if int(p.Partition) != i || p.Leader != me || p.Error != "" ||
					len(p.Replicas) != 1 || p.Replicas[0].ID != me || len(p.ISRs) != 1 || p.ISRs[0].ID != me {
					t.Errorf("topic %s: %+v, want partition %d led by and replicated on %d", tp.Topic, p, i, me)
				}
			}
		}
		if len(names) != 2 || !names["one"] || !names["two"] {
			t.Errorf("topics are %v", names)
		}
	}
	check()
	n.stop()
	n.start()
	check()
	n.kill()
	n.start()
	check()
}
