package commitlog

import "math"

// Piece is an append of which something is left: the batches below Limit.
type Piece struct {
	Entry
	Limit    int64 // exclusive
	File     int   // as the caller counts them
	Position int64 // in it, for Reader.Go
}

// End is where the piece ends.
func (p *Piece) End() int64 { return min(p.Next, p.Limit) }

// History is what entries, in order, leave of one log. The zero value is a log without entries.
type History struct {
	// Pieces are the appends that count, in order. There may be gaps between them, of what was made durable
	// otherwise, but no overlaps.
	Pieces []Piece
	// Start is the highest log start that was told since the log was empty, 0 none.
	Start int64
	// Gone says that the last that is known of the log is its deletion.
	Gone bool
}

// Add takes the next entry. file and position tell where its payload is.
func (h *History) Add(e Entry, file int, position int64) {
	h.Gone = false
	switch e.Kind {
	case Append:
		h.truncate(e.Base) // what was there has been replaced
		h.Pieces = append(h.Pieces, Piece{Entry: e, Limit: math.MaxInt64, File: file, Position: position})
	case Truncate:
		if !plantedNoVoid {
			h.truncate(e.Base)
		}
	case Start:
		h.Start = max(h.Start, e.Base) // what lies below may be needed to get there
	case Reset:
		h.Pieces, h.Start = h.Pieces[:0], 0
	case Delete:
		h.Pieces, h.Start, h.Gone = h.Pieces[:0], 0, true
	}
}

// truncate cuts what lies at or above end. end is a boundary of batches.
func (h *History) truncate(end int64) {
	n := len(h.Pieces)
	for n > 0 && h.Pieces[n-1].Base >= end {
		n--
	}
	h.Pieces = h.Pieces[:n]
	if n > 0 {
		p := &h.Pieces[n-1]
		p.Limit = min(p.Limit, end)
	}
}

// Drop drops the pieces that lie wholly below offset.
func (h *History) Drop(offset int64) {
	n := 0
	for n < len(h.Pieces) && h.Pieces[n].End() <= offset {
		n++
	}
	h.Pieces = h.Pieces[n:]
}
