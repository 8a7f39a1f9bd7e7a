package quorum

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// segmentName is the only segment of a short metadata log.
const segmentName = "/00000000000000000000.log"

func fileOf(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	file, err := fs.OpenReadWrite(name)
	must(t, err)
	defer file.Close()
	size, err := file.Size()
	must(t, err)
	b := make([]byte, size)
	if n, err := file.ReadAt(b, 0); n != len(b) && err != io.EOF {
		must(t, err)
	}
	return b
}

// overwrite puts bytes over those at pos of a file, or cuts it there if there are none.
func overwrite(t testing.TB, fs vfs.FS, name string, pos int64, with []byte) {
	t.Helper()
	file, err := fs.OpenReadWrite(name)
	must(t, err)
	defer file.Close()
	if len(with) == 0 {
		must(t, file.Truncate(pos))
	} else {
		_, err = file.WriteAt(with, pos)
		must(t, err)
	}
	must(t, file.Sync())
}

// FuzzOpen damages the metadata log and the state file of a voter that has stopped, in one place each. It either refuses to
// start, saying that they are corrupt, or what it applies is a prefix of what it had applied, with everything that it
// knew to be committed; and then it goes on (S-06).
func FuzzOpen(f *testing.F) {
	fs := vfs.NewMem()
	m := &fold{}
	c := start(f, alone(fs, m))
	for _, s := range []string{"one", "two", "three", "four"} {
		must(f, propose(c, testBatch(f, s, 2)))
	}
	must(f, c.Close())
	had := m.batches()
	o := alone(fs, nil)
	o.setDefaults()
	logName, stateName := o.logDir()+segmentName, o.statePath()
	logSize, stateSize := len(fileOf(f, fs, logName)), len(fileOf(f, fs, stateName))
	f.Add(uint16(0), []byte{}, uint16(0), []byte{}, byte(0))
	f.Add(uint16(logSize-3), []byte{}, uint16(0), []byte{}, byte(1))
	f.Add(uint16(logSize), []byte("torn"), uint16(0), []byte{}, byte(1))
	f.Add(uint16(80), []byte{1}, uint16(30), []byte{9}, byte(3))
	f.Add(uint16(0), fileOf(f, fs, logName)[100:], uint16(0), []byte{}, byte(1))
	f.Fuzz(func(t *testing.T, at uint16, with []byte, stateAt uint16, stateWith []byte, which byte) {
		disk := fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
		if which&1 != 0 {
			overwrite(t, disk, logName, int64(int(at)%(logSize+1)), with)
		}
		stateBefore := fileOf(t, disk, stateName)
		if which&2 != 0 {
			overwrite(t, disk, stateName, int64(int(stateAt)%(stateSize+1)), stateWith)
		}
		sameState := bytes.Equal(stateBefore, fileOf(t, disk, stateName))
		m := &fold{}
		c, err := tryStart(alone(disk, m))
		var damage *storage.CorruptError
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrIdentity) && !errors.As(err, &damage) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		got := m.batches()
		if len(got) > len(had) {
			t.Fatalf("applied %q, had been %q", got, had)
		}
		for i := range got {
			if got[i] != had[i] {
				t.Fatalf("applied %q, had been %q", got, had)
			}
		}
		if sameState && len(got) < len(had)-1 { // the last commit index may not have been saved
			t.Fatalf("applied only %q of %q", got, had)
		}
		must(t, propose(c, testBatch(t, "more", 1)))
		if more := m.batches(); len(more) != len(got)+1 || more[len(got)] != "morea" {
			t.Fatalf("applied %q after %q", more, got)
		}
		must(t, c.Close())
	})
}
