package broker

import (
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/metrics"
)

func partitionGauge(name, unit, help string) *metrics.Family {
	return &metrics.Family{Name: name, Kind: metrics.KindGauge, Unit: unit, Labels: []string{"topic", "partition"}, Help: help}
}

// partitionGauges have one sample per partition of this broker.
var partitionGauges = []struct {
	family *metrics.Family
	of     func(*replica.Stats) int64
}{
	{partitionGauge("kafka_log_log_size", "bytes", "Size of the log's segments."), func(p *replica.Stats) int64 { return p.Size }},
	{partitionGauge("kafka_log_log_numlogsegments", "", "Segments of the log."), func(p *replica.Stats) int64 { return int64(p.Segments) }},
	{partitionGauge("kafka_log_log_logstartoffset", "offset", "First offset that is kept."), func(p *replica.Stats) int64 { return p.LogStart }},
	{partitionGauge("kafka_log_log_logendoffset", "offset", "Offset of the next record."), func(p *replica.Stats) int64 { return p.LogEnd }},
	{partitionGauge("thalweg_log_high_watermark", "offset", "First offset that is not committed."), func(p *replica.Stats) int64 { return p.HighWatermark }},
	{partitionGauge("thalweg_log_flushed_end_offset", "offset", "First offset that is not known to be on the disk."), func(p *replica.Stats) int64 { return p.FlushedEnd }},
	{partitionGauge("kafka_cluster_partition_replicascount", "", "Replicas, in leaders only."), func(p *replica.Stats) int64 { return int64(p.Replicas) }},
	{partitionGauge("kafka_cluster_partition_insyncreplicascount", "", "Replicas in sync, in leaders only."), func(p *replica.Stats) int64 { return int64(p.InSync) }},
	{partitionGauge("kafka_cluster_partition_underreplicated", "", "1 if a replica is out of sync, in leaders only."), func(p *replica.Stats) int64 { return flag(p.InSync < p.Replicas) }},
	{partitionGauge("kafka_cluster_partition_underminisr", "", "1 if fewer replicas are in sync than min.insync.replicas, in leaders only."), func(p *replica.Stats) int64 { return flag(p.UnderMinISR()) }},
}

// leadersOnly is the index from which partitionGauges are told by leaders alone.
const leadersOnly = 6

func flag(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

var (
	dirOffline = metrics.Family{Name: "kafka_log_logmanager_logdirectoryoffline", Kind: metrics.KindGauge, Labels: []string{"logDirectory"},
		Help: "1 if the data directory has failed and is offline."}
	dirsOffline = metrics.Family{Name: "kafka_log_logmanager_offlinelogdirectorycount", Kind: metrics.KindGauge, Help: "Data directories that are offline."}
	dirFull     = metrics.Family{Name: "thalweg_dir_full", Kind: metrics.KindGauge, Labels: []string{"logDirectory"},
		Help: "1 while clients' records are refused because the disk has no room left."}
	dirFree = metrics.Family{Name: "thalweg_dir_free_bytes", Kind: metrics.KindGauge, Unit: "bytes", Labels: []string{"logDirectory"},
		Help: "Free room of the file system that the data directory is in."}
	dirTotal = metrics.Family{Name: "thalweg_dir_total_bytes", Kind: metrics.KindGauge, Unit: "bytes", Labels: []string{"logDirectory"},
		Help: "Size of the file system that the data directory is in."}
)

// trashMetrics tell of what is deleted, for each data directory that works.
var trashMetrics = []struct {
	family *metrics.Family
	of     func(*storage.Trash) int64
}{
	{dirMetric("thalweg_dir_unlink_waiting", metrics.KindGauge, "", "Segments and directories that were deleted and wait to be unlinked, because of file.delete.delay.ms or to leave the disk to others."), func(t *storage.Trash) int64 { return int64(t.Waiting) }},
	{dirMetric("thalweg_dir_unlink_waiting_bytes", metrics.KindGauge, "bytes", "Size of these segments; that of directories is not known."), func(t *storage.Trash) int64 { return t.WaitingBytes }},
	{dirMetric("thalweg_dir_unlinked_files_total", metrics.KindCounter, "", "Files unlinked."), func(t *storage.Trash) int64 { return t.Files }},
	{dirMetric("thalweg_dir_unlinked_bytes_total", metrics.KindCounter, "bytes", "Size of the files unlinked."), func(t *storage.Trash) int64 { return t.Bytes }},
}

// recoveryMetrics tell of what the logs of each data directory have cost that were opened after an unclean stop.
var recoveryMetrics = []struct {
	family *metrics.Family
	of     func(storage.Recovery) int64
}{
	{dirMetric("thalweg_dir_recovery_scanned_bytes", metrics.KindGauge, "bytes", "Bytes of logs that were read and checked because the last stop was not clean: those above the recovery points, and the last batches below each."), func(r storage.Recovery) int64 { return r.Scanned }},
	{dirMetric("thalweg_dir_recovery_above_bytes", metrics.KindGauge, "bytes", "Bytes that lay above the recovery points of these logs."), func(r storage.Recovery) int64 { return r.Above }},
	{dirMetric("thalweg_dir_recovery_replayed_bytes", metrics.KindGauge, "bytes", "Bytes that were brought back into these logs from the commit log."), func(r storage.Recovery) int64 { return r.Replayed }},
}

func dirMetric(name string, kind metrics.Kind, unit, help string) *metrics.Family {
	return &metrics.Family{Name: name, Kind: kind, Unit: unit, Labels: []string{"logDirectory"}, Help: help}
}

var (
	dirStrays         = dirMetric("thalweg_dir_strays", metrics.KindGauge, "", "Directories in the data directory that are no partition of this broker: they are kept until an operator removes them.")
	retentionSegments = metrics.Family{Name: "thalweg_log_retention_segments_total", Kind: metrics.KindCounter, Labels: []string{"reason"},
		Help: "Segments deleted by retention: by time, by size, or because they lie below the log start."}
	retentionBytes = metrics.Family{Name: "thalweg_log_retention_bytes_total", Kind: metrics.KindCounter, Unit: "bytes", Labels: []string{"reason"},
		Help: "Size of these segments."}
)

var logMetrics = metricGroup{
	title:    "Logs and data directories",
	families: append(append(partitionFamilies(), &dirOffline, &dirsOffline, &dirFull, &dirFree, &dirTotal), trashFamilies()...),
	collect:  collectLogs,
}

func partitionFamilies() (out []*metrics.Family) {
	for _, g := range partitionGauges {
		out = append(out, g.family)
	}
	return out
}

func trashFamilies() []*metrics.Family {
	out := []*metrics.Family{dirStrays}
	for _, g := range trashMetrics {
		out = append(out, g.family)
	}
	for _, g := range recoveryMetrics {
		out = append(out, g.family)
	}
	return append(out, &retentionSegments, &retentionBytes)
}

// collectTrash tells of what was deleted.
func collectTrash(s *scrape) {
	s.w.Begin(dirStrays)
	trash, paths := make([]storage.Trash, len(s.b.dirs)), make([]string, len(s.b.dirs))
	var all storage.Retained
	for i, d := range s.b.dirs {
		trash[i], paths[i] = d.Trash(), d.Path()
		all.Add(&trash[i].Retained)
		s.w.Int(int64(len(d.Strays())), paths[i])
	}
	for _, g := range trashMetrics {
		s.w.Begin(g.family)
		for i := range trash {
			s.w.Int(g.of(&trash[i]), paths[i])
		}
	}
	for _, f := range []struct {
		family *metrics.Family
		counts []int64
	}{{&retentionSegments, all.Segments[:]}, {&retentionBytes, all.Bytes[:]}} {
		s.w.Begin(f.family)
		for r, n := range f.counts {
			s.w.Int(n, storage.Reason(r).String())
		}
	}
}

func collectLogs(s *scrape) {
	for i, g := range partitionGauges {
		s.w.Begin(g.family)
		for j := range s.partitions {
			if p := &s.partitions[j]; p.Leading || i < leadersOnly {
				s.w.Int(g.of(p), p.ID.Topic, itoa(p.ID.Partition))
			}
		}
	}
	collectDirs(s)
	collectTrash(s)
	for _, g := range recoveryMetrics {
		s.w.Begin(g.family)
		for _, d := range s.b.dirs {
			s.w.Int(g.of(d.Recovered()), d.Path())
		}
	}
}

func collectDirs(s *scrape) {
	offline := int64(len(s.b.lost))
	s.w.Begin(&dirOffline)
	for _, d := range s.b.lost {
		s.w.Bool(true, d.Path)
	}
	for _, d := range s.b.dirs {
		offline += flag(d.Err() != nil)
		s.w.Bool(d.Err() != nil, d.Path())
	}
	s.one(&dirsOffline, offline)
	s.w.Begin(&dirFull)
	for _, d := range s.b.dirs {
		s.w.Bool(d.Full(), d.Path())
	}
	for _, f := range []*metrics.Family{&dirFree, &dirTotal} {
		s.w.Begin(f)
		for _, d := range s.b.dirs {
			u, err := s.b.cfg.FS.Usage(d.Path())
			switch {
			case err != nil: // not told here
			case f == &dirFree:
				s.w.Int(u.Free, d.Path())
			default:
				s.w.Int(u.Total, d.Path())
			}
		}
	}
}
