package txn

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// blocks hands out blocks of a size, one after the other, or fails.
type blocks struct {
	mu   sync.Mutex
	size int32
	next kafka.ProducerID
	asks int
	err  error
}

func (b *blocks) AllocateProducerIDs(done func(Block, error)) {
	b.mu.Lock()
	block := Block{First: b.next, Size: b.size}
	b.next += kafka.ProducerID(b.size)
	b.asks++
	err := b.err
	b.mu.Unlock()
	if err != nil {
		block = Block{}
	}
	done(block, err)
}

// TestIDsNeverRepeat: many askers at once, many blocks; every id once, no block wasted (SURFACE 60).
func TestIDsNeverRepeat(t *testing.T) {
	from := &blocks{size: 10, next: 1000}
	s := NewProducerIDs(from)
	const askers, each = 8, 125
	seen := make(map[kafka.ProducerID]bool)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for range each {
				id, err := s.Next(t.Context())
				mu.Lock()
				if err != nil || seen[id] || id < 1000 {
					t.Errorf("id %d, %v", id, err)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if from.asks != askers*each/10 {
		t.Errorf("%d blocks for %d ids of 10 a block", from.asks, askers*each)
	}
}

func TestFailureIsToldAndAskedAgain(t *testing.T) {
	from := &blocks{size: 10, err: errors.New("no controller")}
	s := NewProducerIDs(from)
	if _, err := s.Next(t.Context()); !errors.Is(err, ErrNoProducerID) {
		t.Fatalf("%v", err)
	}
	from.mu.Lock()
	from.err = nil
	from.mu.Unlock()
	if _, err := s.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// silent never answers.
type silent struct{}

func (silent) AllocateProducerIDs(func(Block, error)) {}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := NewProducerIDs(silent{}).Next(ctx); !errors.Is(err, ErrNoProducerID) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
	})
}

// only allows what is named.
type only map[security.Resource]bool

func (o only) Allowed(_ security.Principal, _ string, _ security.Operation, res security.Resource, _ string) bool {
	return o[res]
}

func TestInitProducerID(t *testing.T) {
	all := only{security.ResourceCluster: true, security.ResourceTransactionalID: true}
	empty, name := "", "tx"
	f := func(auth security.Authorizer, from Allocator, transactional *string, code int16) {
		t.Helper()
		h := New(Options{IDs: NewProducerIDs(from), Authorizer: auth})
		for v := int16(0); v <= 5; v++ {
			req := kmsg.NewPtrInitProducerIDRequest()
			req.SetVersion(v)
			req.TransactionalID = transactional
			r := &network.Request{
				Header: wire.Header{Key: req.Key(), Version: v}, Payload: req.AppendTo(nil), Session: &network.Session{},
			}
			if d := h.InitProducerID(r); d != network.Answered {
				t.Fatalf("v%d ended by %d", v, d)
			}
			resp := kmsg.NewPtrInitProducerIDResponse()
			resp.SetVersion(v)
			if err := resp.ReadFrom(r.Out); err != nil {
				t.Fatal(err)
			}
			ok := resp.ErrorCode == 0 && resp.ProducerID >= 7 && resp.ProducerEpoch == 0
			refused := resp.ErrorCode != 0 && resp.ProducerID == -1 && resp.ProducerEpoch == -1
			if resp.ErrorCode != code || !ok && !refused {
				t.Errorf("v%d: %+v, want error %d", v, resp, code)
			}
		}
	}
	f(all, &blocks{size: 1, next: 7}, nil, 0)
	f(all, &blocks{err: errors.New("none")}, nil, kerr.CoordinatorLoadInProgress.Code)
	f(all, nil, &empty, kerr.InvalidRequest.Code) // SURFACE 59
	f(all, nil, &name, kerr.NotCoordinator.Code)
	f(only{}, nil, &name, kerr.TransactionalIDAuthorizationFailed.Code)
	f(only{}, nil, nil, kerr.ClusterAuthorizationFailed.Code)
}
