package vfs

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Rule says which operations fail or are slow, and how. It has a line of text of the form
//
//	op=sync,syncdata path=*/00*.log nth=3 err=EIO sticky
//
//	op=LIST        operations and groups (any, write-like, read-like, sync-like), joined by commas; default any
//	path=GLOB      see glob.go; default every path. A rename is tried with both of its names
//	nth=N          fires at the N-th match, counted from 1
//	p=F            fires at a match with probability F, 0 < F <= 1; not with nth
//	seed=N         of the rule's own random numbers, for p; default 0
//	err=E          EIO, ENOSPC, EROFS, or short (as the flag, with io.ErrShortWrite)
//	latency=D      wait (a Go duration > 0) before the operation
//	short          a write or read does the first half of its bytes before it fails
//	after          the operation is done, and fails all the same
//	once           fires one time at most; with nth that is the default
//	sticky         having fired, fires at every further match
//
// Without nth and p it fires at every match. A rule has err or latency or both. The fields must
// not change once the rule is in use; its counters are safe for concurrent use.
type Rule struct {
	Ops     OpSet  // 0 is any
	Path    string // "" is every path
	Nth     int64  // 0 is off
	P       float64
	Seed    uint64
	Err     Fault
	Latency time.Duration
	Short   bool
	After   bool
	Once    bool
	Sticky  bool

	state ruleState
}

// Fault is a kind of error.
type Fault uint8

// The kinds of errors. FaultShort is a write that stops half way without a number from the
// system.
const (
	NoFault Fault = iota
	FaultEIO
	FaultENOSPC
	FaultEROFS
	FaultShort
)

var faults = [...]struct {
	name string
	err  error
}{{"none", nil}, {"EIO", syscall.EIO}, {"ENOSPC", syscall.ENOSPC}, {"EROFS", syscall.EROFS}, {"short", io.ErrShortWrite}}

// ruleState is what a rule remembers.
type ruleState struct {
	compile sync.Once
	glob    glob

	mu      sync.Mutex
	rng     *rand.Rand // guarded by mu
	stuck   bool       // guarded by mu
	matches atomic.Int64
	hits    atomic.Int64
}

// Matches is how many operations had the kind and path of the rule.
func (r *Rule) Matches() int64 { return r.state.matches.Load() }

// Hits is how many of them it made fail or slow.
func (r *Rule) Hits() int64 { return r.state.hits.Load() }

// fires counts a match if op and path are the rule's, and tells whether it strikes now. to is
// the second name of a rename, else "".
func (r *Rule) fires(op Op, path, to string) bool {
	if r.Ops != 0 && !r.Ops.Has(op) {
		return false
	}
	s := &r.state
	s.compile.Do(func() {
		s.glob = compileGlob(r.Path)
		s.rng = rand.New(rand.NewPCG(r.Seed, 0x7a3d_91f5_22c8_6e0b))
	})
	if r.Path != "" && !s.glob.match(path) && (to == "" || !s.glob.match(to)) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	match := s.matches.Add(1)
	if !r.strikes(match) {
		return false
	}
	s.stuck = r.Sticky
	s.hits.Add(1)
	return true
}

// strikes decides about a match, counted from 1. The caller holds state.mu.
func (r *Rule) strikes(match int64) bool {
	s := &r.state
	if plantedNth {
		match--
	}
	switch {
	case s.stuck:
		return true
	case r.Once && s.hits.Load() > 0:
		return false
	case r.Nth > 0:
		return match == r.Nth
	case r.P > 0:
		return s.rng.Float64() < r.P
	}
	return true
}

// ParseRules reads rules, one a line or separated by semicolons; # starts a comment at the
// beginning of a word. Values with spaces, semicolons or such are quoted as in Go.
func ParseRules(text string) ([]*Rule, error) {
	var rules []*Rule
	for number, line := range strings.Split(text, "\n") {
		words, err := splitWords(line)
		if err != nil {
			return nil, fmt.Errorf("rules, line %d: %w", number+1, err)
		}
		for _, rule := range words {
			r, err := parseRule(rule)
			if err != nil {
				return nil, fmt.Errorf("rules, line %d: %w", number+1, err)
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// MustRules is ParseRules for texts in tests. It panics on an error.
func MustRules(text string) []*Rule {
	rules, err := ParseRules(text)
	if err != nil {
		panic(err)
	}
	return rules
}

func parseRule(words []string) (*Rule, error) {
	r := &Rule{Ops: AnyOp}
	seen := map[string]bool{}
	for _, word := range words {
		key, value, valued := strings.Cut(word, "=")
		if seen[key] {
			return nil, fmt.Errorf("%s twice", key)
		}
		seen[key] = true
		if err := r.set(key, value, valued); err != nil {
			return nil, err
		}
	}
	return r, r.check()
}

func (r *Rule) set(key, value string, valued bool) (err error) {
	flags := map[string]*bool{"short": &r.Short, "after": &r.After, "once": &r.Once, "sticky": &r.Sticky}
	if flag := flags[key]; flag != nil {
		if valued {
			return fmt.Errorf("%s takes no value", key)
		}
		*flag = true
		return nil
	}
	switch key {
	case "op":
		r.Ops, err = parseOpSet(value)
	case "path":
		if value, err = unquote(value); err == nil {
			r.Path, err = value, checkGlob(value)
		}
	case "nth":
		r.Nth, err = strconv.ParseInt(value, 10, 64)
		if err == nil && r.Nth < 1 {
			err = fmt.Errorf("below 1")
		}
	case "p":
		r.P, err = strconv.ParseFloat(value, 64)
		if err == nil && !(r.P > 0 && r.P <= 1) {
			err = fmt.Errorf("not above 0 and at most 1")
		}
	case "seed":
		r.Seed, err = strconv.ParseUint(value, 10, 64)
	case "err":
		r.Err, err = parseFault(value)
	case "latency":
		r.Latency, err = time.ParseDuration(value)
		if err == nil && r.Latency <= 0 {
			err = fmt.Errorf("not above 0")
		}
	default:
		return fmt.Errorf("unknown word %q", key)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func parseFault(text string) (Fault, error) {
	for i := range faults {
		if text == faults[i].name && Fault(i) != NoFault {
			return Fault(i), nil
		}
	}
	return 0, fmt.Errorf("unknown error %q", text)
}

// check refuses rules that would do nothing or two things at once.
func (r *Rule) check() error {
	switch {
	case r.Err == NoFault && r.Latency == 0:
		return fmt.Errorf("neither err nor latency")
	case r.Err == NoFault && (r.Short || r.After):
		return fmt.Errorf("short and after need err")
	case r.Nth > 0 && r.P > 0:
		return fmt.Errorf("both nth and p")
	case r.Once && r.Sticky:
		return fmt.Errorf("both once and sticky")
	case r.After && (r.Short || r.Err == FaultShort):
		return fmt.Errorf("both short and after")
	case r.Seed != 0 && r.P == 0:
		return fmt.Errorf("seed without p")
	}
	return nil
}

// String is the rule as ParseRules reads it.
func (r *Rule) String() string {
	ops := r.Ops
	if ops == 0 {
		ops = AnyOp
	}
	words := []string{"op=" + ops.String()}
	add := func(present bool, word string) {
		if present {
			words = append(words, word)
		}
	}
	add(r.Path != "", "path="+quote(r.Path))
	add(r.Nth > 0, "nth="+strconv.FormatInt(r.Nth, 10))
	add(r.P > 0, "p="+strconv.FormatFloat(r.P, 'g', -1, 64))
	add(r.Seed != 0, "seed="+strconv.FormatUint(r.Seed, 10))
	add(r.Err != NoFault, "err="+faults[min(int(r.Err), len(faults)-1)].name)
	add(r.Latency > 0, "latency="+r.Latency.String())
	add(r.Short, "short")
	add(r.After, "after")
	add(r.Once, "once")
	add(r.Sticky, "sticky")
	return strings.Join(words, " ")
}
