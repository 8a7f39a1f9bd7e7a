package metrics

import (
	"math"
	"runtime"
	"runtime/metrics"
	"time"
)

// Families of the process, under the names that Prometheus's own clients use.
var (
	processStart = Family{Name: "process_start_time_seconds", Kind: KindGauge, Unit: "seconds", Help: "When the process started, since the Unix epoch."}
	processCPU   = Family{Name: "process_cpu_seconds_total", Kind: KindCounter, Unit: "seconds", Help: "Processor time spent, in user and system mode."}
	processRSS   = Family{Name: "process_resident_memory_bytes", Kind: KindGauge, Unit: "bytes", Help: "Resident memory."}
	processFDs   = Family{Name: "process_open_fds", Kind: KindGauge, Help: "Open file descriptors."}
	processMaxFD = Family{Name: "process_max_fds", Kind: KindGauge, Help: "Most file descriptors that may be open."}
	goInfo       = Family{Name: "go_info", Kind: KindGauge, Labels: []string{"version"}, Help: "Always 1; the label names the Go version that the binary was built with."}
	goRoutines   = Family{Name: "go_goroutines", Kind: KindGauge, Help: "Goroutines that exist now."}
	goThreads    = Family{Name: "go_sched_gomaxprocs_threads", Kind: KindGauge, Help: "Threads that may run Go code at once (GOMAXPROCS)."}
	goHeap       = Family{Name: "go_memstats_heap_alloc_bytes", Kind: KindGauge, Unit: "bytes", Help: "Heap memory of objects that are in use or not yet swept."}
	goAllocated  = Family{Name: "go_memstats_alloc_bytes_total", Kind: KindCounter, Unit: "bytes", Help: "Heap memory ever allocated."}
	goMallocs    = Family{Name: "go_memstats_mallocs_total", Kind: KindCounter, Help: "Heap objects ever allocated."}
	goSys        = Family{Name: "go_memstats_sys_bytes", Kind: KindGauge, Unit: "bytes", Help: "Memory that the Go runtime has mapped."}
	goCycles     = Family{Name: "go_gc_cycles_total", Kind: KindCounter, Help: "Collections of garbage that are finished."}
	goPauses     = Family{Name: "go_gc_pauses_seconds", Kind: KindSummary, Unit: "seconds", Help: "Pauses of all goroutines for the collector, since the start, to the runtime's own precision."}
)

// ProcessFamilies are those that Process writes; some are left out where the system does not tell.
func ProcessFamilies() []*Family {
	return []*Family{&processStart, &processCPU, &processRSS, &processFDs, &processMaxFD, &goInfo, &goRoutines,
		&goThreads, &goHeap, &goAllocated, &goMallocs, &goSys, &goCycles, &goPauses}
}

// usage is what the operating system tells of this process; a field below 0 is not known.
type usage struct {
	cpuSeconds, residentBytes, openFDs, maxFDs float64
}

// Process writes what is known of the process and the Go runtime. started is when the process began.
func Process(w *Writer, started time.Time) {
	u := ownUsage()
	one := func(f *Family, v float64) {
		if v >= 0 {
			w.Begin(f)
			w.Value(v)
		}
	}
	one(&processStart, math.Round(float64(started.UnixMilli()))/1000)
	one(&processCPU, u.cpuSeconds)
	one(&processRSS, u.residentBytes)
	one(&processFDs, u.openFDs)
	one(&processMaxFD, u.maxFDs)
	w.Begin(&goInfo)
	w.Int(1, runtime.Version())

	s := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"}, {Name: "/sched/gomaxprocs:threads"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/allocs:objects"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/sched/pauses/total/gc:seconds"},
	}
	metrics.Read(s)
	for i, f := range []*Family{&goRoutines, &goThreads, &goHeap, &goAllocated, &goMallocs, &goSys, &goCycles} {
		if s[i].Value.Kind() == metrics.KindUint64 {
			one(f, float64(s[i].Value.Uint64()))
		}
	}
	if s[7].Value.Kind() == metrics.KindFloat64Histogram {
		w.Begin(&goPauses)
		snap := ofRuntime(s[7].Value.Float64Histogram())
		w.Summary(&snap, 1e-6)
	}
}

// ofRuntime is a histogram of the runtime in microseconds, each value counted at its bucket's upper bound.
func ofRuntime(h *metrics.Float64Histogram) (s Snapshot) {
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		at := h.Buckets[i+1]
		if math.IsInf(at, 1) {
			at = h.Buckets[i]
		}
		us := int64(math.Ceil(at * 1e6))
		s.counts[bucketOf(us)] += n
		s.Count += n
		s.Sum += us * int64(n)
	}
	return s
}
