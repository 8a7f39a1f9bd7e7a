package quorum

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestStateFile: what is saved is read back by the next open; every damaged bit and every shorter
// length is found; a state never goes back.

func someState(term uint64) savedState {
	return savedState{
		id:     3,
		hard:   hardState{term: term, vote: 2, commit: 70 + term},
		floor:  floor{index: 40, term: 5, offset: 123, conf: []byte{8, 4}, ref: []byte("snapshot-40")},
		voters: []kafka.BrokerID{0, 2, 3},
	}
}

func TestStateFileRoundTrip(t *testing.T) {
	fs := vfs.NewMem()
	s, err := openStateFile(fs, "d/"+stateFileName)
	if err != nil || s.found || s.saved.hard.vote != kafka.NoBroker {
		t.Fatalf("empty directory: %+v, %v", s, err)
	}
	if err := fs.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	for _, st := range []savedState{{id: 3, hard: hardState{vote: -1}}, someState(7)} {
		if err := s.save(st); err != nil {
			t.Fatal(err)
		}
		again, err := openStateFile(fs, s.name)
		if err != nil || !again.found || !reflect.DeepEqual(decoded(t, st), again.saved) {
			t.Fatalf("saved %+v, read %+v, %v", st, again, err)
		}
	}
}

// decoded is st with empty slices as decodeState makes them.
func decoded(t *testing.T, st savedState) savedState {
	t.Helper()
	out, err := decodeState(encodeState(&st))
	if err != nil {
		t.Fatal(err)
	}
	if out.hard != st.hard || out.id != st.id || len(out.voters) != len(st.voters) || string(out.floor.ref) != string(st.floor.ref) {
		t.Fatalf("encoded %+v, decoded %+v", st, out)
	}
	return out
}

func TestStateFileDamage(t *testing.T) {
	st := someState(7)
	good := encodeState(&st)
	for bit := range len(good) * 8 {
		bad := append([]byte(nil), good...)
		bad[bit/8] ^= 1 << (bit % 8)
		if bit/8 == 6 || bit/8 == 7 { // reserved, but covered by the checksum
			if _, err := decodeState(bad); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("reserved bit %d: %v", bit, err)
			}
		}
		if _, err := decodeState(bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for n := range good {
		if _, err := decodeState(good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("length %d: %v", n, err)
		}
	}
}

func TestStateFileGoesNotBack(t *testing.T) {
	for _, next := range []hardState{{term: 6, vote: -1}, {term: 7, vote: 1}, {term: 7, vote: -1}} {
		s := &stateFile{fs: vfs.NewMem(), name: stateFileName}
		if err := s.save(someState(7)); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was saved after term 7, vote 2", next)
				}
			}()
			s.save(savedState{id: 3, hard: next})
		}()
	}
}

// TestStateFileCrash crashes after every file operation of a replacement: the old or the new state
// is read, and after save has returned the new one.
func TestStateFileCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		fs := vfs.NewMem()
		if err := fs.MkdirAll("d"); err != nil {
			t.Fatal(err)
		}
		if err := fs.SyncDir("/"); err != nil {
			t.Fatal(err)
		}
		s, err := openStateFile(fs, "d/"+stateFileName)
		if err != nil {
			t.Fatal(err)
		}
		for term := uint64(1); term < 5; term++ {
			check := func(least uint64) {
				got, err := openStateFile(fs.CrashClone(rng, vfs.CrashOptions{}), s.name)
				if err != nil || got.saved.hard.term < least || got.saved.hard.term > term {
					t.Fatalf("term %d: read %+v, %v", term, got, err)
				}
			}
			fs.SetHook(func(vfs.Op, string) { check(term - 1) })
			if err := s.save(someState(term)); err != nil {
				t.Fatal(err)
			}
			fs.SetHook(nil)
			check(term)
		}
	}
}

func FuzzStateFile(f *testing.F) {
	for _, st := range []savedState{{id: 3, hard: hardState{vote: -1}}, someState(7)} {
		raw := encodeState(&st)
		f.Add(raw[stateHeaderSize:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		st, err := decodeStateBody(body)
		if err != nil {
			return
		}
		if got := encodeState(&st); string(got[stateHeaderSize:]) != string(body) {
			t.Fatalf("%x is read as %+v, which is written as %x", body, st, got[stateHeaderSize:])
		}
	})
}
