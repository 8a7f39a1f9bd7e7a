package bench

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is what results depend on.
type Machine struct {
	System    string `json:"system"`
	Kernel    string `json:"kernel"`
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	MemoryMiB int64  `json:"memory_mib"`
	Go        string `json:"go"`
	Commit    string `json:"commit"`
	Dir       string `json:"dir"`
	// Load is the load average of the last minute before the run: who else was there.
	Load string `json:"load"`
}

func machine(dir string) Machine {
	m := Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(), Dir: dir, Commit: "unknown"}
	m.Kernel = strings.TrimSpace(read("/proc/sys/kernel/osrelease"))
	m.Load, _, _ = strings.Cut(read("/proc/loadavg"), " ")
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.Processor = strings.TrimSpace(value)
		}
	}
	if kib, err := numberIn(read("/proc/meminfo"), "MemTotal:"); err == nil {
		m.MemoryMiB = kib >> 10
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				m.Commit = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				m.Commit += "+"
			}
		}
	}
	if m.Commit == "unknown" { // built without
		m.Commit = checkedOut()
	}
	return m
}

// checkedOut is the commit of the working directory, if that is a checkout of ours.
func checkedOut() string {
	if !strings.HasPrefix(read("go.mod"), "module github.com/thalweg-io/thalweg\n") {
		return "unknown"
	}
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out)) + " (of the working directory)"
}

// read is a small file, or nothing: what is not known is not told.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
