package output

import (
	"fmt"
	"io"
	"time"
)

// Progress tells a person how far a long work has come: a line that is written over again and again, and
// only if it takes longer than a second. Nothing is written if w is no terminal.
type Progress struct {
	w     io.Writer
	total int64 // 0: unknown
	what  string
	now   func() time.Time
	begun time.Time
	shown time.Time
	bytes int64
	done  int64
	wrote bool
}

// progressEvery is how often the line is renewed.
const progressEvery = 500 * time.Millisecond

// NewProgress begins a work of total things called what; 0 is an unknown number. It writes to w only if
// that is a terminal.
func NewProgress(w io.Writer, what string, total int64, now func() time.Time) *Progress {
	if !Terminal(w) {
		w = nil
	}
	return newProgress(w, what, total, now)
}

func newProgress(w io.Writer, what string, total int64, now func() time.Time) *Progress {
	at := now()
	return &Progress{w: w, total: total, what: what, now: now, begun: at, shown: at.Add(progressEvery)}
}

// Add counts things done, and their bytes, and shows the line when it is time.
func (p *Progress) Add(n, bytes int64) {
	p.done += n
	p.bytes += bytes
	if p.w == nil {
		return
	}
	at := p.now()
	if at.Sub(p.shown) < progressEvery {
		return
	}
	p.shown, p.wrote = at, true
	fmt.Fprintf(p.w, "\r\x1b[K%s", p.line(at))
}

// line is how far the work has come at a moment.
func (p *Progress) line(at time.Time) string {
	spent := at.Sub(p.begun)
	rate := float64(p.done) / max(spent.Seconds(), 0.001)
	speed := fmt.Sprintf("%s/s, %s/s", Count(int64(rate)), Bytes(int64(float64(p.bytes)/max(spent.Seconds(), 0.001))))
	if p.total == 0 {
		return fmt.Sprintf("%s %s, %s", Count(p.done), p.what, speed)
	}
	eta := "-"
	if rate > 0 {
		eta = Duration(time.Duration(float64(max(p.total-p.done, 0)) / rate * float64(time.Second)))
	}
	return fmt.Sprintf("%s of %s %s (%d %%), %s, %s left", Count(p.done), Count(p.total), p.what, p.done*100/p.total, speed, eta)
}

// Clear takes the line away, so that something else can be written.
func (p *Progress) Clear() {
	if p.wrote {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.wrote = false
	}
}
