package replica

import "github.com/thalweg-io/thalweg/broker/internal/storage"

// Producers lists the idempotent and transactional producers that the replica here knows, which need not be the leader
// (SURFACE 86). Errors: ErrOffline; ErrNotLeader while its log is being opened.
func (p *Partition) Producers() ([]storage.ProducerState, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	if p.log() == nil {
		return nil, ErrNotLeader
	}
	return p.log().Producers(), nil
}
