package recipe

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// TestPrepare: a program is built once, anew if a source changes, and a build that fails is not
// taken for one that was done.
func TestPrepare(t *testing.T) {
	if _, err := exec.LookPath("cp"); err != nil {
		t.Skip("no cp here")
	}
	cache, builds := t.TempDir(), 0
	prepare := func(text string, build ...string) (string, error) {
		r := Recipe{Name: "p", Sources: fstest.MapFS{"a": {Data: []byte(text)}, "folder/b": {}}, Build: [][]string{build}}
		return r.Prepare(t.Context(), cache, func(string) { builds++ })
	}
	first, err := prepare("one", "cp", "a", "built")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(first, "built")); err != nil || string(text) != "one" {
		t.Fatalf("built %q, %v", text, err)
	}
	if again, err := prepare("one", "cp", "a", "built"); err != nil || again != first || builds != 1 {
		t.Errorf("the same program: %s after %s, %d builds, %v", again, first, builds, err)
	}
	if other, err := prepare("two", "cp", "a", "built"); err != nil || other == first || builds != 2 {
		t.Errorf("another source: %s after %s, %d builds, %v", other, first, builds, err)
	}
	for range 2 {
		if dir, err := prepare("one", "cp", "absent", "built"); err == nil {
			t.Errorf("a build that failed gave %s", dir)
		}
	}
}
