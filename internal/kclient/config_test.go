package kclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// f returns what a configuration comes to: the keys without effect, or the error.
func outcome(role Role, pairs ...string) string {
	props := map[string]string{"bootstrap.servers": "localhost:9092"}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		props[k] = v
	}
	opts, unused, err := Options(role, props)
	if err != nil {
		if !errors.Is(err, ErrConfig) {
			return "not ErrConfig: " + err.Error()
		}
		return strings.TrimPrefix(err.Error(), ErrConfig.Error()+": ")
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return "client: " + err.Error()
	}
	cl.Close()
	return strings.Join(unused, ",")
}

func TestOptions(t *testing.T) {
	f := func(want string, role Role, pairs ...string) {
		t.Helper()
		if got := outcome(role, pairs...); got != want {
			t.Errorf("%v: %s", pairs, got)
		}
	}
	f("", Admin)
	f("", Admin, "client.id=x", "request.timeout.ms=1000", "retry.backoff.ms=10")
	f("acks,fetch.min.bytes", Admin, "acks=all", "fetch.min.bytes=1")
	f("", Producer, "acks=1", "linger.ms=5", "compression.type=zstd", "batch.size=0", "retries=2147483647", "buffer.memory=33554432", "key.serializer=x")
	f("", Producer, "acks=all", "max.in.flight.requests.per.connection=6")
	f("", Producer, "enable.idempotence=false", "delivery.timeout.ms=120000", "request.timeout.ms=1500")
	f("", Consumer, "group.id=g", "auto.offset.reset=earliest", "isolation.level=read_committed", "fetch.max.wait.ms=10", "enable.auto.commit=false")
	f("bootstrap.servers is missing", Admin, "bootstrap.servers=")
	f(`bootstrap.servers=a: "a" is not HOST:PORT`, Admin, "bootstrap.servers=a")
	f(`bootstrap.servers=a:1, b:2: " b:2" is not HOST:PORT`, Admin, "bootstrap.servers=a:1, b:2")
	f(`bootstrap.servers=a:99999: "a:99999" is not HOST:PORT`, Admin, "bootstrap.servers=a:99999")
	f("", Admin, "bootstrap.servers=[::1]:9092,b:2")
	f("acks=2: must be all, -1, 0 or 1", Producer, "acks=2")
	f("linger.ms=-1: must be a number of milliseconds", Producer, "linger.ms=-1")
	f("auto.offset.reset=x: must be earliest, latest or none", Consumer, "auto.offset.reset=x")
	f("security.protocol=TLS: must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", Admin, "security.protocol=tls")
	f("sasl.mechanism=GSSAPI: must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", Admin, "security.protocol=SASL_SSL", "sasl.mechanism=GSSAPI",
		`sasl.jaas.config=x required username="a" password="b";`)
	for _, m := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		f("", Admin, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism="+m, `sasl.jaas.config=x required username="a" password="b";`)
	}
}

func TestTLSFiles(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct{ want, location, kind string }{
		{"PEM", bad, "JKS"}, {"holds no certificate", bad, "PEM"}, {"no such file", bad + "x", "PEM"},
	} {
		if got := outcome(Admin, "security.protocol=SSL", "ssl.truststore.location="+f.location, "ssl.truststore.type="+f.kind); !strings.Contains(got, f.want) {
			t.Errorf("%v: %s", f, got)
		}
	}
	if got := outcome(Admin, "security.protocol=SSL", "ssl.endpoint.identification.algorithm="); got != "" {
		t.Error(got)
	}
}

func TestLogin(t *testing.T) {
	f := func(jaas, want string) {
		t.Helper()
		user, password, err := login(jaas)
		if got := fmt.Sprintf("%s/%s/%v", user, password, err != nil); got != want {
			t.Errorf("%s: %s", jaas, got)
		}
	}
	f(`org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";`, "a/b/false")
	f("x required\n username='a' \n password=\"b c=\\\"d\\\";\" ;", `a/b c="d";/false`)
	f(`x required username="a" password="";`, "a//false")
	f(`x required username="a" password="b"`, "//true")
	f(`x required username="a";`, "//true")
	f("", "//true")
}

func FuzzLogin(f *testing.F) {
	f.Add(`x required username="a\" password='b';`)
	f.Fuzz(func(t *testing.T, s string) { login(s) })
}

func TestMessage(t *testing.T) {
	text := "Topic 't' already exists."
	err := fmt.Errorf("wrapped: %w", CodeMessage(kerr.TopicAlreadyExists.Code, &text))
	if Message(err) != text || !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Errorf("%s", Message(err))
	}
	if got := Message(CodeMessage(kerr.UnknownTopicOrPartition.Code, nil)); got != "This server does not host this topic-partition." {
		t.Error(got)
	}
	if CodeMessage(0, &text) != nil || Message(nil) != "" {
		t.Error("an error where there is none")
	}
}

func TestReach(t *testing.T) {
	b := brokertest.Start(t)
	cl, unused, err := Reach(context.Background(), Admin, map[string]string{"bootstrap.servers": b.Addr(), "zzz": "1", "aaa": "1"})
	if err != nil {
		t.Fatal(err)
	}
	cl.Close()
	if !slices.Equal(unused, []string{"aaa", "zzz"}) {
		t.Errorf("%v", unused)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Reach(ctx, Admin, map[string]string{"bootstrap.servers": "127.0.0.1:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, _, err := Reach(ctx, Admin, nil); !errors.Is(err, ErrConfig) {
		t.Errorf("%v", err)
	}
}
