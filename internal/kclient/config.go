package kclient

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Role is what a client does: the same file may serve several, each with keys of its own.
type Role int

// Roles.
const (
	Admin Role = iota
	Producer
	Consumer
)

// ErrConfig is what every error about a client's configuration is (errors.Is).
var ErrConfig = errors.New("invalid client configuration")

func badConfig(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
}

// settings collects what several keys decide together.
type settings struct {
	opts     []kgo.Opt
	acks     kgo.Acks
	idem     bool
	inFlight int
}

// key is one property.
type key struct {
	name string
	role []Role // empty: all
	set  func(s *settings, value string) error
}

// Options turns a configuration under Kafka's names into options of a client. unused are the keys
// that have no effect, sorted. bootstrap.servers is required. Errors are ErrConfig and name the key.
func Options(role Role, props map[string]string) (opts []kgo.Opt, unused []string, err error) {
	if strings.TrimSpace(props["bootstrap.servers"]) == "" {
		return nil, nil, badConfig("bootstrap.servers is missing")
	}
	s := &settings{acks: kgo.AllISRAcks(), idem: true}
	known := map[string]bool{}
	for _, k := range keys {
		if len(k.role) > 0 && !slices.Contains(k.role, role) {
			continue
		}
		known[k.name] = true
		value, ok := props[k.name]
		if !ok {
			continue
		}
		if err := k.set(s, strings.TrimSpace(value)); err != nil {
			return nil, nil, badConfig("%s=%s: %v", k.name, value, err)
		}
	}
	if err := secure(s, props, known); err != nil {
		return nil, nil, err
	}
	if role == Producer {
		s.producer()
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if !known[name] && !forJavaOnly(name) && !(role == Consumer && isGroupKey(name)) {
			unused = append(unused, name)
		}
	}
	return s.opts, unused, nil
}

// producer settles acks and idempotence, which depend on each other (KIP-679).
func (s *settings) producer() {
	s.add(kgo.RequiredAcks(s.acks))
	if !s.idem || s.acks != kgo.AllISRAcks() || s.inFlight > 5 {
		s.add(kgo.DisableIdempotentWrite())
		if s.inFlight > 0 {
			s.add(kgo.MaxProduceRequestsInflightPerBroker(s.inFlight))
		}
	}
}

func (s *settings) add(o ...kgo.Opt) { s.opts = append(s.opts, o...) }

// forJavaOnly are keys that name Java classes or JVM matters: their meaning is given elsewhere
// here, and a warning about them would help nobody.
func forJavaOnly(name string) bool {
	switch name {
	case "key.serializer", "value.serializer", "key.deserializer", "value.deserializer", "metric.reporters", "auto.include.jmx.reporter":
		return true
	}
	return false
}

var keys = []key{
	{"bootstrap.servers", nil, func(s *settings, v string) error {
		seeds, err := bootstrap(v)
		s.add(kgo.SeedBrokers(seeds...))
		return err
	}},
	{"client.id", nil, func(s *settings, v string) error { s.add(kgo.ClientID(v)); return nil }},
	{"client.rack", []Role{Consumer}, func(s *settings, v string) error { s.add(kgo.Rack(v)); return nil }},
	{"metadata.max.age.ms", nil, millis(kgo.MetadataMaxAge)},
	{"request.timeout.ms", []Role{Admin, Consumer}, millis(kgo.RequestTimeoutOverhead)},
	{"connections.max.idle.ms", nil, millis(kgo.ConnIdleTimeout)},
	{"retries", []Role{Producer}, number(func(n int32) kgo.Opt { return kgo.RecordRetries(int(n)) })},
	{"retry.backoff.ms", nil, func(s *settings, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return errors.New("must be a number of milliseconds")
		}
		s.add(kgo.RetryBackoffFn(func(int) time.Duration { return time.Duration(n) * time.Millisecond }))
		return nil
	}},

	{"acks", []Role{Producer}, acks},
	{"enable.idempotence", []Role{Producer}, func(s *settings, v string) (err error) {
		s.idem, err = strconv.ParseBool(strings.ToLower(v))
		return err
	}},
	{"max.in.flight.requests.per.connection", []Role{Producer}, func(s *settings, v string) (err error) {
		if s.inFlight, err = strconv.Atoi(v); err == nil && s.inFlight < 1 {
			err = errors.New("must be at least 1")
		}
		return err
	}},
	{"linger.ms", []Role{Producer}, millis(kgo.ProducerLinger)},
	{"compression.type", []Role{Producer}, compression},
	{"batch.size", []Role{Producer}, batchSize},
	{"request.timeout.ms", []Role{Producer}, millis(kgo.ProduceRequestTimeout)},
	{"delivery.timeout.ms", []Role{Producer}, millis(kgo.RecordDeliveryTimeout)},
	{"buffer.memory", []Role{Producer}, number(func(n int32) kgo.Opt { return kgo.MaxBufferedBytes(int(n)) })},
	{"max.request.size", []Role{Producer}, func(s *settings, v string) error {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 1 {
			return errors.New("must be a number of bytes")
		}
		s.add(kgo.BrokerMaxWriteBytes(max(100<<20, int32(n))))
		return nil
	}},
	{"transactional.id", []Role{Producer}, func(s *settings, v string) error { s.add(kgo.TransactionalID(v)); return nil }},
	{"transaction.timeout.ms", []Role{Producer}, millis(kgo.TransactionTimeout)},

	{"fetch.min.bytes", []Role{Consumer}, number(kgo.FetchMinBytes)},
	{"fetch.max.bytes", []Role{Consumer}, number(kgo.FetchMaxBytes)},
	{"max.partition.fetch.bytes", []Role{Consumer}, number(kgo.FetchMaxPartitionBytes)},
	{"fetch.max.wait.ms", []Role{Consumer}, millis(kgo.FetchMaxWait)},
	{"check.crcs", []Role{Consumer}, func(s *settings, v string) error {
		if strings.EqualFold(v, "false") {
			s.add(kgo.DisableFetchCRCValidation())
		}
		return nil
	}},
	{"isolation.level", []Role{Consumer}, isolation},
	{"auto.offset.reset", []Role{Consumer}, reset},
	{"group.id", []Role{Consumer}, nothing}, // decided by who calls, with GroupOptions
	{"allow.auto.create.topics", []Role{Consumer}, nothing},
	{"default.api.timeout.ms", nil, nothing},
}

func nothing(*settings, string) error { return nil }

// bootstrap checks a list of host:port: no blanks inside (as Kafka 4.0), at least one.
func bootstrap(v string) ([]string, error) {
	seeds := strings.Split(v, ",")
	for _, s := range seeds {
		i := strings.LastIndexByte(s, ':')
		if i < 1 {
			return nil, fmt.Errorf("%q is not HOST:PORT", s)
		}
		if p, err := strconv.ParseUint(s[i+1:], 10, 16); err != nil || p == 0 || strings.ContainsAny(s, " \t") {
			return nil, fmt.Errorf("%q is not HOST:PORT", s)
		}
	}
	return seeds, nil
}

func millis[O kgo.Opt](option func(time.Duration) O) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return errors.New("must be a number of milliseconds")
		}
		s.add(option(time.Duration(n) * time.Millisecond))
		return nil
	}
}

func number[O kgo.Opt](option func(int32) O) func(*settings, string) error {
	return func(s *settings, v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return errors.New("must be a number that is not negative")
		}
		s.add(option(int32(min(n, 1<<31-1))))
		return nil
	}
}

func acks(s *settings, v string) error {
	switch strings.ToLower(v) {
	case "all", "-1":
		s.acks = kgo.AllISRAcks()
	case "1":
		s.acks = kgo.LeaderAck()
	case "0":
		s.acks = kgo.NoAck()
	default:
		return errors.New("must be all, -1, 0 or 1")
	}
	return nil
}

func compression(s *settings, v string) error {
	codec, ok := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}[v]
	if !ok {
		return errors.New("must be none, gzip, snappy, lz4 or zstd")
	}
	s.add(kgo.ProducerBatchCompression(codec))
	return nil
}

// batchSize: Kafka's batch.size is where a batch is closed, and a larger record still gets a batch
// of its own; franz-go has one bound for both. So it stays at Kafka's largest default request.
func batchSize(s *settings, v string) error {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return errors.New("must be a number of bytes")
	}
	s.add(kgo.ProducerBatchMaxBytes(max(1_000_012, int32(n))))
	return nil
}

func isolation(s *settings, v string) error {
	switch v {
	case "read_committed":
		s.add(kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	case "read_uncommitted":
		s.add(kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	default:
		return errors.New("must be read_committed or read_uncommitted")
	}
	return nil
}

func reset(s *settings, v string) error {
	switch strings.ToLower(v) {
	case "earliest":
		s.add(kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	case "latest":
		s.add(kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	case "none":
		s.add(kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	default:
		return errors.New("must be earliest, latest or none")
	}
	return nil
}
