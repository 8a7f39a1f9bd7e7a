package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/cli/golden"
)

// goldenLog is a data directory that Apache Kafka has written.
const goldenLog = "../../broker/internal/storage/testdata/kafka"

// damagedDir is a copy of it with a bit flipped in the second segment, as "d" in a directory.
func damagedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "d"), os.DirFS(goldenLog)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "d", "golden-0", "00000000000000000008.log")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[200] ^= 1
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLogRepair: a script is told what would be cut, and has to say yes; then it is done, and what was cut can be read.
func TestLogRepair(t *testing.T) {
	dir := damagedDir(t)
	f := func(line string, want ...string) {
		t.Helper()
		got := strings.ReplaceAll(golden.Outcome(execute(strings.ReplaceAll(line, "$DIR", filepath.Join(dir, "d")), "", dir)), "\t", "→")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s:\n%s\nwants %q", line, got, w)
			}
		}
	}
	f("log repair $DIR", "nothing has been changed: say --yes to cut", "golden-0→0→9→27→2725→to be repaired", "exit 1")
	f("log repair $DIR/golden-0 --dry-run -o json",
		"! golden-0: damaged in 00000000000000000008.log at 111: checksum does not match\n!   kept: offsets 0 to 8\n!   lost: offsets 9 to 35\n",
		"00000000000000000008.log: 333 bytes from position 111 are cut off and kept in .thalweg-00000000000000000008-111.cut; 2 batches with 2 records of it can be read",
		`"lost": 27`, "exit 1")
	f("log verify $DIR", "DAMAGED", "exit 1")
	f("log repair $DIR --yes", "golden-0→0→9→27→2725→repaired", "exit 0")
	f("log verify $DIR", "whole", "exit 0")
	f("log repair $DIR --yes", "golden-0→0→9→0→0→whole", "exit 0")
	f("log dump --records $DIR/golden-0/.thalweg-00000000000000000012-0.cut", "k1", "exit 0")
	f("log repair "+dir+"/absent", "no such file", "exit 1")
	f("log repair "+dir, "is no data directory", "exit 1")
}

// TestLogAdopt: a log of Apache Kafka is copied into a directory of ours.
func TestLogAdopt(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "from"), os.DirFS(goldenLog)); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "into", "other-1")
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"../meta.properties": "version=1\n", "../.kafka_cleanshutdown": "{}", "partition.metadata": "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAFw"} {
		if err := os.WriteFile(filepath.Join(target, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := func(line string, want ...string) {
		t.Helper()
		got := strings.ReplaceAll(golden.Outcome(execute(strings.ReplaceAll(line, "$DIR", dir), "", dir)), "\t", "→")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s:\n%s\nwants %q", line, got, w)
			}
		}
	}
	f("log adopt $DIR/from/golden-0 $DIR/into/other-1 --dry-run", "golden-0→", "→0→36→7→3276→would be copied", "exit 0")
	f("log adopt $DIR/from/golden-0 $DIR/into/other-1", "→0→36→7→3276→copied", "exit 0")
	f("log verify $DIR/into", "other-1→8→28→36→3276→0→36→whole", "exit 0")
	f("log adopt $DIR/from/golden-0 $DIR/into/other-1", "has records: only an empty partition takes a log", "exit 1")
	f("log adopt $DIR/from/golden-0", "two directories", "exit 2")
}
