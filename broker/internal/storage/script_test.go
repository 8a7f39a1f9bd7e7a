package storage

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestScripts runs the scripts in testdata/script: one log in one directory on a memory disk.
// Goal: what a caller sees (offsets, extents of reads, epochs, times, segment files) over
// appends, rolls, truncations, clean and unclean restarts.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/script", func(t *testing.T, path string) {
		h := &scripted{fs: vfs.NewMem(), cfg: Config{SegmentBytes: 1 << 20}}
		datadriven.RunTest(t, path, h.run)
		if h.dir != nil {
			h.dir.Close(false, 0)
		}
	})
}

type scripted struct {
	fs  *vfs.MemFS
	cfg Config
	dir *Dir
	log *Log
	pin []Slice
}

func arg(d *datadriven.TestData, t *testing.T, key string, or int64) int64 {
	if d.HasArg(key) {
		d.ScanArgs(t, key, &or)
	}
	return or
}

func (h *scripted) run(t *testing.T, d *datadriven.TestData) string {
	get := func(key string, or int64) int64 { return arg(d, t, key, or) }
	switch d.Cmd {
	case "config":
		h.cfg.SegmentBytes = int32(get("segment-bytes", int64(h.cfg.SegmentBytes)))
		h.cfg.SegmentMs = get("segment-ms", h.cfg.SegmentMs)
		h.cfg.IndexIntervalBytes = int32(get("interval", int64(h.cfg.IndexIntervalBytes)))
		h.cfg.SegmentIndexBytes = int32(get("index-bytes", int64(h.cfg.SegmentIndexBytes)))
		h.cfg.Sparse = d.HasArg("sparse")
		h.cfg.Delete = d.HasArg("delete")
		h.cfg.RetentionMs, h.cfg.RetentionBytes = get("retention-ms", -1), get("retention-bytes", -1)
		h.cfg.FileDeleteDelayMs = get("file-delete-delay-ms", 0)
		if d.HasArg("os") {
			h.cfg.Flush = FlushOS
		}
		if h.log != nil {
			h.log.SetConfig(h.cfg)
		}
		return ""
	case "open":
		h.dir, h.log = openTestLog(t, h.fs, h.cfg)
		return h.state()
	case "reopen": // after a clean stop
		if err := h.dir.Close(true, 1); err != nil {
			return err.Error()
		}
		h.dir, h.log = openTestLog(t, h.fs, h.cfg)
		return h.state()
	case "kill", "power-cut":
		if d.Cmd == "kill" {
			h.fs = killed(h.fs)
		} else {
			h.fs = powerCut(h.fs)
		}
		h.dir, h.log = openTestLog(t, h.fs, h.cfg)
		return h.state()
	case "append":
		b := makeBatch(int(get("n", 1)), int(get("size", 20)), get("ts", -1), compress.None)
		base, err := h.log.Append(b, kafka.LeaderEpoch(get("epoch", 0)), get("now", 0))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("base=%d bytes=%d", base, len(b))
	case "follow":
		var p []byte
		for line := range strings.Lines(d.Input) {
			var base, n, epoch, ts int64
			fmt.Sscanf(line, "base=%d n=%d epoch=%d ts=%d", &base, &n, &epoch, &ts)
			b := makeBatch(int(n), 20, ts, compress.None)
			b.SetBaseOffset(base)
			b.SetLeaderEpoch(kafka.LeaderEpoch(epoch))
			p = append(p, b...)
		}
		if d.HasArg("spoil") {
			p[get("spoil", 0)] ^= 1
		}
		a, err := h.log.AppendAsFollower(p, 0)
		return fmt.Sprintf("first=%d next=%d max=%d err=%v", a.FirstOffset, a.NextOffset, a.MaxTimestamp, err)
	case "sync":
		return fmt.Sprintf("work=%v %s", h.dir.SyncOnce(), h.state())
	case "read", "pin":
		s, err := h.log.Read(get("from", 0), int32(get("max", math.MaxInt32)), get("bound", math.MaxInt64), d.HasArg("one"))
		if err != nil {
			return err.Error()
		}
		if d.Cmd == "pin" {
			h.pin = append(h.pin, s)
			return "pinned"
		}
		defer s.Close()
		return extent(t, s)
	case "unpin":
		s := h.pin[0]
		h.pin = h.pin[1:]
		defer s.Close()
		return extent(t, s)
	case "truncate":
		if err := h.log.TruncateTo(get("to", 0)); err != nil {
			return err.Error()
		}
		return h.state()
	case "reset":
		if err := h.log.Reset(get("to", 0)); err != nil {
			return err.Error()
		}
		return h.state()
	case "log-start":
		if err := h.log.SetLogStartOffset(get("to", 0)); err != nil {
			return err.Error()
		}
		return h.state()
	case "retain":
		r, err := h.dir.Retain(get("now", 0), []Retainable{{h.log, get("hw", h.log.LogEndOffset())}})
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("start,size,time: segments=%v bytes=%v %s", r.Segments, r.Bytes, h.state())
	case "roll":
		rolled, err := h.log.RollAged(get("now", 0))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("rolled=%v %s", rolled, h.state())
	case "unlink":
		next, err := h.dir.Unlink(get("now", 0))
		if err != nil {
			return err.Error()
		}
		w := h.dir.Trash()
		if next == math.MaxInt64 {
			next = -1
		}
		return fmt.Sprintf("next=%d waiting=%d/%d unlinked=%d/%d", next, w.Waiting, w.WaitingBytes, w.Files, w.Bytes)
	case "remove":
		if err := h.log.Discard(); err != nil {
			return err.Error()
		}
		if err := h.dir.RemoveLog(testTopic, h.cfg.FileDeleteDelayMs); err != nil {
			return err.Error()
		}
		var err error
		if h.log, err = h.dir.OpenLog(testTopic, h.cfg, nil); err != nil {
			return err.Error()
		}
		return h.state()
	case "dirs":
		names, err := h.fs.List(testDir)
		if err != nil {
			return err.Error()
		}
		var out strings.Builder
		for _, n := range names {
			if info, _ := h.fs.Stat(testDir + "/" + n); info.Dir {
				fmt.Fprintln(&out, n)
			}
		}
		return out.String()
	case "state":
		return h.state()
	case "epoch-end":
		e, end := h.log.EndOffsetForEpoch(kafka.LeaderEpoch(get("epoch", 0)))
		return fmt.Sprintf("epoch=%d end=%d", e, end)
	case "assign-epoch":
		h.log.AssignEpoch(kafka.LeaderEpoch(get("epoch", 0)))
		return h.state()
	case "time":
		o, ts, e, err := h.log.OffsetForTimestamp(get("ts", 0), get("bound", math.MaxInt64))
		return fmt.Sprintf("offset=%d ts=%d epoch=%d err=%v", o, ts, e, err)
	case "max-time":
		o, ts, e, err := h.log.MaxTimestamp(get("bound", math.MaxInt64))
		return fmt.Sprintf("offset=%d ts=%d epoch=%d err=%v", o, ts, e, err)
	case "files":
		names, err := h.fs.List(h.log.Path())
		if err != nil {
			return err.Error()
		}
		var out strings.Builder
		for _, n := range names {
			info, _ := h.fs.Stat(h.log.Path() + "/" + n)
			fmt.Fprintf(&out, "%s %d\n", n, info.Size)
		}
		return out.String()
	}
	return "unknown command " + d.Cmd
}

func (h *scripted) state() string {
	l := h.log
	return fmt.Sprintf("start=%d flushed=%d end=%d recovery=%d segments=%d epochs=%v\n", l.LogStartOffset(),
		l.FlushedEndOffset(), l.LogEndOffset(), l.RecoveryPoint(), l.Segments(), l.epochs.mu.entries)
}

func extent(t *testing.T, s Slice) string {
	p, err := s.AppendTo(nil)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, b := range batches(t, p) {
		out = append(out, fmt.Sprintf("%d-%d", b.BaseOffset(), b.LastOffset()))
	}
	return fmt.Sprintf("%v next=%d", out, s.NextOffset())
}
