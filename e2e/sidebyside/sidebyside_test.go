package sidebyside

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

// TestSideBySide plays the script. It takes a minute, and is left out of short runs and of machines without Java.
func TestSideBySide(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	home := kafka.Need(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root) // where the binary is built from
	dir := t.TempDir()
	bin, err := trial.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := Session()
	if err != nil {
		t.Fatal(err)
	}
	report, err := Play(t.Context(), home, bin, dir, steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
}

// TestParse: what a script may hold.
func TestParse(t *testing.T) {
	steps, err := parse("# remark\n\nkafka-topics $B --topic 'a b'\n< one\n<\nsorted kafka-x $ADDR $DIR/f\n")
	if err != nil || len(steps) != 2 || steps[0].Stdin != "one\n\n" || steps[0].Sorted || !steps[1].Sorted || steps[1].Number() != 2 {
		t.Fatalf("%+v, %v", steps, err)
	}
	tool, args := steps[0].words("h:1", "/d")
	if tool != "kafka-topics" || !slices.Equal(args, []string{"--bootstrap-server", "h:1", "--topic", "a b"}) {
		t.Errorf("%s %q", tool, args)
	}
	if _, args := steps[1].words("h:1", "/d"); !slices.Equal(args, []string{"h:1", "/d/f"}) {
		t.Errorf("%q", args)
	}
	if _, err := parse("< input\n"); err == nil {
		t.Error("input without a command passed")
	}
}

// TestOutcome: what is masked, and what is not.
func TestOutcome(t *testing.T) {
	f := func(s Step, r kafka.Result, want ...string) {
		t.Helper()
		if got := outcome(r, s, "127.0.0.1:4567", "/tmp/d"); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	f(Step{}, kafka.Result{Out: "Cluster ID: dGhhbHdlZy1lMmUta2Fma2\nlistening on 127.0.0.1:4567, port 4567 of 127.0.0.1\n", Code: 3},
		"Cluster ID: ID", "listening on ADDR, port PORT of HOST", "exit 3")
	f(Step{}, kafka.Result{Out: "at 1700000000000 in /tmp/d/data: 12345\n", Err: "bad\n\tat a.b.C.d(E.java:1)\nCaused by: x\n"},
		"at TIME in DIR/data: 12345", "! bad", "exit 0")
	f(Step{Sorted: true}, kafka.Result{Out: "b\na\n"}, "a", "b", "exit 0")
	f(Step{}, kafka.Result{Out: "b\na\n"}, "b", "a", "exit 0")
	f(Step{Sorted: true}, kafka.Result{Out: "Topic: t Configs: b=1,a=2\n[{\"partition\":2},{\"partition\":1}]\n"},
		"Topic: t Configs: a=2,b=1", `[{"partition":1},{"partition":2}]`, "exit 0")
}

// TestSpoken: Java's words about an error count once, and its sentence stays.
func TestSpoken(t *testing.T) {
	f := func(lines []string, want ...string) {
		t.Helper()
		if got := spoken(lines); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	f([]string{"Error: no such topic", "! [DATE] ERROR java.lang.RuntimeException: no such topic", "!  (org.apache.kafka.tools.TopicCommand)", "exit 1"},
		"Error: no such topic", "exit 1")
	f([]string{"! java.util.concurrent.ExecutionException: a sentence: with a colon", "exit 1"}, "! a sentence: with a colon", "exit 1")
	f([]string{"! java.util.concurrent.ExecutionException: org.apache.kafka.common.errors.AnyException: refused", "exit 1"}, "! refused", "exit 1")
	f([]string{"! wrong", "! Option Description", "! --a b", "exit 1"}, "! wrong", "(options)", "exit 1")
}

// TestCompare: a deviation is told, an exception takes it away and is counted, and an API that is not served is missing.
func TestCompare(t *testing.T) {
	saved := exceptions
	defer func() { exceptions = saved }()
	exceptions = []exception{except(brokers, "topics", "^odd", "it is odd"), except(tools, "topics", "^even", "it is even")}
	f := func(kafka, java, ours []string, verdicts ...string) {
		t.Helper()
		row := Row{Step: Step{Line: "kafka-topics", number: 1}, Outcomes: [3][]string{kafka, java, ours}}
		row.compare()
		if got := []string{row.Verdict(0), row.Verdict(1)}; !slices.Equal(got, verdicts) {
			t.Errorf("%q: %q", got, row.differs)
		}
	}
	a, b, odd := []string{"a", "exit 0"}, []string{"b", "exit 0"}, []string{"a", "odd", "exit 0"}
	f(a, a, a, "equal", "equal")
	f(a, b, b, "**DIFFERS**", "equal")
	f(a, a, b, "equal", "**DIFFERS**")
	f(odd, a, a, "excepted", "equal")
	f(a, a, []string{"a", "exit 1"}, "equal", "**DIFFERS**")
	f(a, []string{"The node does not support LIST_X", "exit 1"}, b, "no LIST_X", "no LIST_X")
	f(a, a, []string{`! thalweg: there is no command "kafka-x"`, "exit 2"}, "equal", "no kafka-x")
	f([]string{" Old(1): 0", " New(2): 0", "exit 0"}, []string{" Old(1): 0", " New(2): UNSUPPORTED,", "exit 0"}, []string{" Old(1): 0", " New(2): UNSUPPORTED,", "exit 0"}, "equal", "equal")

	r := Report{}
	row := Row{Step: Step{Line: "kafka-topics", number: 1}, Outcomes: [3][]string{odd, a, a}}
	row.compare()
	r.add(row)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "it is even") || strings.Contains(err.Error(), "it is odd") {
		t.Errorf("an exception without work: %v", err)
	}
}
