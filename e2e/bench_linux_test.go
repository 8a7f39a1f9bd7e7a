package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// benchWithin bounds a run of the rig with very little work.
const benchWithin = 2 * time.Minute

// measure starts the rig and returns it with what it will print.
func measure(t *testing.T, dir string, args ...string) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(binary(t), append([]string{"bench", "--dir", t.TempDir(), "--json", filepath.Join(dir, "report.json"), "--page", filepath.Join(dir, "page.md"),
		"--plots", filepath.Join(dir, "plots")}, args...)...)
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, errs
	timer := time.AfterFunc(benchWithin, func() { _ = cmd.Process.Kill() }) // fails the test by what it says then
	t.Cleanup(func() { timer.Stop() })
	return cmd, out, errs
}

// benchReport is what the tests look at in a report of the rig.
type benchReport struct {
	Brokers []any `json:"brokers"`
	Curves  []any `json:"curves"`
	Rows    []struct {
		ID    string `json:"id"`
		Noop  any    `json:"noop"`
		Cells []struct {
			Value, Ratio any
			Failed       string
		} `json:"cells"`
	} `json:"rows"`
}

func readReport(t *testing.T, dir string) benchReport {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r benchReport
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBench measures a little, beside a binary of ours and a peer that does not start: the figures are there, the files too, and the
// exit code says that not everything could be measured.
func TestBench(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ends := filepath.Join(dir, "ends")
	if err := os.WriteFile(ends, []byte("#!/bin/sh\necho no room\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd, out, errs := measure(t, dir, "--only", "^(P1|A1) ", "--scale", "0.001", "--turns", "2", "--peer", "same="+binary(t), "--peer", "ends="+ends)
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(errs.String(), "P1: ends: it did not start") {
		t.Fatalf("code %d, %v\n%s", code, err, errs)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 2+5 {
		t.Errorf("%d lines, want two of P1 and five of A1\n%s", lines, out)
	}
	r := readReport(t, dir)
	if len(r.Rows) != 7 || len(r.Brokers) != 3 || len(r.Curves) != 3 {
		t.Fatalf("%d rows, %d brokers, %d curves", len(r.Rows), len(r.Brokers), len(r.Curves))
	}
	for _, row := range r.Rows {
		if c := row.Cells; c[0].Value == nil || c[1].Value == nil || c[1].Ratio == nil || c[2].Failed == "" || (row.Noop != nil) != (row.ID == "A1") {
			t.Errorf("%+v", row)
		}
	}
	plots, err := os.ReadDir(filepath.Join(dir, "plots"))
	if err != nil || len(plots) != 4 { // ratios, per GiB, per request, latency
		t.Errorf("%v, %v", plots, err)
	}
}

// TestBenchInterrupted: Ctrl-C ends a run with what there is.
func TestBenchInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd, out, _ := measure(t, dir, "--only", "^(P1|L1a) ", "--scale", "0.05")
	cmd.Stderr = nil
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "L1a ") {
			_ = cmd.Process.Signal(syscall.SIGINT) // it is there: this is about its next scenario
		}
	}
	_ = cmd.Wait() // the code is what counts
	if code := cmd.ProcessState.ExitCode(); code <= 0 || strings.Count(out.String(), "P1\t") != 2 || strings.Contains(out.String(), "L1a") {
		t.Errorf("code %d\n%s%s", code, out, &said)
	}
	if r := readReport(t, dir); len(r.Rows) != 2 || r.Rows[0].Cells[0].Value == nil {
		t.Errorf("%+v", r.Rows)
	}
}
