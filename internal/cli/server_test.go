package cli

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker"
)

// Keys without effect are named with a reason, and with the effective key that comes nearest.
func TestIgnoredKeys(t *testing.T) {
	f := func(key string, parts ...string) {
		t.Helper()
		text := ignoredKey(key)
		for _, p := range parts {
			if !strings.Contains(text, p) {
				t.Errorf("%s: %s", key, text)
			}
		}
	}
	f("zookeeper.connect", "no ZooKeeper", "nearest key: log.dirs")
	f("num.io.threads", "threads", "nearest key: max.connections")
	f("log.flush.interval.messages", "nearest key: flush.policy")
	f("host.name", "nearest key: listeners")
	f("log.segment.byte", "nearest key: log.segment.bytes")
	f("log.segments.bytes", "nearest key: log.segment.bytes")
	f("listener", "nearest key: listeners")
	f("advertised.listener", "nearest key: advertised.listeners")
	if text := ignoredKey("ssl.engine.factory.class"); strings.Contains(text, "nearest") {
		t.Errorf("far-fetched: %s", text)
	}
	for _, a := range advice {
		if a.nearest != "" && !effective(a.nearest) {
			t.Errorf("%s is suggested and has no effect", a.nearest)
		}
	}
}

// The files that Kafka ships start a broker: of today (KRaft) and of the ZooKeeper era. Here are
// their keys; nothing in them may be refused, and everything without effect is named.
func TestKafkasOwnFilesAreTaken(t *testing.T) {
	kraft := map[string]string{"process.roles": "broker,controller", "node.id": "1", "controller.quorum.bootstrap.servers": "localhost:9093",
		"listeners": "PLAINTEXT://:9092,CONTROLLER://:9093", "inter.broker.listener.name": "PLAINTEXT", "controller.listener.names": "CONTROLLER",
		"advertised.listeners":           "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "num.network.threads": "3", "num.io.threads": "8",
		"socket.send.buffer.bytes": "102400", "socket.request.max.bytes": "104857600", "log.dirs": "/tmp/kraft-combined-logs", "num.partitions": "1",
		"offsets.topic.replication.factor": "1", "log.retention.hours": "168", "log.segment.bytes": "1073741824"}
	zookeeper := map[string]string{"broker.id": "0", "num.io.threads": "8", "log.dirs": "/tmp/kafka-logs", "zookeeper.connect": "localhost:2181",
		"zookeeper.connection.timeout.ms": "18000", "group.initial.rebalance.delay.ms": "0"}
	for _, props := range []map[string]string{kraft, zookeeper} {
		props = maps.Clone(props)
		dropped := withoutControllers(props)
		cfg, ignored, err := broker.FromProperties(props)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range ignored {
			if !strings.Contains(ignoredKey(key), key+" has no effect: ") {
				t.Errorf("%s is not named", key)
			}
		}
		if props["process.roles"] != "" && (!slices.Equal(dropped, []string{"CONTROLLER://:9093"}) || len(cfg.Listeners) != 1 || len(cfg.Advertised) != 1) {
			t.Errorf("listeners %v, advertised %v, dropped %v", cfg.Listeners, cfg.Advertised, dropped)
		}
	}
}

// The example file must not hold a key without effect.
func TestExampleFile(t *testing.T) {
	a := serverArguments{file: filepath.Join("..", "..", "config", "server.properties")}
	var notes bytes.Buffer
	if _, err := a.config(&notes); err != nil || notes.Len() > 0 {
		t.Errorf("%v, %s", err, &notes)
	}
}

func TestIgnoredVariables(t *testing.T) {
	set := map[string]string{"KAFKA_HEAP_OPTS": "-Xmx1G", "JMX_PORT": "9999", "LOG_DIR": "/x"}
	if got := ignoredVariables(func(k string) string { return set[k] }); !slices.Equal(got, []string{"KAFKA_HEAP_OPTS", "JMX_PORT"}) {
		t.Errorf("%v", got)
	}
}

// A log of 11 files never grows beyond that, keeps the newest, and goes on where it was.
func TestServerLogRotates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	lg, err := openServerLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	lg.maxBytes, lg.kept = 10, 2
	for _, line := range []string{"first\n", "second\n", "third\n", "fourth\n"} {
		if _, err := lg.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := lg.Close(); err != nil {
		t.Fatal(err)
	}
	if lg, err = openServerLog(dir); err != nil {
		t.Fatal(err)
	}
	lg.maxBytes, lg.kept = 10, 2
	if _, err := lg.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	if err := lg.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"server.log": "fourth\nx\n", "server.log.1": "third\n", "server.log.2": "second\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "server.log.3")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("server.log.3: %v", err)
	}
}

// The foreground of -daemon sees the greeting, or the reason why there is none.
func TestAwaitDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kafkaServer.out")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	write("listening on PLAINTEXT://h:1\ndata in /d\n" + greeted + "it\n")
	if err := awaitDaemon(7, path, nil, &out); err != nil || !strings.HasPrefix(out.String(), "listening on PLAINTEXT://h:1\ndata in /d\nprocess 7; log in ") {
		t.Errorf("%q, %v", out.String(), err)
	}
	exited := make(chan error, 1)
	exited <- errors.New("exit status 1")
	write("thalweg: address is already in use\n")
	if err := awaitDaemon(7, path, exited, &out); err == nil || err.Error() != "the server did not start: address is already in use" {
		t.Errorf("%v", err)
	}
}

// Only brokers of this user are found, and each with its node id.
func TestServerProcesses(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, cmdline string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(proc, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "cmdline"), []byte(strings.ReplaceAll(cmdline, " ", "\x00")+"\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(proc, "server.properties")
	if err := os.WriteFile(file, []byte("broker.id=3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	process("100", "/opt/bin/thalweg server --override node.id=7")
	process("101", "thalweg server")
	process("102", "thalweg server "+file)
	process("103", "thalweg kafka-topics server")
	process("104", "vi thalweg server")
	process("105", "thalwegs server")
	process("self", "thalweg server")
	found, err := serverProcesses(proc)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range found {
		got = append(got, p.nodeID())
	}
	if ownedByUs(proc) && !slices.Equal(got, []string{"7", "1", "3"}) {
		t.Errorf("%v: %v", got, found)
	}
}
