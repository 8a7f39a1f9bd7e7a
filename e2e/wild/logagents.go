package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

//go:embed rsyslog
var logAgentSources embed.FS

// logAgents take lines of a file to a topic.
func logAgents() []program {
	return []program{
		{name: "rsyslog", version: "rsyslog", asks: []string{"/usr/sbin/rsyslogd", "-v"}, what: "lines of a log file, as they are, by omkafka",
			needs: []string{"/usr/sbin/rsyslogd"}, run: rsyslog},
	}
}

// accessLog is a file of so many lines, with what agents may stumble over.
func accessLog(n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf(`192.0.2.%d - - [29/Nov/2026:06:%02d:%02d +0000] "GET /suche?q=käse%%20%d HTTP/1.1" 200 %d "-" "curl/8 \"x\""`, i%250, i/60%60, i%60, i, 100+i))
	}
	return lines
}

// rsyslog runs its daemon on a configuration of its own, in the foreground, and writes what it follows in two parts.
func rsyslog(ctx context.Context, s *scene) error {
	config, err := s.copy(folder(logAgentSources, "rsyslog"), "rsyslog.conf")
	if err != nil {
		return err
	}
	if err := s.move(config, "/var/log/shop", "/var/spool/rsyslog"); err != nil {
		return err
	}
	lines := accessLog(1000)
	log := filepath.Join(s.tmp, "access.log")
	if err := add(log, lines[:400]); err != nil {
		return err
	}
	p, err := launch(ctx, s.tmp, nil, "/usr/sbin/rsyslogd", "-n", "-f", config, "-i", filepath.Join(s.tmp, "pid"))
	if err != nil {
		return err
	}
	defer p.end()
	if _, err := s.records(ctx, "access-log", count(400)); err != nil { // it follows the file
		return fmt.Errorf("%w; %s", err, p.ended())
	}
	if err := add(log, lines[400:]); err != nil {
		return err
	}
	read, err := s.records(ctx, "access-log", count(len(lines)))
	if err != nil {
		return fmt.Errorf("%w; %s", err, p.ended())
	}
	return sameLines(read, lines)
}

// move replaces directories in a file by the program's own.
func (s *scene) move(file string, dirs ...string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		text = []byte(strings.ReplaceAll(string(text), dir, s.tmp))
	}
	return os.WriteFile(file, text, 0o600)
}

// add appends lines to a file.
func add(file string, lines []string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// sameLines wants the values of records to be lines, in their order.
func sameLines(read []*kgo.Record, lines []string) error {
	if len(read) != len(lines) {
		return fmt.Errorf("%d records of %d lines", len(read), len(lines))
	}
	for i, r := range read {
		if string(r.Value) != lines[i] {
			return fmt.Errorf("record %d is %q, want %q", i, r.Value, lines[i])
		}
	}
	return nil
}
