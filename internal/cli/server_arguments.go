package cli

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/properties"
)

// serverArguments is what the words after "server" say.
type serverArguments struct {
	file      string
	overrides map[string]string
	daemon    bool
	help      bool
	version   bool
}

// parseServer reads [-daemon] [server.properties] [--override KEY=VALUE]...
func parseServer(args []string) (a serverArguments, err error) {
	a.overrides = map[string]string{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		value, inline := strings.CutPrefix(arg, "--override=")
		switch {
		case arg == "--help" || arg == "-h":
			a.help = true
		case arg == "--version":
			a.version = true
		case arg == "-daemon" || arg == "--daemon":
			a.daemon = true
		case arg == "--override":
			if i++; i == len(args) {
				return a, usage("--override needs KEY=VALUE")
			}
			value, inline = args[i], true
		case !inline && strings.HasPrefix(arg, "-"):
			return a, usage("server has no option %s", arg)
		case !inline && a.file != "":
			return a, usage("server takes one properties file, not both %s and %s", a.file, arg)
		case !inline:
			a.file = arg
		}
		if !inline {
			continue
		}
		k, v, ok := strings.Cut(value, "=")
		if !ok {
			return a, usage("--override needs KEY=VALUE, not %q", value)
		}
		a.overrides[strings.TrimSpace(k)] = v
	}
	return a, nil
}

// sources says where each key that is given comes from: FILE:LINE, or --override.
func (a serverArguments) sources() (map[string]string, error) {
	from := map[string]string{}
	if a.file != "" {
		entries, err := properties.ReadEntries(a.file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the properties file: %w", err)
		}
		for k, e := range entries {
			from[k] = fmt.Sprintf("%s:%d", a.file, e.Line)
		}
	}
	for k := range a.overrides {
		if below, ok := from[k]; ok {
			from[k] = "--override, over " + below
		} else {
			from[k] = "--override"
		}
	}
	return from, nil
}

// properties collects the configuration: the file first, then the overrides.
func (a serverArguments) properties() (map[string]string, error) {
	props := map[string]string{}
	if a.file != "" {
		var err error
		if props, err = properties.Read(a.file); err != nil {
			return nil, fmt.Errorf("cannot read the properties file: %w", err)
		}
		for k, v := range props {
			props[k] = strings.TrimSpace(v) // as Kafka does with every value
		}
	}
	maps.Copy(props, a.overrides)
	return props, nil
}

// javaVariables configure the virtual machine of Kafka's scripts.
var javaVariables = []string{"KAFKA_HEAP_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_GC_LOG_OPTS", "KAFKA_LOG4J_OPTS",
	"KAFKA_JMX_OPTS", "KAFKA_OPTS", "JMX_PORT"}

// ignoredVariables are those of them that are set.
func ignoredVariables(getenv func(string) string) (set []string) {
	for _, name := range javaVariables {
		if getenv(name) != "" {
			set = append(set, name)
		}
	}
	return set
}

// logDirectory is where the server's log goes: LOG_DIR, as for Kafka's scripts.
func logDirectory() string {
	if dir := os.Getenv("LOG_DIR"); dir != "" {
		return dir
	}
	return "logs"
}
