package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
)

// The commands about groups against our own broker: a group is made, stands somewhere, is moved and goes.
func TestGroupsHere(t *testing.T) {
	addr := brokertest.Start(t).Addr()
	f := func(wantCode int, want, stdin string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		code, errs := with(t, t.Context(), strings.NewReader(stdin), &out, append(args, "-b", addr)...)
		if got := out.String() + errs; code != wantCode || got != want {
			t.Errorf("%v: exit %d, %q", args, code, got)
		}
	}
	if code, errs := with(t, t.Context(), strings.NewReader("1\n2\n3\n"), io.Discard, "produce", "orders", "-b", addr); code != 0 {
		t.Fatal(errs)
	}
	f(0, "orders\t0\t-\t1\twould be moved\n", "", "group", "reset-offsets", "billing", "--topic", "orders", "--to", "1", "--dry-run")
	f(0, "orders\t0\t-\t1\tmoved\n", "", "group", "reset-offsets", "billing", "--topic", "orders", "--to", "1")
	f(0, "billing\torders\t0\t1\t3\t2\t-\t-\t-\n", "", "group", "describe", "billing", "--no-times")
	f(0, "orders\t0\t1\t2\tmoved\n", "", "group", "reset-offsets", "billing", "--shift", "1")
	f(0, "orders\t0\t2\t2\tunchanged\n", "", "group", "reset-offsets", "billing", "--to", "-1")
	f(0, "group\tbilling\tdeleted\t-\n", "", "group", "delete", "billing")
	f(1, "thalweg: cannot describe group billing: The group id does not exist; \"thalweg group ls\" lists those there are\n", "", "group", "describe", "billing")
	f(0, "", "", "group", "ls")
}

// consume --group, and Kafka's console consumer, of both protocols: a group goes on where it stands, --from counts only where it has
// committed nothing, what was shown is committed and nothing more, and the group is left.
func TestConsumeGroupHere(t *testing.T) {
	addr := brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0"),
		brokertest.WithProperty("group.consumer.assignment.interval.ms", "0")).Addr()
	f := func(wantCode int, want string, line string) {
		t.Helper()
		var out bytes.Buffer
		code, errs := with(t, t.Context(), nil, &out, append(strings.Fields(line), "-b", addr)...)
		if got := out.String() + errs; code != wantCode || got != want {
			t.Errorf("%s: exit %d, %q", line, code, got)
		}
	}
	if code, errs := with(t, t.Context(), strings.NewReader("1\n2\n3\n4\n5\n"), io.Discard, "produce", "orders", "-q", "-b", addr); code != 0 {
		t.Fatal(errs)
	}
	for _, protocol := range []string{"classic", "consumer"} {
		g := " -g " + protocol + " -X group.protocol=" + protocol
		at := func(offset, lag string) {
			t.Helper()
			f(0, protocol+"\torders\t0\t"+offset+"\t5\t"+lag+"\t-\t-\t-\n", "group describe --no-times "+protocol)
		}
		f(0, "1\n2\n", "consume orders -n 2"+g)
		at("2", "3")
		f(0, "3\n", "consume orders --from end -n 1"+g)
		f(0, "5\n", "consume orders --value 5"+g)
		at("5", "0")
		f(0, "", "consume orders"+g)
		f(0, "", "consume orders --from end -g other"+protocol+" -X group.protocol="+protocol)
		f(0, "5\n", "consume orders --from -1 -g third"+protocol+" -X group.protocol="+protocol)
	}
	f(2, "thalweg: --group reads what the group gives us, from where it stands; --to is for reading without one\n", "consume orders -g g --to 3")
	f(2, "thalweg: --group reads what the group gives us, from where it stands; --partition is for reading without one\n", "consume orders -g g -p 0")
	f(1, "thalweg: invalid client configuration: session.timeout.ms cannot be set when group.protocol=CONSUMER\n", "consume orders -g g -X group.protocol=consumer -X session.timeout.ms=6000")
}

// Ctrl-C commits what was shown and leaves the group at once: whoever comes next need not wait until a session is over.
func TestConsumeGroupInterrupted(t *testing.T) {
	addr := brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0")).Addr()
	produce := func(text string) {
		t.Helper()
		if code, errs := with(t, t.Context(), strings.NewReader(text), io.Discard, "produce", "orders", "-q", "-b", addr); code != 0 {
			t.Fatal(errs)
		}
	}
	produce("1\n2\n")
	for _, protocol := range []string{"classic", "consumer"} {
		args := []string{"consume", "orders", "-f", "-g", protocol, "-X", "group.protocol=" + protocol, "-b", addr}
		ctx, interrupt := context.WithCancel(t.Context())
		out, ended := &lines{ch: make(chan string, 16)}, make(chan string, 1)
		go func() {
			code, errs := with(t, ctx, nil, out, args...)
			ended <- fmt.Sprint(code, " ", errs)
		}()
		out.want(t, "1")
		out.want(t, "2")
		interrupt()
		if got := <-ended; got != "130 " {
			t.Errorf("%s: %q", protocol, got)
		}
		var said bytes.Buffer
		code, errs := with(t, t.Context(), nil, &said, "group", "describe", "--no-times", protocol, "-b", addr)
		if want := protocol + "\torders\t0\t2\t2\t0\t-\t-\t-\n"; code != 0 || said.String() != want {
			t.Errorf("%s: exit %d, %q %s", protocol, code, said.String(), errs)
		}
		said.Reset()
		if code, errs := with(t, t.Context(), nil, &said, "group", "ls", "-b", addr); code != 0 || !strings.Contains(said.String(), protocol+"\tEmpty\t") {
			t.Errorf("%s: exit %d, %q %s", protocol, code, said.String(), errs)
		}
	}
}

// What did not reach the reader of our output is not committed: whoever comes next gets it.
func TestConsumeGroupBrokenPipe(t *testing.T) {
	addr := brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0")).Addr()
	if code, errs := with(t, t.Context(), strings.NewReader("1\n2\n3\n"), io.Discard, "produce", "orders", "-q", "-b", addr); code != 0 {
		t.Fatal(errs)
	}
	if code, errs := with(t, t.Context(), nil, &gone{left: 3}, "consume", "orders", "-g", "g", "-b", addr); code != 0 || errs != "" {
		t.Errorf("exit %d, %q", code, errs)
	}
	var out bytes.Buffer
	if code, errs := with(t, t.Context(), nil, &out, "consume", "orders", "-g", "g", "-b", addr); code != 0 || out.String() != "1\n2\n3\n" {
		t.Errorf("exit %d, %q, %s", code, out.String(), errs)
	}
}

// Two of them share a topic, and what one has not read the other one does.
func TestConsumeGroupShared(t *testing.T) {
	addr := brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0")).Addr()
	run := func(in io.Reader, args ...string) {
		t.Helper()
		if code, errs := with(t, t.Context(), in, io.Discard, append(args, "-b", addr)...); code != 0 {
			t.Fatal(errs)
		}
	}
	run(nil, "topic", "create", "shared", "-p", "4")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, ended := &lines{ch: make(chan string, 1000)}, make(chan int, 2)
	for range 2 {
		go func() {
			code, _ := with(t, ctx, nil, out, "consume", "shared", "-f", "-g", "both", "-b", addr)
			ended <- code
		}()
	}
	seen := map[string]int{}
	for i := range 200 {
		run(strings.NewReader(fmt.Sprintf(`{"partition":%d,"value":"%d"}`+"\n", i%4, i)), "produce", "shared", "-i", "json", "-q")
	}
	for len(seen) < 200 {
		select {
		case line := <-out.ch:
			seen[line]++
		case <-time.After(within):
			t.Fatalf("%d of 200 records were read", len(seen))
		}
	}
	interrupt()
	if a, b := <-ended, <-ended; a != 130 || b != 130 {
		t.Errorf("exit %d and %d", a, b)
	}
}

// Kafka's consumers of its tools, as members of groups of either protocol: they go on where the group stands.
func TestToolsInGroups(t *testing.T) {
	addr := brokertest.Start(t, brokertest.WithProperty("group.initial.rebalance.delay.ms", "0"),
		brokertest.WithProperty("group.consumer.assignment.interval.ms", "0")).Addr()
	if code, errs := with(t, t.Context(), strings.NewReader("1\n2\n3\n4\n5\n"), io.Discard, "produce", "orders", "-q", "-b", addr); code != 0 {
		t.Fatal(errs)
	}
	f := func(wantCode int, want, line string) {
		t.Helper()
		var out bytes.Buffer
		code, errs := with(t, t.Context(), nil, &out, append(strings.Fields(line), "--bootstrap-server", addr)...)
		if got := out.String() + errs; code != wantCode || !strings.HasPrefix(got, want) {
			t.Errorf("%s: exit %d, %q", line, code, got)
		}
	}
	for _, protocol := range []string{"classic", "consumer"} {
		console := "kafka-console-consumer --topic orders --group console-" + protocol + " --command-property group.protocol=" + protocol
		f(0, "1\n2\nProcessed a total of 2 messages\n", console+" --from-beginning --max-messages 2")
		f(0, "3\nProcessed a total of 1 messages\n", console+" --from-beginning --max-messages 1")
		f(0, "4\n5\nProcessed a total of 2 messages\n", console+" --max-messages 2")
		f(0, `{"timestamp":`, "kafka-verifiable-consumer --topic orders --group-id verify-"+protocol+" --max-messages 5 --group-protocol "+protocol)
	}
	f(1, "invalid client configuration: heartbeat.interval.ms cannot be set when group.protocol=CONSUMER\n",
		"kafka-console-consumer --topic orders --group g --command-property group.protocol=consumer --command-property heartbeat.interval.ms=1000")
}
