package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/thalweg-io/thalweg/e2e/recipe"
)

//go:embed rsyslog logstash telegraf
var logAgentSources embed.FS

// logFile is what agents follow, logSpool where they keep what they need, as their configurations have it.
const (
	logFile  = "/var/log/shop/access.log"
	logSpool = "/var/spool/rsyslog"
)

// logAgents take lines of a file to a topic.
func logAgents() []program {
	return []program{
		{name: "rsyslog", version: "rsyslog", asks: []string{"/usr/sbin/rsyslogd", "-v"}, what: "lines of a log file, as they are, by omkafka",
			needs: []string{"/usr/sbin/rsyslogd"}, run: rsyslog},
		logstash(),
		telegraf(),
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
	log := filepath.Join(s.tmp, "access.log")
	if err := rewrite(config, logFile, log, logSpool, s.tmp); err != nil {
		return err
	}
	return s.follow(ctx, "access-log", log, "/usr/sbin/rsyslogd", "-n", "-f", config, "-i", filepath.Join(s.tmp, "pid"))
}

// logstash is a substitute: see java/LogstashOutput.java.
func logstash() program {
	p := java("logstash-substitute", "settings of a Logstash Kafka output, mapped to the Java producer that it uses (a substitute)", nil)
	p.run = func(ctx context.Context, s *scene) error {
		config, err := s.copy(folder(logAgentSources, "logstash"), "logstash.conf")
		if err != nil {
			return err
		}
		log := filepath.Join(s.tmp, "access.log")
		if err := rewrite(config, logFile, log); err != nil {
			return err
		}
		lines := accessLog(1000)
		if err := add(log, lines); err != nil {
			return err
		}
		agent, err := s.java(ctx, folder(javaSources, "java"), "LogstashOutput.java", config)
		if err != nil {
			return err
		}
		defer agent.end()
		if err := agent.wait(ctx); err != nil {
			return err
		}
		read, err := s.records(ctx, "logstash", count(len(lines)))
		if err != nil {
			return err
		}
		for _, r := range read {
			var event struct{ Message string }
			if err := json.Unmarshal(r.Value, &event); err != nil {
				return fmt.Errorf("%w in %q", err, r.Value)
			}
			r.Value = []byte(event.Message)
		}
		return sameLines(read, lines)
	}
	return p
}

// telegrafVersion is what the module proxy has, telegrafParts what is built of it: its own way to a small binary.
const (
	telegrafVersion = "v1.37.2"
	telegrafParts   = "custom,inputs.tail,outputs.kafka,parsers.value,serializers.template"
)

// telegraf is built from its module, with the versions that it names itself: it has to be the main module for that.
func telegraf() program {
	module := "github.com/influxdata/telegraf@" + telegrafVersion
	return program{
		name: "telegraf", version: "Telegraf " + telegrafVersion[1:], what: "lines of a log file, as they are, by the Kafka output (Sarama)",
		heavy: true, needs: []string{"go", "sh", "cp"},
		recipe: recipe.Recipe{Name: "wild-telegraf", Sources: folder(logAgentSources, "telegraf"), Env: []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}, Build: [][]string{
			{"go", "mod", "download", module},
			{"sh", "-c", `cp -r "$(go env GOMODCACHE)/` + module + `" src && chmod -R u+w src`},
			{"go", "build", "-C", "src", "-tags", telegrafParts, "-o", filepath.Join("..", "telegraf"), "./cmd/telegraf"},
			{"rm", "-r", "src"}}},
		run: func(ctx context.Context, s *scene) error {
			config, err := s.copy(folder(logAgentSources, "telegraf"), "telegraf.conf")
			if err != nil {
				return err
			}
			log := filepath.Join(s.tmp, "access.log")
			if err := rewrite(config, logFile, log); err != nil {
				return err
			}
			return s.follow(ctx, "telegraf", log, filepath.Join(s.dir, "telegraf"), "--config", config)
		},
	}
}

// follow has an agent take a file that grows to a topic, and wants its lines as they are and in order.
func (s *scene) follow(ctx context.Context, topic, log string, argv ...string) error {
	lines := accessLog(1000)
	if err := add(log, lines[:400]); err != nil {
		return err
	}
	p, err := launch(ctx, s.tmp, nil, argv...)
	if err != nil {
		return err
	}
	defer p.end()
	if _, err := s.records(ctx, topic, count(400)); err != nil { // it follows the file
		return fmt.Errorf("%w; %s", err, p.ended())
	}
	if err := add(log, lines[400:]); err != nil {
		return err
	}
	read, err := s.records(ctx, topic, count(len(lines)))
	if err != nil {
		return fmt.Errorf("%w; %s", err, p.ended())
	}
	return sameLines(read, lines)
}

// rewrite replaces texts in a file: old, new, old, new.
func rewrite(file string, pairs ...string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600)
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
