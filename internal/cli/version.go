package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// kafkaRelease is the Kafka release whose protocol is spoken.
const kafkaRelease = "4.4"

const versionHelp = "Prints the version, the Kafka release whose protocol is spoken, and the release of Go.\n\nUsage: thalweg version\n"

func runVersion(args []string, s Streams) error {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
		_, err := fmt.Fprint(s.Out, versionHelp)
		return err
	}
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
