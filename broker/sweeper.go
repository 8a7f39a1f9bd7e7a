package broker

import "github.com/thalweg-io/thalweg/broker/internal/replica"

// sweeper is the goroutine that removes the logs of deleted topics, so that the quorum loop does not wait for the disk.
type sweeper struct {
	wake chan struct{}
	stop chan struct{}
	done chan struct{}
}

func newSweeper() *sweeper {
	return &sweeper{wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
}

// doomed says that there is work.
func (s *sweeper) doomed() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been told already
	}
}

func (s *sweeper) run(m *replica.Manager) {
	defer close(s.done)
	for more := false; ; more = m.Sweep() {
		if more {
			select {
			case <-s.stop:
				return
			default:
				continue
			}
		}
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
	}
}

// end stops the goroutine. What was not swept is removed at the next start.
func (s *sweeper) end() {
	close(s.stop)
	<-s.done
}
