package command

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thalweg-io/thalweg/broker/offline"
	"github.com/thalweg-io/thalweg/internal/cli/output"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Log is the command that works on files. It needs no cluster.
func Log(e Env) *cobra.Command {
	cmd := family(&cobra.Command{Use: "log", Short: "look into the files of a data directory, check, repair and move them"}, logDump(e), logVerify(e), logRepair(e), logAdopt(e))
	outputFlag(cmd)
	return cmd
}

func logDump(e Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dump FILE...",
		Short: "show the batches or the records of segments",
		Long: "Shows the batches of segments (.log) and of snapshots of the metadata (.checkpoint), or their records. " +
			"The records of Kafka's own topics are decoded. Of files of the commit log (.thalweg-commitlog-..., .thalweg-replay-..., .thalweg-parked-replay) it shows the header and every entry, or the records in the entries. " +
			"Nothing is written, and a broker may be running.",
		Example: "thalweg log dump data/greetings-0/00000000000000000000.log\nthalweg log dump --records data/__consumer_offsets-3/*.log -o json\nthalweg log dump data/.thalweg-commitlog-*",
		Args:    atLeast(1, "the files"),
		RunE:    e.run(runLogDump),
	}
	cmd.Flags().Bool("records", false, "records, not batches")
	return cmd
}

func runLogDump(c *call, args []string) error {
	t := output.New("file", ">position", ">first", ">last", ">records", ">bytes", "time", "codec", ">producer", ">epoch", "kind", "checksum")
	entries := 0
	for _, path := range args {
		if offline.IsCommitLog(path) {
			entries++
		}
	}
	switch {
	case c.flag("records"):
		t = output.New("file", ">offset", "time", "key", "value")
	case entries == len(args):
		t = output.New("file", ">position", "kind", ">generation", "id", ">partition", ">epoch", ">base", ">next", ">bytes", ">batches", "note")
	case entries > 0:
		return errors.New("segments and files of the commit log have different columns: name one or the other")
	}
	for _, path := range args {
		dump := dumpFile
		if offline.IsCommitLog(path) {
			dump = dumpCommitLog
		}
		if err := dump(c, t, path); err != nil {
			_ = t.Write(c.Out, c.format) // what was read before it
			return fileError(err)
		}
	}
	return t.Write(c.Out, c.format)
}

func fileError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("cannot read %s: %w", p.Path, p.Err)
	}
	return err
}

func dumpFile(c *call, t *output.Table, path string) error {
	e, err := offline.Open(path)
	if err != nil {
		return err
	}
	defer e.Close()
	name := filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
	decode := decoderOf(path)
	for e.Next() {
		b := e.Batch()
		if !c.flag("records") {
			t.Add(name, e.Position(), b.BaseOffset(), b.LastOffset(), int(b.NumRecords()), len(b), instant(b.MaxTimestamp()), b.Codec().String(),
				orNone(int64(b.ProducerID())), int(b.LeaderEpoch()), batchKind(b), checksum(b))
			continue
		}
		var wrong error
		err := offline.Records(b, func(r batch.Record) bool {
			offset := b.Offset(r)
			var text offline.Decoded
			if text, wrong = recordText(b, r, offset, decode); wrong == nil {
				t.Add(name, offset, instant(b.Timestamp(r)), orNil(text.Key), orNil(text.Value))
			}
			return wrong == nil
		})
		if err = errors.Join(err, wrong); err != nil {
			return fmt.Errorf("%s at %d: %w", path, e.Position(), err)
		}
	}
	if e.Err() == nil && e.Trailing() > 0 {
		fmt.Fprintf(c.Err, "%s: %d bytes after the last whole batch\n", path, e.Trailing())
	}
	return e.Err()
}

// dumpCommitLog shows the header and the entries of a file of the commit log.
func dumpCommitLog(c *call, t *output.Table, path string) error {
	l, err := offline.OpenCommitLog(path)
	if err != nil {
		return err
	}
	defer l.Close()
	if !l.Readable() {
		fmt.Fprintf(c.Err, "%s: there is no header\n", path)
		return nil
	}
	name, records := filepath.Base(path), c.flag("records")
	if !records {
		note := any(nil)
		if end := l.PreviousEnd(); end > 0 {
			note = fmt.Sprintf("the file before was used up to %d", end)
		}
		t.Add(name, 0, "header", int64(l.Generation()), l.Directory().String(), nil, nil, nil, nil, nil, nil, note)
	}
	for l.Next() {
		e := l.Entry()
		batches := 0
		for rest := batch.Batch(e.Payload); len(rest) > 0; batches++ {
			b, after, err := batch.Next(rest)
			if err == nil && records {
				err = offline.Records(b, func(r batch.Record) bool {
					text, _ := recordText(b, r, b.Offset(r), nil)
					t.Add(name, b.Offset(r), instant(b.Timestamp(r)), orNil(text.Key), orNil(text.Value))
					return true
				})
			}
			if err != nil {
				return fmt.Errorf("%s at %d: %w", path, e.Position, err)
			}
			rest = after
		}
		if records {
			continue
		}
		note := any(nil)
		if e.LastOfWrite {
			note = "last of its write"
		}
		t.Add(name, e.Position, e.Kind, int64(l.Generation()), e.Topic.String(), int(e.Partition), int(e.Epoch), e.Base, e.Next, len(e.Payload), batches, note)
	}
	return l.Err()
}

// decoderOf is the decoder for a file's topic, by the name of its directory; nil for topics of users.
func decoderOf(path string) offline.Decoder {
	if filepath.Ext(path) == offline.CheckpointSuffix {
		return offline.DecodeMetadata
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil
	}
	name := filepath.Base(dir)
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	return map[string]offline.Decoder{"__cluster_metadata": offline.DecodeMetadata, "__consumer_offsets": offline.DecodeOffsets,
		"__transaction_state": offline.DecodeTransactions, "__share_group_state": offline.DecodeShareState}[name]
}

func recordText(b batch.Batch, r batch.Record, offset int64, decode offline.Decoder) (text offline.Decoded, err error) {
	switch {
	case b.Control():
		control, err := offline.Control(r)
		return offline.Decoded{Value: &control}, err
	case decode != nil:
		return decode(offset, r)
	}
	if r.Key != nil {
		key := string(r.Key)
		text.Key = &key
	}
	if r.Value != nil {
		value := string(r.Value)
		text.Value = &value
	}
	return text, nil
}

func orNil(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func orNone(n int64) any {
	if n < 0 {
		return nil
	}
	return n
}

func instant(ms int64) any {
	if ms < 0 {
		return nil
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

func batchKind(b batch.Batch) string {
	switch {
	case b.Control():
		return "control"
	case b.Transactional():
		return "transactional"
	}
	return "data"
}

func checksum(b batch.Batch) string {
	if b.VerifyCRC() {
		return "ok"
	}
	return "WRONG"
}

func logVerify(e Env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIRECTORY...",
		Short: "check that logs are whole",
		Long: "Reads logs from the first to the last byte: every checksum fits, offsets go up, every record can be read, the indexes are right. " +
			"A directory is that of a partition, or a data directory with all its partitions and its commit log, of which a file may be named, too. Nothing is written, and a broker may be running. " +
			"The exit code is 1 if something is wrong that a broker does not put right by itself.",
		Example: "thalweg log verify data\nthalweg log verify data/greetings-0 -o json",
		Args:    atLeast(1, "the directories"),
		RunE:    e.run(runLogVerify),
	}
}

func runLogVerify(c *call, args []string) error {
	t := output.New("log", ">segments", ">batches", ">records", ">bytes", ">first", ">end", "state")
	damaged := false
	for _, path := range args {
		files, err := offline.CommitLogs(path)
		if err != nil {
			return fileError(err)
		}
		dirs, err := offline.Partitions(path)
		if err != nil && len(files) == 0 {
			return fileError(err)
		}
		for _, dir := range dirs {
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			r, err := offline.Verify(dir)
			if err != nil {
				return fileError(err)
			}
			t.Add(filepath.Base(dir), r.Segments, r.Batches, r.Records, r.Bytes, r.FirstOffset, r.EndOffset, logState(r))
			tellProblems(c, r)
			damaged = damaged || r.Damaged()
		}
		reports, err := offline.VerifyCommitLogs(files)
		if err != nil {
			return fileError(err)
		}
		for _, r := range reports {
			t.Add(filepath.Base(r.Dir), nil, r.Batches, r.Records, r.Bytes, nil, nil, logState(r))
			tellProblems(c, r)
			damaged = damaged || r.Damaged()
		}
	}
	if err := t.Write(c.Out, c.format); err != nil {
		return err
	}
	if damaged {
		return errTold
	}
	return nil
}

func tellProblems(c *call, r *offline.Report) {
	for _, p := range r.Problems {
		place := p.File
		if p.Position >= 0 {
			place = fmt.Sprintf("%s at %d", p.File, p.Position)
		}
		fmt.Fprintf(c.Err, "%s: %s\n", place, p.Text)
	}
}

func logState(r *offline.Report) string {
	switch {
	case r.Damaged():
		return "DAMAGED"
	case len(r.Problems) > 0:
		return "to be repaired at the next start"
	}
	return "whole"
}
