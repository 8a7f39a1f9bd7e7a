package sidebyside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/trial"
)

const (
	oursWithin  = 60 * time.Second // for one of our tools
	againWithin = 5 * time.Second  // until two brokers' views of their clusters agree
	againAfter  = 100 * time.Millisecond
)

// settings are given to both brokers; Thalweg names on its standard error those that it does without.
var settings = map[string]string{
	"offsets.topic.replication.factor":                 "1",
	"offsets.topic.num.partitions":                     "5",
	"transaction.state.log.replication.factor":         "1",
	"transaction.state.log.min.isr":                    "1",
	"transaction.state.log.num.partitions":             "5",
	"group.initial.rebalance.delay.ms":                 "0",
	"share.coordinator.state.topic.replication.factor": "1",
	"share.coordinator.state.topic.min.isr":            "1",
	"share.coordinator.state.topic.num.partitions":     "5",
}

// withoutELR formats the other cluster without eligible leader replicas, with which it would keep min.insync.replicas as a
// cluster-wide default and show it wherever configs are shown. Thalweg has none yet.
var withoutELR = []string{"--feature", "eligible.leader.replicas.version=0"}

// system is one broker and the tools that talk to it.
type system struct {
	addr, dir string
	run       func(ctx context.Context, tool, stdin string, args []string) (kafka.Result, error)
}

func (s system) play(ctx context.Context, step Step) ([]string, error) {
	tool, args := step.words(s.addr, s.dir)
	r, err := s.run(ctx, tool, step.Stdin, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step.Line, err)
	}
	return outcome(r, step, s.addr, s.dir), nil
}

// Play plays the script and compares. dir takes data and files of the brokers; bin is Thalweg's binary. An error says that
// something could not be run; deviations are in the report.
func Play(ctx context.Context, home kafka.Home, bin, dir string, steps []Step) (*Report, error) {
	shell, err := home.Shell(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = shell.Close() }()
	java := func(_ context.Context, tool, stdin string, args []string) (kafka.Result, error) {
		return shell.Run(tool, stdin, args...)
	}
	dirs := [3]string{filepath.Join(dir, "1-kafka"), filepath.Join(dir, "2-thalweg"), filepath.Join(dir, "3-thalweg")}
	for _, d := range dirs {
		if err := writeFiles(d); err != nil {
			return nil, err
		}
	}
	real, err := home.Start(ctx, filepath.Join(dirs[0], "data"), settings, withoutELR...)
	if err != nil {
		return nil, err
	}
	defer real.Kill()
	a, stopA, err := thalweg(bin, dirs[1])
	if err != nil {
		return nil, err
	}
	defer stopA()
	b, stopB, err := thalweg(bin, dirs[2])
	if err != nil {
		return nil, err
	}
	defer stopB()
	report := &Report{Version: home.Version}
	systems := [3]system{{real.Addr, dirs[0], java}, {a.Addr(), dirs[1], java}, {b.Addr(), dirs[2], ours(bin)}}
	for _, step := range steps {
		row, err := playStep(ctx, systems, step)
		if err != nil {
			return nil, err
		}
		report.add(row)
	}
	return report, errors.Join(a.Alarm(), b.Alarm())
}

// playStep plays one step in the three systems; a step that reads is repeated while they differ.
func playStep(ctx context.Context, systems [3]system, step Step) (row Row, err error) {
	for begin := time.Now(); ; {
		row = Row{Step: step}
		for i, s := range systems {
			if row.Outcomes[i], err = s.play(ctx, step); err != nil {
				return row, err
			}
		}
		row.compare()
		if row.equal() || !step.reads() || time.Since(begin) > againWithin {
			return row, nil
		}
		select {
		case <-ctx.Done():
			return row, ctx.Err()
		case <-time.After(againAfter):
		}
	}
}

func thalweg(bin, dir string) (*trial.Broker, func(), error) {
	var overrides []string
	for k, v := range settings {
		overrides = append(overrides, k+"="+v)
	}
	b := trial.NewBroker(bin, filepath.Join(dir, "data"), overrides...)
	if err := b.Start(); err != nil {
		return nil, nil, err
	}
	return b, func() { _ = b.Kill() }, nil
}

// files are what command lines name as $DIR/NAME.
var files = map[string]string{
	"delete.json":   `{"partitions": [{"topic": "p", "partition": 1, "offset": 2}], "version": 1}`,
	"beyond.json":   `{"partitions": [{"topic": "p", "partition": 1, "offset": 99}], "version": 1}`,
	"elect.json":    `{"partitions": [{"topic": "p", "partition": 0}, {"topic": "nosuch", "partition": 0}]}`,
	"elect-ok.json": `{"partitions": [{"topic": "p", "partition": 0}]}`,
	"topics.json":   `{"topics": [{"topic": "p"}], "version": 1}`,
	"nothing.json":  `{"partitions": [], "version": 1}`,
	"broken.json":   `{"partitions": `,
	"topic.config":  "retention.ms=700000000\nsegment.bytes=2000000\n",
}

func writeFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ours runs a tool of the binary as a process.
func ours(bin string) func(context.Context, string, string, []string) (kafka.Result, error) {
	return func(ctx context.Context, tool, stdin string, args []string) (r kafka.Result, err error) {
		ctx, cancel := context.WithTimeout(ctx, oursWithin)
		defer cancel()
		cmd := exec.CommandContext(ctx, bin, append([]string{tool}, args...)...)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
		err = cmd.Run()
		r = kafka.Result{Out: out.String(), Err: errs.String(), Code: cmd.ProcessState.ExitCode()}
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = nil
		}
		return r, err
	}
}
