package kafkatool

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Directories are formatted once, and info tells of what is there.
func TestStorageFormat(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "server.properties")
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	text := "process.roles=broker,controller\nnode.id=7\nlog.dirs=" + filepath.ToSlash(a) + "," + filepath.ToSlash(b) + "\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(want string, code int, args ...string) {
		t.Helper()
		var out bytes.Buffer
		tool, _ := Find("kafka-storage")
		got := tool.Run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		if got != code || !strings.Contains(out.String(), want) {
			t.Errorf("%v: exit %d\n%s", args, got, out.String())
		}
	}
	const id = "dGhhbHdlZy1lMmUta2Fma2"
	run("does not exist", 1, "info", "-c", config)
	run("Formatting data directory "+filepath.ToSlash(b)+" with metadata.version", 0, "format", "-c", config, "-t", id, "-s")
	run("cluster.id="+id, 0, "info", "-c", config)
	run("node.id=7, version=1}", 0, "info", "-c", config)
	run("is already formatted. Use --ignore-formatted", 1, "format", "-c", config, "-t", id, "-s")
	run("All of the log directories are already formatted.", 0, "format", "-c", config, "-t", id, "-s", "-g")
	if err := os.Remove(filepath.Join(b, "meta.properties")); err != nil {
		t.Fatal(err)
	}
	run("b is not formatted.", 1, "info", "-c", config)
	run("Formatting data directory", 0, "format", "-c", config, "-t", "IvRiYj20RgS9JFcIScV1bA", "-s", "--ignore-formatted")
	run("does not match the metadata of the other directories", 1, "info", "-c", config)
}
