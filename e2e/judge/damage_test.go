package judge

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/thalweg-io/thalweg/e2e/peer"
)

// damagedRuns is how many damaged directories are looked at.
const damagedRuns = 40

// TestDumpDamaged: of damaged files Kafka's tool and ours say the same, as long as Kafka's does not end with an exception; then
// ours ends with an error, and what was printed before is the same.
func TestDumpDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Java")
	}
	home := kafka.Need(t)
	bin := peer.Build(t)
	shell, err := home.Shell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer shell.Close()
	failed := 0
	for seed := range uint64(damagedRuns) {
		rng := rand.New(rand.NewPCG(seed, 5))
		dir := filepath.Join(t.TempDir(), "golden-0")
		if err := os.CopyFS(dir, os.DirFS("broker/internal/storage/testdata/kafka/golden-0")); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "0*"))
		if err != nil {
			t.Fatal(err)
		}
		name := files[rng.IntN(len(files))]
		what := spoil(t, rng, name)
		options := [][]string{nil, {"--deep-iteration"}, {"--print-data-log"}, {"--verify-index-only"}, {"--index-sanity-check"}, {"--print-data-log", "--skip-record-metadata"}}[rng.IntN(6)]
		segment := name[:len(name)-len(filepath.Ext(name))]
		for _, ext := range []string{".log", ".index", ".timeindex", ".snapshot"} {
			if !slices.Contains(files, segment+ext) {
				continue
			}
			args := append([]string{"--files", segment + ext}, options...)
			want, err := shell.Run("kafka-dump-log", "", args...)
			if err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			cmd := exec.CommandContext(t.Context(), bin, append([]string{"kafka-dump-log"}, args...)...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			_ = cmd.Run() // the exit code is in ProcessState
			if want.Code != 0 {
				failed++
			}
			told := want.Code == 0 && !slices.Equal(remarks(want.Err), remarks(errs.String()))
			if (want.Code == 0) != (cmd.ProcessState.ExitCode() == 0) || want.Out != out.String() || told {
				t.Errorf("seed %d, %s of %s, %v:\nKafka's tool exits with %d and says\n%s%s\nours with %d\n%s%s", seed, what, filepath.Base(name), args,
					want.Code, tail(want.Out), tail(want.Err), cmd.ProcessState.ExitCode(), tail(out.String()), tail(errs.String()))
			}
		}
	}
	t.Logf("%d directories; Kafka's tool ended with an exception %d times", damagedRuns, failed)
}

// spoil damages a file and says how.
func spoil(t *testing.T, rng *rand.Rand, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	what := "nothing"
	switch n := rng.IntN(4); {
	case n == 0 && len(b) > 0:
		at := rng.IntN(len(b))
		b, what = b[:at], fmt.Sprintf("all from %d", at)
	case n == 1:
		more := make([]byte, 1+rng.IntN(40))
		for i := range more {
			a, b := rng.Uint32(), rng.Uint32() // zeros are more likely than ones
			more[i] = byte(a & b)
		}
		b, what = append(b, more...), fmt.Sprintf("%x behind the end", more)
	case len(b) > 0:
		at, bit := rng.IntN(len(b)), byte(1)<<rng.IntN(8)
		b[at] ^= bit
		what = fmt.Sprintf("bit %#x at %d", bit, at)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return what
}

// tail is the end of a text, without stack traces.
func tail(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "\tat ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-6):], "")
}
