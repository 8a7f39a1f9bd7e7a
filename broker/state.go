package broker

import (
	"fmt"
	"sync"
)

// brokerState is where a broker is in its life, with Kafka's numbers (BrokerState).
type brokerState int8

const (
	stateNotRunning   brokerState = 0
	stateStarting     brokerState = 1
	stateRunning      brokerState = 3
	stateShuttingDown brokerState = 7
)

// nodeState is a broker's state for those who ask from outside.
type nodeState struct {
	mu struct {
		sync.Mutex
		state  brokerState
		open   bool  // what metrics read is there
		failed error // the first failure that it cannot go on with
	}
}

func (s *nodeState) enter(state brokerState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.state = state
}

func (s *nodeState) setOpen(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.open = open
}

func (s *nodeState) opened() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.open
}

func (s *nodeState) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.failed == nil {
		s.mu.failed = err
	}
}

func (s *nodeState) number() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.mu.state)
}

// healthy is nil unless the broker has failed or ended: a supervisor would start it anew.
func (s *nodeState) healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.failed != nil:
		return fmt.Errorf("failed: %w", s.mu.failed)
	case s.mu.state == stateNotRunning:
		return fmt.Errorf("not running")
	}
	return nil
}

// ready is nil while the broker serves requests.
func (s *nodeState) ready() error {
	if err := s.healthy(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.mu.state {
	case stateStarting:
		return fmt.Errorf("starting: the broker has not yet registered")
	case stateShuttingDown:
		return fmt.Errorf("stopping")
	}
	return nil
}
