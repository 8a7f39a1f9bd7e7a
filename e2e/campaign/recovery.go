package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/e2e/trial"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

const (
	// recoveryPartitions have one segment each, their active one; recoveryBytes is what they hold together.
	recoveryPartitions = 100
	recoveryBytes      = 10 << 30
	// recoveryLast is how much of that comes in small batches, by way of the commit log, with the kill among them.
	recoveryLast = 64 << 20
	// recoveryLarge and recoverySmall are about how large a batch is.
	recoveryLarge, recoverySmall = 1_000_000, 16_000
	// recoveryProducers have as many partitions each, and send one batch at a time.
	recoveryProducers = 10
	// recoveryWithin is how long the start may take until every partition is served.
	recoveryWithin = 5 * time.Second
)

// recoveryPolicies are the flush policies, one after the other.
var recoveryPolicies = []string{"group", "os"}

// recovery kills a broker with much in its active segments under producers, o.n times for each policy, and starts it again.
func recovery(ctx context.Context, o *options, p *page) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p.addf("%d producers write batches of %d KB, and the last %d MiB in batches of %d KB, with acks=all to %d partitions, of which each has one segment, the active one. With %d GiB acknowledged, and with batches of all of them on their way, "+
		"the broker is killed (kill -9) and started again. Then everything that was acknowledged is read and compared. The time is from the start of the process to the answer that knows the end of every partition. "+
		"A scan begins at the last index entry below the recovery point, so that the last batch below it is checked, too: one of %d KB of each partition.\n\n",
		recoveryProducers, recoveryLarge/1000, recoveryLast>>20, recoverySmall/1000, recoveryPartitions, recoveryBytes>>30, recoveryLarge/1000)
	p.addf("| turn | policy | acknowledged MiB | written at MiB/s | above the recovery points MiB | scanned MiB | replayed MiB | served after s | CPU of the start s | read back MiB | lost |\n|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	var failed []error
	for turn := range int(o.n) {
		for _, policy := range recoveryPolicies {
			if !only.MatchString(policy) {
				continue
			}
			r := &recovering{dir: filepath.Join(dir, "data"), policy: policy, bin: bin}
			err := r.turn(ctx)
			row := fmt.Sprintf("| %d | %s | %.0f | %.0f | %.1f | %.1f | %.1f | %.2f | %.2f | %.0f | %d |\n", turn+1, policy, mib(r.acked.Load()), mib(r.acked.Load())/r.writing.Seconds(),
				mib(r.above), mib(r.scanned), mib(r.replayed), r.served.Seconds(), r.cpu.Seconds(), mib(r.read), r.lost)
			p.addf("%s", row)
			fmt.Print(row)
			if err != nil {
				failed = append(failed, fmt.Errorf("turn %d, %s: %w", turn+1, policy, err))
			}
			if err := os.RemoveAll(r.dir); err != nil {
				return err
			}
		}
	}
	return errors.Join(failed...)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// recovering is one turn.
type recovering struct {
	dir, policy, bin string
	broker           *trial.Broker
	metrics          string
	shapes           [2][]byte                 // the batches, large and small
	ends             [recoveryPartitions]int64 // what was acknowledged; each written by one producer
	acked            atomic.Int64              // bytes

	writing, served, cpu           time.Duration
	above, scanned, replayed, read int64
	lost                           int64 // records
}

func (r *recovering) turn(ctx context.Context) error {
	at, err := freePort()
	if err != nil {
		return err
	}
	r.metrics = at
	for i, size := range []int{recoveryLarge, recoverySmall} {
		if r.shapes[i], err = recoveryBatch(size); err != nil {
			return err
		}
	}
	r.broker = trial.NewBroker(r.bin, r.dir, "metrics.listener="+at, "auto.create.topics.enable=false")
	if err := r.broker.Start(); err != nil {
		return err
	}
	if err := r.write(ctx); err != nil {
		return errors.Join(err, r.broker.Kill())
	}
	begin := time.Now()
	if err := r.broker.Start(); err != nil {
		return err
	}
	ends, err := r.listEnds(ctx)
	r.served = time.Since(begin)
	if err == nil {
		err = r.figures(ctx)
	}
	if err == nil {
		err = r.compare(ctx, ends)
	}
	return errors.Join(err, r.broker.Stop(), r.judge())
}

// judge compares what came of it with the goals.
func (r *recovering) judge() error {
	below := int64(recoveryPartitions * 2 * recoveryLarge) // what a scan may look at below the points
	switch {
	case r.lost > 0:
		return fmt.Errorf("%d acknowledged records are lost", r.lost)
	case r.scanned > r.above+below:
		return fmt.Errorf("%d bytes were scanned, %d lie above the recovery points", r.scanned, r.above)
	case r.served > recoveryWithin:
		return fmt.Errorf("served after %v, want %v", r.served, recoveryWithin)
	}
	return nil
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// recoveryBatch is a batch of records of a kilobyte, of about a size. Its bytes tell from its checksum on whether they are its.
func recoveryBatch(size int) ([]byte, error) {
	random := rand.NewChaCha8([32]byte{byte(size)})
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	value := make([]byte, 1000)
	for range size / len(value) {
		_, _ = random.Read(value)
		b.Append(time.Now().UnixMilli(), nil, value, nil)
	}
	built, err := b.Build()
	return append([]byte(nil), built...), err
}

// write makes the topic and lets the producers write, until enough is acknowledged: then it kills the broker under them.
func (r *recovering) write(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker.Addr()))
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, recoveryPartitions, 1, map[string]*string{"flush.policy": &r.policy}, recoveryTopic); err != nil {
		return err
	}
	begin := time.Now()
	var wait sync.WaitGroup
	errs := make([]error, recoveryProducers)
	enough := make(chan struct{})
	var once, stopped sync.Once
	over := make(chan struct{})
	for i := range recoveryProducers {
		wait.Go(func() {
			errs[i] = r.producer(i, func(acked int64) {
				if acked >= recoveryBytes {
					once.Do(func() { close(enough) })
				}
			})
			stopped.Do(func() { close(over) })
		})
	}
	select {
	case <-enough:
	case <-over: // one of them has failed
	case <-ctx.Done():
	}
	r.writing = time.Since(begin)
	if err := r.broker.Kill(); err != nil {
		return err
	}
	wait.Wait()
	if r.acked.Load() < recoveryBytes {
		return errors.Join(append(errs, ctx.Err(), errors.New("the producers ended early"))...)
	}
	return nil // they ended because the broker did
}

const recoveryTopic = "much"

// producer writes to its partitions in turn until the connection ends.
func (r *recovering) producer(number int, told func(acked int64)) error {
	conn, err := net.Dial("tcp", r.broker.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(9)
	for i := 0; ; i++ {
		partition := number + i%(recoveryPartitions/recoveryProducers)*recoveryProducers
		shape := r.shapes[0]
		if r.acked.Load() > recoveryBytes-recoveryLast {
			shape = r.shapes[1]
		}
		if _, err := conn.Write(recoveryFrame(int32(partition), shape)); err != nil {
			return err
		}
		answer, err := readAnswer(in)
		if err != nil {
			return err
		}
		if err := resp.ReadFrom(answer); err != nil {
			return err
		}
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.BaseOffset != r.ends[partition] {
			return fmt.Errorf("partition %d: error %d at %d, want %d", partition, p.ErrorCode, p.BaseOffset, r.ends[partition])
		}
		r.ends[partition] += int64(batch.Batch(shape).NumRecords())
		told(r.acked.Add(int64(len(shape))))
	}
}

func recoveryFrame(partition int32, records []byte) []byte {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(9)
	req.Acks, req.TimeoutMillis = -1, 60_000
	rt, rp := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	rt.Topic, rp.Partition, rp.Records = recoveryTopic, partition, records
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("recovery")).AppendRequest(nil, req, 1)
}

// readAnswer reads one answer and returns what follows its header, of the flexible kind.
func readAnswer(in *bufio.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(in, answer); err != nil {
		return nil, err
	}
	return answer[min(5, len(answer)):], nil
}

// listEnds asks for the end of every partition until all are known.
func (r *recovering) listEnds(ctx context.Context) (kadm.ListedOffsets, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker.Addr()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for {
		ends, err := kadm.NewClient(client).ListEndOffsets(ctx, recoveryTopic)
		if err != nil || ends.Error() == nil && len(ends[recoveryTopic]) == recoveryPartitions {
			return ends, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// figures are what the broker says of its recovery.
func (r *recovering) figures(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.metrics+"/metrics", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ = strings.Cut(name, "{")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "thalweg_dir_recovery_scanned_bytes":
			r.scanned = int64(n)
		case "thalweg_dir_recovery_above_bytes":
			r.above = int64(n)
		case "thalweg_dir_recovery_replayed_bytes":
			r.replayed = int64(n)
		case "process_cpu_seconds_total":
			r.cpu = time.Duration(n * float64(time.Second))
		}
	}
	if r.scanned == 0 {
		return errors.New("the broker says that it scanned nothing")
	}
	return nil
}

// compare reads every partition and counts the acknowledged records that are not there as they were sent.
func (r *recovering) compare(ctx context.Context, ends kadm.ListedOffsets) error {
	conn, err := net.Dial("tcp", r.broker.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<20)
	for partition := range int32(recoveryPartitions) {
		end, _ := ends.Lookup(recoveryTopic, partition)
		next := int64(0)
		for next < end.Offset && ctx.Err() == nil {
			records, err := fetchRaw(conn, in, partition, next)
			if err != nil {
				return err
			}
			r.read += int64(len(records))
			before := next
			for len(records) > 0 {
				b, rest, err := batch.Next(records)
				if err != nil { // the last one is cut off
					break
				}
				if !r.sent(b) || b.BaseOffset() != next {
					return fmt.Errorf("partition %d holds at %d what nobody sent, at %d", partition, b.BaseOffset(), next)
				}
				next, records = b.NextOffset(), rest
			}
			if next == before {
				return fmt.Errorf("partition %d gives nothing at %d, it ends at %d", partition, next, end.Offset)
			}
		}
		r.lost += max(0, r.ends[partition]-next)
	}
	return ctx.Err()
}

// sent says whether a batch is one of those that were sent, but for its offset and epoch.
func (r *recovering) sent(b batch.Batch) bool {
	for _, shape := range r.shapes {
		if len(b) == len(shape) && string(b[batchTail:]) == string(shape[batchTail:]) {
			return true
		}
	}
	return false
}

// batchTail is where in a batch begins what the broker does not set: its magic byte.
const batchTail = 16

func fetchRaw(conn net.Conn, in *bufio.Reader, partition int32, offset int64) ([]byte, error) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = 8<<20, 1, 1000, -1
	rt, rp := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	rt.Topic, rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = recoveryTopic, partition, offset, 8<<20
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("recovery")).AppendRequest(nil, req, 1)); err != nil {
		return nil, err
	}
	answer, err := readAnswer(in)
	if err != nil {
		return nil, err
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(12)
	if err := resp.ReadFrom(answer); err != nil {
		return nil, err
	}
	p := resp.Topics[0].Partitions[0]
	return p.RecordBatches, kerr.ErrorForCode(p.ErrorCode)
}
