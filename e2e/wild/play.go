package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// step is one process of a program that is a few scripts. It runs until it ends, which it must do well, or, if it
// says something, until it has said that.
type step struct {
	file string
	says string // a line
	wait bool   // the next steps begin before it has said it
	// joins is the group of which it is the only member: the next steps begin when it has joined, as a person starts
	// the consumer first and sees it run.
	joins string
}

// play runs the steps of a program, whose sources are copied with the broker's address in them.
// Those that wait are started first and must have said their line when all others have ended.
func (s *scene) play(ctx context.Context, sources fs.FS, argv []string, steps []step) error {
	var waiting []func() error
	for _, one := range steps {
		p, err := s.script(ctx, sources, argv, one.file)
		if err != nil {
			return err
		}
		defer p.kill()
		if !one.wait {
			if err := finish(ctx, p, one); err != nil {
				return err
			}
			continue
		}
		waiting = append(waiting, func() error { return finish(ctx, p, one) })
		if one.joins != "" {
			if err := s.joined(ctx, one.joins); err != nil {
				return fmt.Errorf("%w; %s", err, p.ended())
			}
		}
	}
	var err error
	for _, f := range waiting {
		err = errors.Join(err, f())
	}
	return err
}

// script starts a source that argv can run.
func (s *scene) script(ctx context.Context, sources fs.FS, argv []string, file string) (*process, error) {
	name, err := s.copy(sources, file)
	if err != nil {
		return nil, err
	}
	p, err := launch(ctx, s.dir, nil, append(argv[:len(argv):len(argv)], name)...)
	if err != nil {
		return nil, err
	}
	p.name = file
	return p, nil
}

// copy writes a source into the program's directory, with the broker where articles have localhost:9092.
func (s *scene) copy(sources fs.FS, file string) (string, error) {
	text, err := fs.ReadFile(sources, file)
	if err != nil {
		return "", err
	}
	name := filepath.Join(s.tmp, filepath.Base(file))
	return name, os.WriteFile(name, []byte(strings.ReplaceAll(string(text), "localhost:9092", s.servers)), 0o600)
}

// finish waits until a process has said its line, or ended.
func finish(ctx context.Context, p *process, one step) error {
	if one.says == "" {
		return p.wait(ctx)
	}
	if err := p.prints(ctx, func(line string) bool { return line == one.says }); err != nil {
		return fmt.Errorf("did not print %q: %w", one.says, err)
	}
	return nil
}
