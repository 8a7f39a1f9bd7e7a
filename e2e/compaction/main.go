package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	servers := flag.String("bootstrap-server", "localhost:9092", "host:port of a broker")
	messages := flag.Int("messages", 20_000, "distinct keys of each topic")
	dups := flag.Int("dups", 5, "how often a key comes on average")
	topics := flag.Int("topics", 1, "number of topics")
	deletes := flag.Int("deletes", 10, "of a hundred records are tombstones")
	wait := flag.Duration("wait", 2*time.Minute, "how long compaction may take")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random keys")
	flag.Parse()
	if err := verify(ctx, *servers, *messages, *dups, *topics, *deletes, *wait, *seed); err != nil {
		fmt.Fprintf(os.Stderr, "compaction: seed %d: %v\n", *seed, err)
		os.Exit(1)
	}
}

// verify plays the scenario.
func verify(ctx context.Context, servers string, messages, dups, topics, deletes int, wait time.Duration, seed uint64) error {
	ctx, cancel := context.WithTimeout(ctx, wait+5*time.Minute)
	defer cancel()
	c, err := kgo.NewClient(kgo.SeedBrokers(servers))
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range topics {
		p := &plan{topic: fmt.Sprintf("log-cleaner-test-%d-%d", seed, i), keys: messages, records: messages * dups, deletes: deletes, value: 200,
			codec: kgo.NoCompression(), rng: rand.New(rand.NewPCG(seed, uint64(i))),
			config: map[string]string{"cleanup.policy": "compact", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01"}}
		if err := p.create(ctx, c); err != nil {
			return err
		}
		began := time.Now()
		if err := p.write(ctx, servers); err != nil {
			return err
		}
		written := int64(p.records * (p.value + 20) * (100 - deletes) / 100)
		fmt.Printf("%s: %d records, about %d bytes, written in %v\n", p.topic, p.records, written, time.Since(began).Round(time.Millisecond))
		patience, cancel := context.WithTimeout(ctx, wait)
		n, err := p.awaitSmaller(patience, c, written, 0.7)
		cancel()
		if err != nil {
			return err
		}
		o, err := p.read(ctx, servers)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d bytes are left; %v; every key has its newest value\n", p.topic, n, o)
	}
	return nil
}
