package archtest

// importOrder is who may import whom inside this module (ARCHITECTURE, Layout).
const importOrder = `
	# Foundations, one idea each; they know nothing of Kafka.
	NONE < internal/invariants, internal/metrics < internal/vfs, internal/memnet;

	# The vocabulary and the codecs: pure, and free even of the foundations.
	NONE < internal/kafka < internal/kafka/{wire,compress,schema};
	internal/kafka/compress < internal/kafka/batch;
	internal/kafka/{wire,batch,schema} < CODECS;

	# The broker, from the disk upwards.
	internal/kafka, internal/invariants, internal/metrics < WORDS;
	WORDS, internal/vfs < broker/internal/storage/commitlog;
	internal/kafka/batch < broker/internal/storage/clean; # it decides on bytes: files, metrics and clocks are storage's
	internal/kafka/batch, broker/internal/storage/{commitlog,clean} < broker/internal/storage < broker/internal/tier;
	WORDS, internal/kafka/{batch,schema} < broker/internal/metadata;
	broker/internal/storage < broker/internal/quorum;
	broker/internal/{metadata,quorum} < broker/internal/controller;
	WORDS < broker/internal/delayed;
	broker/internal/metadata < broker/internal/security < broker/internal/quota;
	internal/kafka/wire, broker/internal/security < broker/internal/peer;
	broker/internal/{storage,tier,metadata,delayed,peer} < broker/internal/replica;
	broker/internal/metadata, internal/kafka/{batch,schema} < broker/internal/coordinator;
	broker/internal/coordinator < broker/internal/coordinator/coordinatortest;
	broker/internal/coordinator < broker/internal/coordinator/{group,share};
	broker/internal/{coordinator,peer} < broker/internal/coordinator/txn;
	internal/kafka/wire, broker/internal/{security,quota} < broker/internal/network;
	broker/internal/network < broker/internal/api/message;
	broker/internal/{network,replica,controller,security,quota,metadata},
		broker/internal/coordinator/{group,txn,share}, broker/internal/api/message
		< broker/internal/api/{data,admin,group,txn,share} < broker/internal/api;
	broker/internal/api < broker, broker/offline;
	broker, internal/memnet < broker/brokertest;
	NONE < internal/history, internal/history/register;
	broker/internal/api, internal/memnet, internal/history, internal/history/register < broker/internal/sim < broker/internal/sim/simulate;

	# The products: clients of the protocol.
	CODECS, internal/invariants, internal/metrics < internal/kclient < internal/statelog;
	internal/kclient < internal/lag;
	NONE < connect/plugin;
	internal/statelog < registry/...;
	internal/statelog, connect/plugin < connect/..., connect/connectors/..., mirror/...;
	internal/kclient < streams/..., rest/...;
	internal/lag < console/...;

	# What only measures, shows or drives the rest. e2e talks to real processes over sockets.
	NONE < e2e/kafka, e2e/recipe;
	CODECS, internal/history, internal/history/register, internal/vfs, e2e/kafka, e2e/recipe < e2e/...;
	CODECS, internal/kclient, e2e/kafka, e2e/recipe < bench/...;
	connect/..., connect/connectors/..., registry/..., streams/..., rest/..., mirror/..., console/..., bench/...,
		broker, broker/offline < internal/cli/... < cmd/...;
	broker, connect/..., streams/... < examples/...;

	# The tests of the shape.
	NONE < internal/archtest;
`

// testsMayImport is what _test files may import beside what their package may: the whole
// broker as a fixture, and the network without sockets.
var testsMayImport = []string{"broker/brokertest", "broker/internal/coordinator/coordinatortest", "internal/memnet"}

// refusal is an import that somebody will one day want, and why it stays refused. Both sides
// are patterns as in the order. A refusal wins over the order.
type refusal struct {
	from, to string
	reason   string
	but      string // a pattern of what is allowed all the same, to _test files only
	narrows  bool   // the order would allow it, by being transitive
}

var refusals = []refusal{
	{from: "broker/internal/storage", to: "broker/internal/metadata",
		reason: "a log does not know the cluster"},
	{from: "broker/internal/storage/commitlog", to: "internal/kafka/batch",
		reason: "the commit log carries bytes; which of them are batches and where they continue is storage's business"},
	{from: "broker/internal/coordinator/...", to: "broker/internal/replica",
		reason: "a coordinator sees its log as coordinator.Partition{Append, Read, HighWatermark}"},
	{from: "broker/internal/coordinator/...", to: "broker/internal/network",
		reason: "a coordinator parks answers, it does not know sockets"},
	{from: "broker/internal/network", to: "broker/internal/api/...",
		reason: "the network takes a Handler; calls go only to the right"},
	{from: "broker/internal/network", to: "broker/internal/storage",
		reason: "the network writes a Body{Len, WriteTo, Release} and does not know what it is made of"},
	{from: "broker/internal/quorum", to: "broker/internal/metadata",
		reason: "Raft carries bytes; what they mean is the controller's business"},
	{from: "broker/internal/coordinator/group", to: "broker/internal/coordinator/txn",
		reason: "the coordinators meet in api"},
	{from: "broker/internal/coordinator/group", to: "broker/internal/coordinator/share",
		reason: "the coordinators meet in api"},
	{from: "broker/internal/coordinator/txn", to: "broker/internal/coordinator/group",
		reason: "the coordinators meet in api"},
	{from: "broker/internal/coordinator/txn", to: "broker/internal/coordinator/share",
		reason: "the coordinators meet in api"},
	{from: "broker/internal/coordinator/share", to: "broker/internal/coordinator/group",
		reason: "the coordinators meet in api"},
	{from: "broker/internal/coordinator/share", to: "broker/internal/coordinator/txn",
		reason: "the coordinators meet in api"},
	{from: "registry/...", to: "broker/...", reason: aProduct, but: "broker/brokertest"},
	{from: "connect/...", to: "broker/...", reason: aProduct, but: "broker/brokertest"},
	{from: "streams/...", to: "broker/...", reason: aProduct, but: "broker/brokertest"},
	{from: "rest/...", to: "broker/...", reason: aProduct, but: "broker/brokertest"},
	{from: "mirror/...", to: "broker/...", reason: aProduct, but: "broker/brokertest"},
	{from: "console/...", to: "broker/...", reason: aProduct, but: "broker/brokertest"},
	{from: "cmd/...", to: "broker/...", narrows: true,
		reason: "main hands arguments and signals to internal/cli, nothing else"},
}

const aProduct = "every product is a client of the protocol and runs unchanged against any other Kafka cluster"

// unpure is what the vocabulary and the codecs (internal/kafka and below) may not import of
// Go's library: they compute on bytes.
var unpure = []string{
	"os", "io/fs", "io/ioutil", "path/filepath", "syscall", "net", "net/http", "os/signal", "os/exec",
	"sync/atomic", "context", "log", "log/slog", "runtime",
}

// thirdParty says which modules of others are used, by whom and why there. Every import of a
// module that is not ours and not Go's needs an entry. Tests are not bound by "users", except
// that what is for tests only stays there.
type thirdParty struct {
	module string   // prefix of the import path
	users  []string // patterns; empty: tests only
	reason string
}

var thirdParties = []thirdParty{
	{"github.com/twmb/franz-go/pkg/kmsg", []string{"internal/...", "broker/...", "registry/...", "connect/...",
		"streams/...", "rest/...", "mirror/...", "console/...", "e2e/...", "bench/...", "cmd/..."},
		"Kafka's messages, used directly and never wrapped (ARCHITECTURE decision 1)"},
	{"github.com/twmb/franz-go/pkg/kbin", []string{"internal/kafka/..."},
		"the primitives below kmsg"},
	{"github.com/twmb/franz-go/pkg/kerr", []string{"internal/kclient", "internal/lag", "internal/cli/...", "broker", "broker/internal/api/...",
		"broker/internal/controller", "broker/internal/coordinator/...", "broker/internal/peer", "broker/internal/sim",
		"registry/...", "connect/...", "streams/...", "rest/...", "mirror/...", "console/...", "e2e/...", "bench/..."},
		"Kafka's error codes appear at the border to the wire and not below"},
	{"github.com/twmb/franz-go/pkg", []string{"internal/kclient", "internal/lag", "internal/statelog", "internal/cli/...", "registry/...",
		"connect/...", "streams/...", "rest/...", "mirror/...", "console/...", "e2e/...", "bench/...", "examples/..."},
		"the client library: the broker is not its own client"},
	{"go.etcd.io/raft/v3", []string{"broker/internal/quorum"},
		"Raft's Term and Index stay inside quorum"},
	{"google.golang.org/protobuf", []string{"broker/internal/quorum"},
		"Raft's messages are protobufs"},
	{"github.com/klauspost/compress", []string{"internal/kafka/compress"},
		"one Codec type, and every decompression has a budget"},
	{"github.com/pierrec/lz4/v4", []string{"internal/kafka/compress"},
		"one Codec type, and every decompression has a budget"},
	{"github.com/HdrHistogram/hdrhistogram-go", []string{"bench/..."},
		"percentiles of latencies, to three digits whatever their size"},
	{"golang.org/x/sys", []string{"internal/vfs", "broker/internal/network", "internal/cli/...", "bench/..."},
		"calls of one operating system stay at the edges, with portable twins"},
	{"github.com/google/btree", []string{"broker/...", "internal/..."},
		"ordered maps, where iteration order must not be Go's"},
	{"github.com/hanwen/go-fuse/v2", []string{"e2e/powercut"},
		"a disk beneath the real binary whose power can be cut; it is part of no binary of ours"},
	{"github.com/prometheus", nil, "Prometheus's own parser reads what we export; the format is written by internal/metrics"},
	{"github.com/spf13", []string{"internal/cli", "internal/cli/command"}, "commands, their options and completion; the tools by Kafka's names read their words themselves"},
	{"github.com/anishathalye/porcupine", []string{"internal/history/register"},
		"the judge of linearizability; it is part of no binary of ours but the simulator's"},
	{"github.com/cockroachdb/datadriven", []string{"internal/cli/golden"}, "scripts of tests"},
	{"pgregory.net/rapid", nil, "random operations in tests"},
}

// files is a list of exceptions to one rule: file → reason. An entry for a file that is gone,
// or that no longer needs it, is itself a violation.
type files map[string]string

// diskPackages are the packages whose only road to files is vfs (S-18), and diskFiles the
// exceptions.
var diskPackages = []string{"broker/internal/..."}

var diskFiles = files{
	"broker/internal/network/socket_linux.go": "reads, writes and sends on the descriptors of sockets; the file that it sends from is vfs's",
}

// cores are the packages that the simulator steps: no goroutine, clock, randomness, channel or
// dependence on map order (ARCHITECTURE decision 9).
var cores = []struct{ pattern, reason string }{
	{"internal/kafka/...", "codecs compute on bytes and nothing else"},
	{"broker/internal/storage", "every crash point of a log must be reachable by seed"},
	{"broker/internal/storage/commitlog", "every crash point of the ring must be reachable by seed"},
	{"broker/internal/storage/clean", "what compaction keeps is a function of the batches and the round"},
	{"broker/internal/replica", "the simulator steps partitions; time is an argument"},
	{"broker/internal/delayed", "deadlines are compared with the now that is passed in"},
	{"broker/internal/metadata", "an image is a fold over the metadata log"},
	{"broker/internal/quorum", "Raft is stepped by ticks and messages"},
	{"broker/internal/controller", "decisions are a function of the image and the request"},
	{"broker/internal/coordinator/...", "state is a fold over the shard's log"},
	{"broker/internal/quota", "the time of a use is an argument"},
	{"broker/internal/security", "a decision is a function of image, principal and request"},
}

// shells are the files inside core packages that own goroutines, clocks or channels, each with
// what it drives. The core beside it must be steppable without it.
var shells = files{
	"broker/internal/coordinator/runtime.go": "the loops that step the shards: decisions, publishes and timers, one at a time",
	"broker/internal/delayed/clock.go":       "the ticker that advances the list of delayed operations",
	"broker/internal/quorum/runner.go":       "the quorum's loop: ticks, messages and proposals into the core, one at a time",
	"broker/internal/storage/dir_close.go":   "goroutines that sync logs side by side at a stop, if the owner wants that; the simulator does not",
	"broker/internal/storage/syncer_loop.go": "the two goroutines per data directory that call the syncer's steps and the sweeps that it leaves for later",
}
