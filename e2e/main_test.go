package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// roleVariable in the environment makes this binary a client instead of a test run.
const roleVariable = "THALWEG_E2E_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := franzMain(role, os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			os.Exit(1)
		}
		return
	}
	if raceEnabled && os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0") // or every process takes a second to end
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the binary under test, made by the first test that needs it.
var built struct {
	once sync.Once
	dir  string // removed at the end; empty if nothing was built
	bin  string
	err  error
}

// binary returns the path of the binary under test.
func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.bin = os.Getenv("THALWEG_BIN"); built.bin == "" {
			built.err = build()
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.bin
}

func build() error {
	dir, err := os.MkdirTemp("", "thalweg-e2e-")
	if err != nil {
		return err
	}
	built.dir, built.bin = dir, filepath.Join(dir, "thalweg")
	if runtime.GOOS == "windows" {
		built.bin += ".exe"
	}
	args := []string{"build", "-o", built.bin}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/thalweg")...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return nil
}

// size is n in a full run and a tenth of it under -short and -race.
func size(n int) int {
	if testing.Short() || raceEnabled {
		return n / 10
	}
	return n
}
