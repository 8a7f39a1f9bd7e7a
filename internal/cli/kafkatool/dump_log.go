package kafkatool

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/offline"
	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

func dumpLogParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		{Name: "files", Arg: "file,...", Help: "REQUIRED: the files: segments (.log), metadata snapshots (.checkpoint), indexes (.index, .timeindex, .txnindex), producer snapshots (.snapshot)."},
		{Name: "print-data-log", Help: "Print what the records hold; any decoder does so, too."},
		{Name: "deep-iteration", Help: "Go through the records of each batch; printing them does so, too."},
		{Name: "skip-record-metadata", Help: "Print only what the records hold, and no control records."},
		{Name: "max-bytes", Arg: "n", Type: option.Int, Default: "2147483647", Help: "How much of each file of batches to read."},
		{Name: "max-message-size", Arg: "n", Type: option.Int, Default: "5242880", Help: "The size of the largest batch, when an index is checked."},
		{Name: "verify-index-only", Help: "Check indexes against their segments without printing them."},
		{Name: "index-sanity-check", Help: "Check indexes only as a broker does when it starts."},
		{Name: "key-decoder-class", Arg: "class", Optional: true, Default: stringDecoder, Help: "How to print keys: StringDecoder, DefaultDecoder, IntegerDecoder or LongDecoder."},
		{Name: "value-decoder-class", Arg: "class", Optional: true, Default: stringDecoder, Help: "How to print values, likewise."},
		{Name: "cluster-metadata-decoder", Help: "The records are those of __cluster_metadata."},
		{Name: "offsets-decoder", Help: "The records are those of __consumer_offsets."},
		{Name: "transaction-log-decoder", Help: "The records are those of __transaction_state."},
		{Name: "share-group-state-decoder", Help: "The records are those of __share_group_state."},
		{Name: "remote-log-metadata-decoder", Help: "The records are those of __remote_log_metadata; refused, as nothing here writes them."},
	}}
}

const stringDecoder = "org.apache.kafka.tools.api.StringDecoder"

// decoderOptions make the tool print what the records hold.
var decoderOptions = []string{"print-data-log", "offsets-decoder", "transaction-log-decoder", "cluster-metadata-decoder",
	"remote-log-metadata-decoder", "value-decoder-class", "key-decoder-class", "share-group-state-decoder"}

// dumpCall is one run of kafka-dump-log: what is found wrong is told at the end.
type dumpCall struct {
	*call
	decode     offline.Decoder
	mismatches map[string][][2]int64 // by index file: the index's offset, and the log's
	gaps       map[string][][2]int64 // by segment: an offset, and the one that follows it
	times      timeErrors
}

// timeErrors are the complaints about time indexes, by file.
type timeErrors struct{ wrong, unordered, absent map[string][][2]int64 }

func runDumpLog(c *call) error {
	if err := c.Missing("files"); err != nil {
		return misuse{err.Error()}
	}
	if c.Has("remote-log-metadata-decoder") {
		return errors.New("The option --remote-log-metadata-decoder is not supported: there is no tiered storage here, and no such topic")
	}
	d := &dumpCall{call: c, mismatches: map[string][][2]int64{}, gaps: map[string][][2]int64{},
		times: timeErrors{map[string][][2]int64{}, map[string][][2]int64{}, map[string][][2]int64{}}}
	var err error
	if d.decode, err = d.decoder(); err != nil {
		return err
	}
	for _, path := range strings.Split(c.Value("files"), ",") {
		path = filepath.Clean(path)
		c.printf("Dumping %s\n", path)
		if err := d.dump(path); err != nil {
			return plainFileError(err)
		}
	}
	c.out.Flush()
	d.complain()
	return nil
}

// plainFileError says of a file only what is wrong with it.
func plainFileError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

func (d *dumpCall) decoder() (offline.Decoder, error) {
	for _, topic := range []struct {
		option string
		decode offline.Decoder
	}{
		{"offsets-decoder", offline.DecodeOffsets}, {"transaction-log-decoder", offline.DecodeTransactions},
		{"cluster-metadata-decoder", offline.DecodeMetadata}, {"share-group-state-decoder", offline.DecodeShareState},
	} {
		if d.Has(topic.option) {
			return topic.decode, nil
		}
	}
	key, err := findDecoder(d.Value("key-decoder-class"))
	if err != nil {
		return nil, err
	}
	value, err := findDecoder(d.Value("value-decoder-class"))
	if err != nil {
		return nil, err
	}
	return func(_ int64, r batch.Record) (text offline.Decoded, err error) {
		if r.Key != nil {
			k := key(r.Key)
			text.Key = &k
		}
		if r.Value != nil {
			v := value(r.Value)
			text.Value = &v
		}
		return text, nil
	}, nil
}

// findDecoder takes the class name of one of Kafka's decoders, with or without its package.
func findDecoder(class string) (func([]byte) string, error) {
	integer := func(size int) func([]byte) string {
		return func(b []byte) string {
			if len(b) != size {
				return fmt.Sprintf("(%d bytes are not a number of %d)", len(b), size)
			}
			if size == 4 {
				return fmt.Sprint(int32(binary.BigEndian.Uint32(b)))
			}
			return fmt.Sprint(int64(binary.BigEndian.Uint64(b)))
		}
	}
	switch class[strings.LastIndexByte(class, '.')+1:] {
	case "StringDecoder", "":
		return javaText, nil
	case "DefaultDecoder":
		return func(b []byte) string { return fmt.Sprintf("%x", b) }, nil
	case "IntegerDecoder":
		return integer(4), nil
	case "LongDecoder":
		return integer(8), nil
	}
	return nil, fmt.Errorf("Failed to load decoder class %s: it would have to be Java; StringDecoder, DefaultDecoder, IntegerDecoder and LongDecoder are built in", class)
}

func (d *dumpCall) dump(path string) error {
	switch filepath.Ext(path) {
	case offline.LogSuffix, offline.CheckpointSuffix:
		return d.dumpBatches(path)
	case offline.IndexSuffix:
		return d.dumpIndex(path)
	case offline.TimeIndexSuffix:
		return d.dumpTimeIndex(path)
	case offline.SnapshotSuffix:
		return d.dumpSnapshot(path)
	case offline.TxnIndexSuffix:
		return d.dumpTxnIndex(path)
	}
	d.out.Flush()
	d.warnf("Ignoring unknown file %s", path)
	return nil
}

func (d *dumpCall) dumpBatches(path string) error {
	if err := d.printStart(path); err != nil {
		return err
	}
	e, err := offline.Open(path)
	if err != nil {
		return err
	}
	defer e.Close()
	maxBytes := d.Number("max-bytes")
	e.Limit(maxBytes)
	contents := d.count(decoderOptions) > 0
	last := int64(-1)
	for e.Next() {
		d.printBatch(e.Batch(), e.Position())
		if contents || d.Has("deep-iteration") {
			if err := d.printRecords(path, e.Batch(), &last, contents); err != nil {
				return err
			}
		}
	}
	if e.Err() == nil && e.Trailing() > 0 && maxBytes == math.MaxInt32 {
		d.printf("Found %d invalid bytes at the end of %s\n", e.Trailing(), filepath.Base(path))
	}
	return e.Err()
}

// printStart says where a file of batches begins, or ends, by its name.
func (d *dumpCall) printStart(path string) error {
	if filepath.Ext(path) == offline.LogSuffix {
		base, err := offline.BaseOffset(path)
		if err == nil {
			d.printf("Log starting offset: %d\n", base)
		}
		return err
	}
	name := filepath.Base(path)
	if name == "bootstrap.checkpoint" {
		d.printf("KRaft bootstrap snapshot\n")
		return nil
	}
	var offset, epoch int64
	if n, err := fmt.Sscanf(name, "%d-%d.", &offset, &epoch); n != 2 || err != nil {
		return fmt.Errorf("%s: the name is not that of a snapshot", path)
	}
	d.printf("Snapshot end offset: %d, epoch: %d\n", offset, epoch)
	return nil
}

func (d *dumpCall) printBatch(b batch.Batch, position int64) {
	horizon := "OptionalLong.empty"
	if b.HasDeleteHorizon() {
		horizon = fmt.Sprintf("OptionalLong[%d]", b.BaseTimestamp())
	}
	d.printf("baseOffset: %d lastOffset: %d count: %d baseSequence: %d lastSequence: %d producerId: %d producerEpoch: %d partitionLeaderEpoch: %d isTransactional: %t isControl: %t deleteHorizonMs: %s",
		b.BaseOffset(), b.LastOffset(), b.NumRecords(), b.BaseSequence(), b.LastSequence(), b.ProducerID(), b.ProducerEpoch(), int32(b.LeaderEpoch()),
		b.Transactional(), b.Control(), horizon)
	d.printf(" position: %d %s: %d size: %d magic: %d compresscodec: %s crc: %d isvalid: %t\n",
		position, timestampType(b), b.MaxTimestamp(), len(b), int8(b[16]), b.Codec(), b.CRC(), b.VerifyCRC())
}

func timestampType(b batch.Batch) string {
	if b.LogAppendTime() {
		return "LogAppendTime"
	}
	return "CreateTime"
}

// printRecords prints the records of a batch, and notes where offsets do not follow each other.
func (d *dumpCall) printRecords(path string, b batch.Batch, last *int64, contents bool) error {
	if b.Codec() != compress.None { // all are read before the first one is printed
		if err := offline.Records(b, func(batch.Record) bool { return true }); err != nil {
			return err
		}
	}
	var wrong error
	err := offline.Records(b, func(r batch.Record) bool {
		offset := b.Offset(r)
		if offset != *last+1 {
			d.gaps[path] = append(d.gaps[path], [2]int64{*last, offset})
		}
		*last = offset
		prefix := "| "
		if !d.Has("skip-record-metadata") {
			prefix = " "
			if wrong = d.printMetadata(b, r, offset); wrong != nil {
				return false
			}
		}
		if contents && !b.Control() {
			var text offline.Decoded
			if text, wrong = d.decode(offset, r); wrong != nil {
				return false
			}
			if text.Key != nil {
				d.printf("%skey: %s", prefix, *text.Key)
				prefix = " "
			}
			if text.Value != nil {
				d.printf("%spayload: %s", prefix, *text.Value)
			}
		}
		d.printf("\n")
		return true
	})
	return errors.Join(err, wrong)
}

func (d *dumpCall) printMetadata(b batch.Batch, r batch.Record, offset int64) error {
	size := func(part []byte) int {
		if part == nil {
			return -1
		}
		return len(part)
	}
	var keys []string
	headers := r.Headers()
	for headers.Next() {
		keys = append(keys, javaText(headers.Header().Key))
	}
	d.printf("| offset: %d %s: %d keySize: %d valueSize: %d sequence: %d headerKeys: [%s]",
		offset, timestampType(b), b.Timestamp(r), size(r.Key), size(r.Value), sequence(b, r), strings.Join(keys, ","))
	if b.Control() {
		text, err := offline.Control(r)
		if err != nil {
			return err
		}
		d.printf(" %s", text)
	}
	return nil
}

// sequence is the sequence number of a record; after the largest int32 they go on with 0.
func sequence(b batch.Batch, r batch.Record) int32 {
	base := int64(b.BaseSequence())
	if base < 0 {
		return -1
	}
	return int32((base + int64(r.OffsetDelta)) % (math.MaxInt32 + 1))
}

func (d *dumpCall) dumpIndex(path string) error {
	x, err := offline.ReadOffsetIndex(path)
	if err != nil {
		return err
	}
	e, err := offline.Open(offline.Sibling(path, offline.LogSuffix))
	if err != nil {
		return err
	}
	defer e.Close()
	if len(x.Entries) == 0 {
		d.printf("%s is empty.\n", path)
		return nil
	}
	if d.Has("index-sanity-check") {
		return d.sane(path, x.Check())
	}
	for _, entry := range x.Used() {
		e.MoveTo(entry.Position)
		if !e.Next() || int64(len(e.Batch())) > d.Number("max-message-size") {
			return errors.Join(e.Err(), fmt.Errorf("%s: there is no batch of at most %d bytes at position %d, where offset %d should be", path, d.Number("max-message-size"), entry.Position, entry.Offset))
		}
		if got := e.Batch().LastOffset(); got != entry.Offset {
			d.mismatches[path] = append(d.mismatches[path], [2]int64{entry.Offset, got})
		}
		if !d.Has("verify-index-only") {
			d.printf("offset: %d position: %d\n", entry.Offset, entry.Position)
		}
	}
	return nil
}

func (d *dumpCall) sane(path string, err error) error {
	if err == nil {
		d.printf("%s passed sanity check.\n", path)
	}
	return err
}

func (d *dumpCall) dumpTimeIndex(path string) error {
	x, err := offline.ReadTimeIndex(path)
	if err != nil {
		return err
	}
	if d.Has("index-sanity-check") {
		return d.sane(path, x.Check())
	}
	offsets, err := offline.ReadOffsetIndex(offline.Sibling(path, offline.IndexSuffix))
	if err != nil {
		return err
	}
	e, err := offline.Open(offline.Sibling(path, offline.LogSuffix))
	if err != nil {
		return err
	}
	defer e.Close()
	before := int64(-1)
	for _, entry := range x.Used() {
		if err := d.checkTime(path, e, offsets.Position(entry.Offset), entry, before); err != nil {
			return err
		}
		if !d.Has("verify-index-only") {
			d.printf("timestamp: %d offset: %d\n", entry.Timestamp, entry.Offset)
		}
		before = entry.Timestamp
	}
	return nil
}

// checkTime compares an entry with the batch that ends with its offset.
func (d *dumpCall) checkTime(path string, e *offline.Entries, from int64, entry offline.TimeEntry, before int64) error {
	if from > e.Size() {
		return fmt.Errorf("Slice from position %d exceeds end position of %s, which has %d bytes", from, offline.Sibling(path, offline.LogSuffix), e.Size())
	}
	if before < 0 { // Kafka's tool reads to the end each time, and ends with what is wrong there
		for e.MoveTo(from); e.Next(); {
		}
		if e.Err() != nil {
			return e.Err()
		}
	}
	e.MoveTo(from)
	for e.Next() && e.Batch().LastOffset() < entry.Offset {
	}
	if e.Err() != nil {
		return e.Err()
	}
	found := int64(-1)
	if e.Batch() != nil && e.Batch().LastOffset() >= entry.Offset {
		found = e.Batch().LastOffset()
	}
	if found != entry.Offset {
		d.times.absent[path] = append(d.times.absent[path], [2]int64{entry.Offset, found})
		return nil
	}
	largest := int64(-1)
	if err := offline.Records(e.Batch(), func(r batch.Record) bool {
		largest = max(largest, e.Batch().Timestamp(r))
		return true
	}); err != nil {
		return err
	}
	if largest != entry.Timestamp {
		d.times.wrong[path] = append(d.times.wrong[path], [2]int64{entry.Timestamp, largest})
	}
	if before >= entry.Timestamp {
		d.times.unordered[path] = append(d.times.unordered[path], [2]int64{entry.Timestamp, before})
	}
	return nil
}

// dumpSnapshot goes on after a damaged snapshot, which a broker builds anew.
func (d *dumpCall) dumpSnapshot(path string) error {
	list, err := offline.ReadSnapshot(path)
	var unreadable *fs.PathError
	if errors.As(err, &unreadable) {
		return err
	}
	if err != nil {
		d.out.Flush()
		d.warnf("%s", err)
	}
	for _, p := range list {
		first := "OptionalLong.empty"
		if p.TxnFirstOffset >= 0 {
			first = fmt.Sprintf("OptionalLong[%d]", p.TxnFirstOffset)
		}
		d.printf("producerId: %d producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: %s lastTimestamp: %d", p.ID, p.Epoch, p.CoordinatorEpoch, first, p.Timestamp)
		if p.LastOffset >= 0 {
			d.printf(" firstSequence: %d lastSequence: %d lastOffset: %d offsetDelta: %d timestamp: %d", p.FirstSequence(), p.LastSequence, p.LastOffset, p.OffsetDelta, p.Timestamp)
		}
		d.printf("\n")
	}
	return nil
}

func (d *dumpCall) dumpTxnIndex(path string) error {
	list, err := offline.ReadTxnIndex(path)
	for _, t := range list {
		d.printf("version: %d producerId: %d firstOffset: %d lastOffset: %d lastStableOffset: %d\n", t.Version, t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStable)
	}
	return err
}

// complain tells on standard error what was found wrong.
func (d *dumpCall) complain() {
	each := func(all map[string][][2]int64, title func(path string) string, line string) {
		for _, path := range slices.Sorted(maps.Keys(all)) {
			d.warnf("%s", title(path))
			for _, pair := range all[path] {
				d.warnf(line, pair[0], pair[1])
			}
		}
	}
	absolute := func(path string) string {
		if abs, err := filepath.Abs(path); err == nil {
			return abs
		}
		return path
	}
	for path := range d.gaps {
		slices.SortStableFunc(d.gaps[path], func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	}
	for path := range d.mismatches {
		slices.SortFunc(d.mismatches[path], func(a, b [2]int64) int { return cmp.Compare(b[0], a[0]) })
	}
	each(d.mismatches, func(p string) string { return "Mismatches in :" + absolute(p) }, "  Index offset: %d, log offset: %d")
	each(d.times.wrong, func(p string) string { return "Found timestamp mismatch in :" + absolute(p) }, "  Index timestamp: %d, log timestamp: %d")
	each(d.times.unordered, func(p string) string { return "Found out of order timestamp in :" + absolute(p) }, "  Index timestamp: %d, Previously indexed timestamp: %d")
	each(d.times.absent, func(p string) string { return "The following indexed offsets are not found in :" + absolute(p) }, "Indexed offset: %d, found log offset: %d")
	each(d.gaps, func(p string) string { return "Non-consecutive offsets in " + absolute(p) }, "  %d is followed by %d")
}
