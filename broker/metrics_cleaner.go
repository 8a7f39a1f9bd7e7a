package broker

import (
	"time"

	"github.com/thalweg-io/thalweg/internal/metrics"
)

func cleanerMetric(name string, kind metrics.Kind, unit, help string) *metrics.Family {
	return &metrics.Family{Name: name, Kind: kind, Unit: unit, Help: help}
}

var (
	cleanerUtilization = cleanerMetric("kafka_log_logcleaner_max_buffer_utilization_percent", metrics.KindGauge, "percent", "How full the map of keys became in a thread's last cleaning, the largest.")
	cleanerRecopy      = cleanerMetric("kafka_log_logcleaner_cleaner_recopy_percent", metrics.KindGauge, "percent", "What the threads' last cleanings wrote of what they had read.")
	cleanerTime        = cleanerMetric("kafka_log_logcleaner_max_clean_time_secs", metrics.KindGauge, "seconds", "How long a thread's last cleaning took, the longest.")
	cleanerDelay       = cleanerMetric("kafka_log_logcleaner_max_compaction_delay_secs", metrics.KindGauge, "seconds", "By how much a log was overdue by max.compaction.lag.ms at most when a thread last looked for work.")
	cleanerDead        = cleanerMetric("kafka_log_logcleaner_deadthreadcount", metrics.KindGauge, "", "0: a thread does not die.")
	cleanerDirty       = cleanerMetric("kafka_log_logcleanermanager_max_dirty_percent", metrics.KindGauge, "percent", "Dirty part of the dirtiest compacted log when a thread last looked for work.")
	cleanerLooked      = cleanerMetric("kafka_log_logcleanermanager_time_since_last_run_ms", metrics.KindGauge, "ms", "Time since a thread last looked for work.")
	cleanerBad         = dirMetric("kafka_log_logcleanermanager_uncleanable_partitions_count", metrics.KindGauge, "", "Partitions that are not compacted any more because their log is damaged.")
	cleanerBadBytes    = dirMetric("kafka_log_logcleanermanager_uncleanable_bytes", metrics.KindGauge, "bytes", "What was dirty in them.")
	cleanerDone        = cleanerMetric("thalweg_log_cleaner_cleanings_total", metrics.KindCounter, "", "Cleanings that came to their end.")
	cleanerFailed      = cleanerMetric("thalweg_log_cleaner_failures_total", metrics.KindCounter, "", "Cleanings that failed: for lack of room, or because the log is damaged.")
	cleanerRead        = cleanerMetric("thalweg_log_cleaner_read_bytes_total", metrics.KindCounter, "bytes", "Read to find the keys, and to copy what stays.")
	cleanerKept        = cleanerMetric("thalweg_log_cleaner_kept_bytes_total", metrics.KindCounter, "bytes", "Batches that stayed, as they were written anew.")
	cleanerRemoved     = cleanerMetric("thalweg_log_cleaner_removed_records_total", metrics.KindCounter, "", "Records that did not stay.")
	cleanerKeyless     = cleanerMetric("thalweg_log_cleaner_keyless_records_total", metrics.KindCounter, "", "Records among them that had no key.")
)

var cleanerMetrics = metricGroup{
	title: "Compaction",
	families: []*metrics.Family{cleanerUtilization, cleanerRecopy, cleanerTime, cleanerDelay, cleanerDead, cleanerDirty, cleanerLooked, cleanerBad, cleanerBadBytes,
		cleanerDone, cleanerFailed, cleanerRead, cleanerKept, cleanerRemoved, cleanerKeyless},
	collect: collectCleaner,
}

func collectCleaner(s *scrape) {
	w := s.b.cleaning
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	state := &w.state
	var longest time.Duration
	var read, kept int64
	utilization := 0.0
	for _, l := range state.last {
		longest, utilization = max(longest, l.took), max(utilization, l.utilization)
		read, kept = read+l.read, kept+l.kept
	}
	s.one(cleanerUtilization, int64(100*utilization))
	s.one(cleanerRecopy, 100*kept/max(read, 1))
	s.one(cleanerTime, int64(longest/time.Second))
	s.one(cleanerDelay, state.maxDelayMs/1000)
	s.one(cleanerDead, 0)
	s.one(cleanerDirty, int64(100*state.maxDirty))
	s.one(cleanerLooked, time.Since(state.looked).Milliseconds())
	count, bytes := map[string]int64{}, map[string]int64{}
	for _, u := range w.uncleanable { // order-free: sums
		count[u.dir]++
		bytes[u.dir] += u.bytes
	}
	for _, f := range []struct {
		family *metrics.Family
		of     map[string]int64
	}{{cleanerBad, count}, {cleanerBadBytes, bytes}} {
		s.w.Begin(f.family)
		for _, d := range s.b.dirs {
			s.w.Int(f.of[d.Path()], d.Path())
		}
	}
	s.one(cleanerDone, state.cleanings)
	s.one(cleanerFailed, state.failures)
	s.one(cleanerRead, state.total.BytesIndexed+state.total.BytesRead)
	s.one(cleanerKept, state.total.BytesKept)
	s.one(cleanerRemoved, state.total.RecordsRead-state.total.RecordsKept)
	s.one(cleanerKeyless, state.total.Keyless)
}
