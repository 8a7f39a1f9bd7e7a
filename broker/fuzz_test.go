package broker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker"
)

// FuzzFromProperties: whatever stands in server.properties, reading it ends, with a configuration or with ErrConfig, and a
// configuration that was read can be checked; every key that is not acted on is named (RELIABILITY 6.6, 25).
func FuzzFromProperties(f *testing.F) {
	f.Add("listeners=PLAINTEXT://:0,B://[::1]:9\nlistener.security.protocol.map=B:PLAINTEXT\nlog.dirs=/a,/b")
	f.Add("max.connections.per.ip.overrides=127.0.0.1:3,[::1]:4\nquota.window.num=3\nqueued.max.request.bytes=-1")
	f.Add("node.id=7\nbroker.id=8\nprocess.roles=broker,controller\ncontroller.quorum.voters=1@h:9093\ncontroller.listener.names=C")
	f.Add("log.retention.hours=168\nmessage.max.bytes=1048588\nflush.policy=group\ncompression.type=zstd\nlog.cleanup.policy=compact,delete")
	f.Add("connections.max.idle.ms=-1\nmax.incremental.fetch.session.cache.slots=0\nfetch.max.bytes=1024\nmax.partitions=1")
	f.Add("group.consumer.heartbeat.interval.ms=5000\nmetrics.listener=:1\nadvertised.listeners=PLAINTEXT://[fe80::1%25eth0]:1")
	f.Fuzz(func(t *testing.T, text string) {
		props := map[string]string{}
		for _, line := range strings.Split(text, "\n") {
			if key, value, ok := strings.Cut(line, "="); ok {
				props[strings.TrimSpace(key)] = value
			}
		}
		cfg, ignored, err := broker.FromProperties(props)
		if err != nil {
			if !errors.Is(err, broker.ErrConfig) {
				t.Fatalf("%v is no ErrConfig", err)
			}
			return
		}
		for _, key := range ignored {
			if _, ok := props[key]; !ok {
				t.Fatalf("%q is named as ignored, but was not given", key)
			}
		}
		if _, err := broker.New(cfg); err != nil && !errors.Is(err, broker.ErrConfig) {
			t.Fatalf("%v is no ErrConfig", err)
		}
		again, _, err := broker.FromProperties(cfg.Properties)
		if err != nil || again.NodeID != cfg.NodeID || len(again.Listeners) != len(cfg.Listeners) {
			t.Fatalf("read again: %v", err)
		}
	})
}
