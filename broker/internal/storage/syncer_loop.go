package storage

import "runtime"

// This file is a shell: the goroutines that run the syncer of a data directory and what it leaves for later.

// Start runs the syncer, and what it leaves for later, in a goroutine each, until Close. One call.
func (d *Dir) Start() {
	q := d.queue
	q.mu.Lock()
	if q.mu.started || q.mu.stop {
		q.mu.Unlock()
		return
	}
	q.mu.started = true
	q.mu.Unlock()
	d.loop.Add(1)
	go d.syncLoop()
	if d.commit != nil {
		d.loop.Add(1)
		go d.sweepLoop()
	}
}

// sweepLoop works when a round has left something.
func (d *Dir) sweepLoop() {
	defer d.loop.Done()
	for d.queue.waitLater() {
		for !d.queue.stopped() && d.SweepOnce() {
		}
	}
}

// later has done what the syncer leaves for later: by the goroutine if it runs, else here.
func (d *Dir) later() {
	q := d.queue
	q.mu.Lock()
	started := q.mu.started
	if started {
		q.mu.later = true
		q.mu.sweep.Signal()
	}
	q.mu.Unlock()
	for !started && d.SweepOnce() {
	}
}

// waitLater blocks until a round has ended; false means stop.
func (q *syncQueue) waitLater() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.mu.stop && !q.mu.later {
		q.mu.sweep.Wait()
	}
	q.mu.later = false
	return !q.mu.stop
}

func (q *syncQueue) stopped() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mu.stop
}

// syncLoop works while the queue is not empty; there is no timer.
func (d *Dir) syncLoop() {
	defer d.loop.Done()
	for d.queue.wait() {
		runtime.Gosched() // who can append now goes along with this round
		d.SyncOnce()
	}
}

// wait blocks until there is work; false means stop.
func (q *syncQueue) wait() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.mu.stop && len(q.mu.logs) == 0 && !(q.mu.failed && !q.mu.told) {
		q.mu.work.Wait()
	}
	return !q.mu.stop
}

// stopLoop ends the goroutines and waits for them. Appends no longer wait for rounds.
func (d *Dir) stopLoop() {
	d.queue.end()
	d.loop.Wait()
}

// end lets the goroutine end after the round that it is in.
func (q *syncQueue) end() {
	q.mu.Lock()
	q.mu.stop = true
	q.mu.work.Broadcast()
	q.mu.room.Broadcast()
	q.mu.sweep.Broadcast()
	q.mu.Unlock()
}
