package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Goal: a rule strikes exactly the operations it names, and does exactly what it says. Method:
// every operation of a file system is called once and what failed is compared.

// everyOp calls each operation once on names under /d and returns those that failed and how.
func everyOp(t *testing.T, e *ErrorFS) map[string]error {
	t.Helper()
	failed := map[string]error{}
	var now Op
	try := func(op Op, err error) {
		if now = op; err != nil {
			failed[op.String()] = err
		}
	}
	below := e.below
	for _, err := range []error{below.MkdirAll("/d"), touch(below, "/d/f"), touch(below, "/d/old")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	closing := func(op Op, f File, err error) {
		try(op, err)
		if f != nil {
			f.(*errorFile).below.Close()
		}
	}
	f, err := e.Create("/d/new")
	closing(OpCreate, f, err)
	f, err = e.Open("/d/f")
	closing(OpOpen, f, err)
	f, err = e.OpenReadWrite("/d/f")
	closing(OpOpenReadWrite, f, err)
	try(OpMkdir, e.MkdirAll("/d/sub"))
	_, err = e.List("/d")
	try(OpList, err)
	_, err = e.Stat("/d/f")
	try(OpStat, err)
	try(OpRename, e.Rename("/d/old", "/d/renamed"))
	try(OpRemove, e.Remove("/d/f"))
	try(OpSyncDir, e.SyncDir("/d"))
	l, err := e.Lock("/d/lock")
	try(OpLock, err)
	if l != nil {
		l.Close()
	}
	_, err = e.Usage("/d")
	try(OpUsage, err)

	under, err := below.Create("/d/file")
	if err != nil {
		t.Fatal(err)
	}
	g := &errorFile{fs: e, below: under, name: "/d/file", unit: 1}
	_, err = g.WriteAt([]byte("12345678"), 0)
	try(OpWrite, err)
	_, err = g.ReadAt(make([]byte, 1), 0)
	if err != io.EOF { // the write failed
		try(OpRead, err)
	}
	try(OpTruncate, g.Truncate(4))
	try(OpSync, g.Sync())
	try(OpSyncData, g.SyncData())
	try(OpWriteOut, g.WriteOut(0, 4))
	try(OpPreallocate, g.Preallocate(0, 4))
	try(OpClose, g.Close())
	if now != OpClose || len(e.Counts().Ops) != NumOps {
		t.Fatal("not every operation was called")
	}
	return failed
}

func touch(fsys FS, name string) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	return f.Close()
}

func TestErrorsByOperation(t *testing.T) {
	sets := []string{"any", "write-like", "read-like", "sync-like"}
	for op := range NumOps {
		sets = append(sets, Op(op).String())
	}
	for _, set := range sets {
		for text, want := range map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EROFS": syscall.EROFS, "short": io.ErrShortWrite} {
			e := WithErrors(NewMem(), MustRules("op="+set+" path=/d/** err="+text+";op="+set+" path=/d err="+text)...)
			failed := everyOp(t, e)
			ops, _ := parseOpSet(set)
			for op := range NumOps {
				err := failed[Op(op).String()]
				var pe *fs.PathError
				if ops.Has(Op(op)) && (!errors.Is(err, want) || !errors.As(err, &pe) || !strings.HasPrefix(pe.Path, "/d")) {
					t.Errorf("%s, %v: error %v", set, Op(op), err)
				}
				if !ops.Has(Op(op)) && err != nil {
					t.Errorf("%s, %v: error %v", set, Op(op), err)
				}
				if e.Counts().Ops[op] != 1 {
					t.Errorf("%v counted %d times", Op(op), e.Counts().Ops[op])
				}
			}
		}
	}
}

// hits is which of n writes to names f0, f1, … a rule makes fail, as letters.
func hits(t *testing.T, rule string, n int, name func(i int) string) string {
	t.Helper()
	r := MustRules(rule)[0]
	e := WithErrors(NewMem(), r)
	var seen strings.Builder
	want := int64(0)
	for i := range n {
		if err := touch(e, name(i)); err != nil {
			seen.WriteByte('x')
			want++
		} else {
			seen.WriteByte('.')
		}
	}
	if r.Hits() != want {
		t.Errorf("%s: %d hits counted, %d seen", rule, r.Hits(), want)
	}
	return seen.String()
}

func TestErrorsByTurn(t *testing.T) {
	same := func(int) string { return "f" }
	turns := func(i int) string { return []string{"a.log", "b.index"}[i%2] }
	for _, c := range []struct {
		rule, want string
		name       func(int) string
	}{
		{"op=create err=EIO", "xxxxxxxx", same},
		{"op=create err=EIO once", "x.......", same},
		{"op=create err=EIO nth=1", "x.......", same},
		{"op=create err=EIO nth=3", "..x.....", same},
		{"op=create err=EIO nth=3 sticky", "..xxxxxx", same},
		{"op=create err=EIO nth=3 path=*.log", "....x...", turns},
		{"op=create err=EIO nth=3 path=*.log sticky", "....x.x.", turns},
		{"op=create,open err=EIO path=b*", ".x.x.x.x", turns},
		{"op=create err=EIO p=1", "xxxxxxxx", same},
	} {
		if got := hits(t, c.rule, len(c.want), c.name); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
	random := hits(t, "op=create err=EIO p=0.3 seed=9", 1000, same)
	if n := strings.Count(random, "x"); n < 250 || n > 350 {
		t.Errorf("p=0.3 hit %d of 1000", n)
	}
	if again := hits(t, "op=create err=EIO p=0.3 seed=9", 1000, same); again != random {
		t.Error("the same seed hit others")
	}
	if other := hits(t, "op=create err=EIO p=0.3 seed=8", 1000, same); other == random {
		t.Error("another seed hit the same")
	}
	stuck := hits(t, "op=create err=EIO p=0.05 seed=1 sticky", 1000, same)
	if !strings.Contains(stuck, ".x") || strings.Contains(stuck, "x.") {
		t.Error("a sticky rule let go")
	}
	if n := strings.Count(hits(t, "op=create err=EIO p=0.05 seed=1 once", 1000, same), "x"); n != 1 {
		t.Errorf("once hit %d times", n)
	}
}

func TestErrorsRenameEitherName(t *testing.T) {
	e := WithErrors(NewMem(), MustRules("op=rename path=b err=EIO")...)
	s := &suite{t, e, "/"}
	for _, name := range []string{"a", "b", "c"} {
		s.ok(touch(e, name))
	}
	s.fails(e.Rename("a", "b"), syscall.EIO)
	s.fails(e.Rename("/x/../b", "c"), syscall.EIO)
	s.ok(e.Rename("a", "c"))
}

func TestErrorsShortAndAfter(t *testing.T) {
	m := NewMem()
	e := WithErrors(m)
	s := &suite{t, e, "/"}
	f := s.put("f", "")
	e.SetRules(MustRules("op=write err=ENOSPC short once")...)
	n, err := f.WriteAt([]byte("123456789"), 0)
	s.fails(err, syscall.ENOSPC)
	if n != 4 || sees(m, "/f") != "1234" {
		t.Errorf("a short write did %d bytes, the file holds %q", n, sees(m, "/f"))
	}
	e.SetRules(MustRules("op=read err=short")...)
	for size, want := range map[int]int{4: 2, 100: 4} {
		n, err = f.ReadAt(make([]byte, size), 0)
		s.fails(err, io.ErrShortWrite)
		if n != want {
			t.Errorf("a short read of %d did %d bytes, want %d", size, n, want)
		}
	}
	e.SetRules(MustRules("op=any err=EIO after")...)
	n, err = f.WriteAt([]byte("done"), 0)
	s.fails(err, syscall.EIO)
	if n != 4 || sees(m, "/f") != "done" {
		t.Errorf("after: %d bytes, the file holds %q", n, sees(m, "/f"))
	}
	s.fails(e.Rename("f", "g"), syscall.EIO)
	s.fails(f.Sync(), syscall.EIO)
	_, err = e.Create("h")
	s.fails(err, syscall.EIO)
	_, err = e.Lock("l")
	s.fails(err, syscall.EIO)
	s.fails(f.Close(), syscall.EIO)
	s.fails(f.Close(), fs.ErrClosed)
	if got := sees(m, "/g") + sees(m, "/h"); got != "done" {
		t.Errorf("after: %q", got)
	}
	if l, err := m.Lock("l"); err != nil {
		t.Errorf("a lock that was refused is held: %v", err)
	} else {
		l.Close()
	}
}

func TestErrorsRulesChange(t *testing.T) {
	e := WithErrors(NewMem())
	s := &suite{t, e, "/"}
	a, b := MustRules("op=stat err=EIO")[0], MustRules("op=any err=ENOSPC")[0]
	check := func(want error, rules ...*Rule) {
		t.Helper()
		if _, err := e.Stat("/"); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
		if !slices.Equal(e.Rules(), rules) {
			t.Errorf("rules %v, want %v", e.Rules(), rules)
		}
	}
	check(nil)
	e.AddRules(a)
	check(syscall.EIO, a)
	e.AddRules(b)
	check(syscall.EIO, a, b) // the first wins, both count
	if !e.RemoveRule(a) || e.RemoveRule(a) {
		t.Error("a rule is removed once")
	}
	check(syscall.ENOSPC, b)
	e.SetRules()
	check(nil)
	if a.Matches() != 2 || a.Hits() != 2 || b.Matches() != 2 || b.Hits() != 2 {
		t.Errorf("matches %d and %d, hits %d and %d, want 2 each", a.Matches(), b.Matches(), a.Hits(), b.Hits())
	}
	s.ok(touch(e, "f"))
}

func TestErrorsLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := WithErrors(NewMem(), MustRules("op=syncdir latency=3s; op=any latency=2s; op=syncdir err=EIO nth=2")...)
		s := &suite{t, e, "/"}
		start := time.Now()
		s.ok(e.SyncDir("/"))
		s.fails(e.SyncDir("/"), syscall.EIO)
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("took %v", d)
		}
	})
	e := WithErrors(NewMem(), MustRules("latency=2s")...)
	var slept time.Duration
	e.SetSleep(func(d time.Duration) { slept += d })
	if err := e.SyncDir("/"); err != nil || slept != 2*time.Second {
		t.Errorf("slept %v, %v", slept, err)
	}
}

func TestCounts(t *testing.T) {
	e := WithCounts(OS())
	s := &suite{t, e, t.TempDir()}
	before := e.Counts()
	f := s.put("f", "123456")
	if _, err := f.ReadAt(make([]byte, 10), 2); err != io.EOF {
		t.Error(err)
	}
	s.ok(f.Sync())
	s.ok(f.SyncData())
	if _, ok := f.(Descriptor); !ok {
		t.Error("a counted file hides its descriptor")
	}
	s.ok(f.Close())
	c := e.Counts().Sub(before)
	if c.ReadBytes != 4 || c.WriteBytes != 6 || c.Total(SyncLike) != 2 || c.Total(AnyOp) != 6 {
		t.Errorf("counts %+v", c)
	}
	hidden, err := WithErrors(OS()).Open(s.path("f"))
	s.ok(err)
	if _, ok := hidden.(Descriptor); ok {
		t.Error("a file under rules shows a way around them")
	}
	s.ok(hidden.Close())
	if n := testing.AllocsPerRun(100, func() { e.before(OpWrite, "f", "") }); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}

// TestEveryOperationFails is the way users go: fail the n-th operation, for every n until the
// work gets through. The work reports each failure and never loses what was acknowledged.
func TestEveryOperationFails(t *testing.T) {
	for _, fault := range []string{"err=EIO", "err=ENOSPC short", "err=EROFS sticky", "err=EIO after"} {
		for n := 1; ; n++ {
			m := NewMem()
			rule := MustRules(fmt.Sprintf("op=write-like nth=%d %s", n, fault))[0]
			e := WithErrors(m, rule)
			err := replace(e, "/value", "one")
			if rule.Hits() == 0 {
				if err != nil || n != 6 {
					t.Errorf("%s: free of faults at n=%d: %v", fault, n, err)
				}
				break
			}
			if err == nil {
				t.Errorf("%s nth=%d: no error", fault, n)
			}
			for seed := range uint64(20) {
				if got := sees(m.CrashClone(newRand(seed), CrashOptions{}), "/value"); got != "-" && got != "one" {
					t.Errorf("%s nth=%d: a crash shows %q", fault, n, got)
				}
			}
		}
	}
}

// replace puts a value in place of an old one at once: create, write, sync, rename, sync the
// directory.
func replace(fsys FS, name, value string) error {
	f, err := fsys.Create(name + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(value), 0)
	if err == nil {
		err = f.SyncData()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(name+".tmp", name); err != nil {
		return err
	}
	return fsys.SyncDir("/")
}
