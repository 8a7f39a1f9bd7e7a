package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// kafkaRelease is the Kafka release whose protocol is spoken.
const kafkaRelease = "4.4"

func runVersion(args []string, s Streams) error {
	if len(args) > 0 {
		return usage("version takes no arguments")
	}
	_, err := fmt.Fprintf(s.Out, "thalweg %s (protocol of Apache Kafka %s, %s)\n", version(), kafkaRelease, runtime.Version())
	return err
}

// version is the module's version as the Go command has recorded it, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && info.Main.Version == "(devel)" {
			return s.Value
		}
	}
	return info.Main.Version
}
