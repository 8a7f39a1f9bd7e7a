package vfs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Goal: the rules about names hold on trees that nobody thought of. Method: random operations on
// few names in few directories, so that they meet; fixed seeds.

// show is a whole file system as text.
func show(m *MemFS) string {
	var b strings.Builder
	var walk func(dir string)
	walk = func(dir string) {
		names, err := m.List(dir)
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			path := strings.TrimSuffix(dir, "/") + "/" + name
			content := sees(m, path)
			fmt.Fprintf(&b, "%s %q\n", path, content)
			if content == "dir" {
				walk(path)
			}
		}
	}
	walk("/")
	return b.String()
}

// churn makes random operations of all kinds in three directories. Errors for want of a name are
// part of it.
func churn(t *testing.T, m *MemFS, rng *rand.Rand, n int) {
	t.Helper()
	dirs := []string{"/", "/d", "/d/e"}
	if err := m.MkdirAll("/d/e"); err != nil {
		t.Fatal(err)
	}
	pick := func() string { return dirs[rng.IntN(len(dirs))] + "/" + string(rune('p'+rng.IntN(4))) }
	for range n {
		switch rng.IntN(9) {
		case 0, 1, 2:
			f, err := m.Create(pick())
			if err != nil {
				continue // the directory was moved away
			}
			f.WriteAt([]byte{byte('a' + rng.IntN(26))}, rng.Int64N(3))
			if rng.IntN(2) == 0 {
				f.Sync()
			}
			f.Close()
		case 3, 4, 5:
			m.Rename(pick(), pick())
		case 6:
			m.Remove(pick())
		case 7:
			m.SyncDir(dirs[rng.IntN(len(dirs))])
		case 8:
			if rng.IntN(2) == 0 {
				m.Rename("/d/e", "/e2")
			} else {
				m.Rename("/e2", "/d/e")
			}
		}
	}
}

// TestCrashTree checks the rules of directories on random trees: with everything kept the clone
// is the present; a file that is in both the durable and the present tree is in every clone,
// under exactly one name; after syncing all directories nothing is left open.
func TestCrashTree(t *testing.T) {
	for seed := range uint64(60) {
		m, rng := NewMem(), newRand(seed)
		churn(t, m, rng, 40)
		if got := show(m.CrashClone(nil, CrashOptions{Unsynced: KeepUnsynced})); got != show(m) {
			t.Fatalf("seed %d: everything kept is\n%snot\n%s", seed, got, show(m))
		}
		durable, present := files(m, true), files(m, false)
		for range 30 {
			c := &crash{from: m, rng: rng, dirs: map[*memNode]map[string]*memNode{}}
			c.drawNames()
			seen := map[*memNode]int{}
			count(m.root, func(dir *memNode) map[string]*memNode { return c.entries(dir) }, seen)
			for _, n := range seen {
				if n > 1 {
					t.Fatalf("seed %d: a file has %d names", seed, n)
				}
			}
			for node := range durable {
				if present[node] > 0 && seen[node] == 0 {
					t.Fatalf("seed %d: a file that was renamed only has no name", seed)
				}
			}
		}
		for _, dir := range []string{"/", "/d", "/d/e", "/e2"} {
			m.SyncDir(dir)
		}
		if got := show(m.CrashClone(nil, CrashOptions{Unsynced: LoseUnsynced})); names(got) != names(show(m)) {
			t.Fatalf("seed %d: after syncing all directories\n%snot\n%s", seed, got, show(m))
		}
	}
}

// names leaves the contents out of what show tells.
func names(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Fields(line)[0] + "\n")
	}
	return b.String()
}

func files(m *MemFS, durable bool) map[*memNode]int {
	seen := map[*memNode]int{}
	count(m.root, func(dir *memNode) map[string]*memNode {
		if durable {
			return dir.synced
		}
		return dir.entries
	}, seen)
	return seen
}

// count counts the names of each file and directory that can be reached.
func count(dir *memNode, entries func(*memNode) map[string]*memNode, seen map[*memNode]int) {
	for _, n := range entries(dir) {
		if seen[n]++; n.dir && seen[n] == 1 {
			count(n, entries, seen)
		}
	}
}
