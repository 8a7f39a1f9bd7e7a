package txn

import (
	"context"
	"errors"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Block is a range of producer ids that no other broker was or will be given (SURFACE 60).
type Block struct {
	First kafka.ProducerID
	Size  int32
}

// Allocator asks the controller for a block. It does not block; done is called exactly once, on any
// goroutine, once the allocation is committed.
type Allocator interface {
	AllocateProducerIDs(done func(Block, error))
}

// ErrNoProducerID: the controller could not be asked in time.
var ErrNoProducerID = errors.New("no producer id block")

// ProducerIDs is this broker's stock: one block at a time, the next one asked for when it is used
// up. Ids that are left at shutdown are lost, never given twice.
type ProducerIDs struct {
	from Allocator

	mu     sync.Mutex
	block  Block
	asking chan struct{} // closed when the block that is on its way has come or failed
	failed error
}

// NewProducerIDs makes an empty stock.
func NewProducerIDs(from Allocator) *ProducerIDs { return &ProducerIDs{from: from} }

// Take returns an id from the stock, without waiting for more.
func (s *ProducerIDs) Take() (id kafka.ProducerID, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.block.Size == 0 {
		return kafka.NoProducerID, false
	}
	id = s.block.First
	s.block.First++
	s.block.Size--
	return id, true
}

// Next returns an id that was never given before. It waits for the controller if the stock is
// empty, until ctx ends. Safe for concurrent use.
func (s *ProducerIDs) Next(ctx context.Context) (kafka.ProducerID, error) {
	for {
		id, asking, err := s.take()
		if asking == nil {
			return id, err
		}
		select {
		case <-asking:
		case <-ctx.Done():
			return kafka.NoProducerID, errors.Join(ErrNoProducerID, ctx.Err())
		}
	}
}

// take returns an id, or what to wait for, or why the last block did not come.
func (s *ProducerIDs) take() (id kafka.ProducerID, asking <-chan struct{}, err error) {
	if id, ok := s.Take(); ok {
		return id, nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.block.Size > 0 { // a block has come in between
		closed := make(chan struct{})
		close(closed)
		return kafka.NoProducerID, closed, nil
	}
	if err = s.failed; err != nil {
		s.failed = nil // the next caller asks again
		return kafka.NoProducerID, nil, errors.Join(ErrNoProducerID, err)
	}
	if s.asking == nil {
		s.asking = make(chan struct{})
		go s.from.AllocateProducerIDs(s.arrived) // it may call back before it returns
	}
	return kafka.NoProducerID, s.asking, nil
}

func (s *ProducerIDs) arrived(b Block, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block, s.failed = b, err
	close(s.asking)
	s.asking = nil
}
