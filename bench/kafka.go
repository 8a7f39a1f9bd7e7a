package bench

import (
	"context"
	"os/exec"

	"github.com/thalweg-io/thalweg/e2e/kafka"
)

// KafkaTool makes a process of one of Apache Kafka's tools, for Options.Tool.
func KafkaTool(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	home, err := kafka.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	return home.Tool(ctx, name, args...)
}

// Kafka makes Apache Kafka brokers: one node, controller and broker in one process, with the JVM options of Kafka's own
// scripts and a heap of 1 GiB. The first call downloads it. Errors: kafka.ErrNoJava, or what Maven said.
func Kafka(ctx context.Context) (Maker, error) {
	home, err := kafka.Fetch(ctx)
	if err != nil {
		return Maker{}, err
	}
	home = home.AsShipped().Patient(startWithin)
	m := Maker{Name: "kafka", About: "Apache Kafka " + home.Version + ", KRaft, controller and broker in one process, JVM options of its scripts, heap 1 GiB, default threads"}
	m.Start = func(ctx context.Context, dir string, properties map[string]string) (*Broker, error) {
		k, err := home.Start(ctx, dir, withCommon(properties))
		if err != nil {
			return nil, err
		}
		k.StopWithin = stopWithin
		b := &Broker{Name: m.Name, Addr: k.Addr, PID: k.PID(), dir: dir, stop: k.Stop, end: func() error { k.Kill(); return nil }, output: k.Output,
			durable: map[string]string{"flush.messages": "1"}}
		return b, b.begin()
	}
	return m, nil
}
