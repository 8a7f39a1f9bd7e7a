package register

import (
	"fmt"
	"sync"
)

// Key names a register. Life counts how often the register was allowed to forget, as by the loss of its only disk or the return of an
// old one; each life is a register of its own, and what a later one begins with nobody knows.
type Key struct {
	Group, Topic string
	Partition    int32
	Life         int
}

func (k Key) String() string {
	s := fmt.Sprintf("%s/%s-%d", k.Group, k.Topic, k.Partition)
	if k.Life > 0 {
		s += fmt.Sprintf(" (life %d)", k.Life)
	}
	return s
}

// Outcome of a write.
type Outcome uint8

// Outcomes. A read that is recorded is always Done.
const (
	Done    Outcome = iota // acknowledged
	Refused                // it has not taken place and will not
	Unknown                // it may take place at any moment after its beginning
)

func (o Outcome) String() string { return [...]string{"done", "refused", "unknown"}[o] }

// None is what a read returns of a register that nobody has written.
const None = ""

// Op is one operation of a client.
type Op struct {
	Key        Key
	Client     int
	Write      bool
	Value      string // of a write: unlike that of any other write to this register, and not None
	Begin, End int64  // by one clock for all clients; the unit does not matter. End of an unknown write: when the client gave up
	Outcome    Outcome
}

func (o *Op) String() string {
	if !o.Write {
		return fmt.Sprintf("client %d reads %q in [%d, %d]", o.Client, o.Value, o.Begin, o.End)
	}
	return fmt.Sprintf("client %d writes %q in [%d, %d]: %s", o.Client, o.Value, o.Begin, o.End, o.Outcome)
}

// History collects operations. The zero value is empty. Safe for concurrent use.
type History struct {
	mu  sync.Mutex
	ops []Op
}

// Add adds an operation that is over. The order of additions does not matter.
func (h *History) Add(o Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

// byRegister are the operations so far, by register and in order of addition.
func (h *History) byRegister() map[Key][]Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[Key][]Op{}
	for _, o := range h.ops {
		all[o.Key] = append(all[o.Key], o)
	}
	return all
}
