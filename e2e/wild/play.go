package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// linesWithin bounds how long a process may take until it has printed what it must.
const linesWithin = 2 * time.Minute

// step is one process of a program. It runs until it ends, which it must do well, or, if it says
// something, until it has said that.
type step struct {
	file string
	says string // a line
	wait bool   // the next steps begin before it has said it
	// joins is the group of which it is the only member: the next steps begin when it has joined, as a person starts
	// the consumer first and sees it run.
	joins string
}

// stage is where programs run.
type stage struct {
	dir, servers string // the working directory of the processes, and the broker
}

// play runs the steps of a program, whose sources are copied with the broker's address in them.
// Those that wait are started first and must have said their line when all others have ended.
func (s stage) play(ctx context.Context, from string, argv []string, steps []step) error {
	ctx, cancel := context.WithTimeout(ctx, linesWithin)
	defer cancel()
	inside, err := os.MkdirTemp("", "thalweg-wild-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(inside)
	waiting := make(chan error, len(steps))
	begun := 0
	for _, one := range steps {
		cmd, out, err := s.start(ctx, from, inside, argv, one)
		if err != nil {
			return err
		}
		finish := func() error { return watch(cmd, out, one) }
		if one.wait {
			begun++
			go func() { waiting <- finish() }()
			if err := s.joined(ctx, one.joins); err != nil {
				cancel()
				return errors.Join(err, drain(waiting, begun))
			}
		} else if err := finish(); err != nil {
			cancel()
			return errors.Join(err, drain(waiting, begun))
		}
	}
	return drain(waiting, begun)
}

// joined waits until a group is stable; no name is no group.
func (s stage) joined(ctx context.Context, group string) error {
	if group == "" {
		return nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers))
	if err != nil {
		return err
	}
	defer cl.Close()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		groups, err := kadm.NewClient(cl).DescribeGroups(ctx, group)
		if err == nil && groups[group].State == "Stable" {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("group %s is %q: %w", group, groups[group].State, ctx.Err())
		}
	}
}

// drain waits for the processes that wait.
func drain(waiting chan error, n int) (err error) {
	for range n {
		err = errors.Join(err, <-waiting)
	}
	return err
}

func (s stage) start(ctx context.Context, from, inside string, argv []string, one step) (*exec.Cmd, io.Reader, error) {
	text, err := os.ReadFile(filepath.Join(from, one.file))
	if err != nil {
		return nil, nil, err
	}
	name := filepath.Join(inside, one.file)
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(text), "localhost:9092", s.servers)), 0o600); err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:len(argv):len(argv)], name)...)
	cmd.Dir, cmd.WaitDelay = s.dir, time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stderr = &strings.Builder{} // read when the process has ended
	return cmd, out, cmd.Start()
}

// watch reads what a process prints and ends it when it has said its line.
func watch(cmd *exec.Cmd, out io.Reader, one step) error {
	var said []string
	found := one.says == ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
		if one.says != "" && lines.Text() == one.says {
			found = true
			_ = cmd.Process.Kill()
			break
		}
	}
	err := cmd.Wait()
	switch {
	case !found:
		return fmt.Errorf("%s did not print %q but %q (%v): %.2000s", one.file, one.says, said, err, cmd.Stderr)
	case one.says == "" && err != nil:
		return fmt.Errorf("%s: %w: %.2000s", one.file, err, cmd.Stderr)
	}
	return nil
}
