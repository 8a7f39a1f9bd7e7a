package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestKafkasFilesStart starts the binary with the keys of the two files that Kafka has shipped, of KRaft and of the
// ZooKeeper era, and with the variables of Kafka's scripts. What has no effect is named, each key in a line of its own.
func TestKafkasFilesStart(t *testing.T) {
	for name, without := range map[string][]string{
		"kraft":     {"num.network.threads", "socket.receive.buffer.bytes", "inter.broker.listener.name"},
		"zookeeper": {"zookeeper.connect", "num.io.threads", "zookeeper.connection.timeout.ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := filepath.Abs(filepath.Join("..", "internal", "cli", "testdata", "server", name+".properties"))
			if err != nil {
				t.Fatal(err)
			}
			env := []string{"KAFKA_HEAP_OPTS=-Xmx1G", "KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=x", "KAFKA_OPTS=-Dx=y", "LOG_DIR=" + t.TempDir()}
			// Only what two brokers on one machine may not share is another one.
			p := launchWith(t, env, "server", file, "--override", "listeners=PLAINTEXT://127.0.0.1:0", "--override", "advertised.listeners=", "--override", "log.dirs="+t.TempDir())
			addr, err := p.awaitReady()
			if err != nil {
				t.Fatalf("%v; %s", err, p.out.tail())
			}
			(&node{process: p, t: t, addr: addr}).works(t, "works")
			for _, key := range without {
				if n := strings.Count(p.out.String(), "thalweg: "+key+" has no effect: "); n != 1 {
					t.Errorf("%s is named %d times; %s", key, n, p.out.tail())
				}
			}
			if !regexp.MustCompile(`no effect in the environment, there is no Java: KAFKA_HEAP_OPTS.*KAFKA_LOG4J_OPTS.*KAFKA_OPTS`).MatchString(p.out.String()) {
				t.Errorf("the variables are not named; %s", p.out.tail())
			}
		})
	}
}

// TestWrongValuesAreRefused: the key and the value are in what is said, and nothing is opened.
func TestWrongValuesAreRefused(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"num.partitions=0", "log.segment.bytes=many", "flush.policy=never", "node.id=-5", "auto.create.topics.enable=maybe"} {
		key, value, _ := strings.Cut(wrong, "=")
		dir := filepath.Join(t.TempDir(), "data")
		refused(t, launch(t, dir, "127.0.0.1:0", wrong), regexp.QuoteMeta(key), regexp.QuoteMeta(value))
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: the data directory was made (%v)", wrong, err)
		}
	}
}
