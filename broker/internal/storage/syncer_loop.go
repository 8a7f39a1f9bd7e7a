package storage

// This file is a shell: the goroutine that runs the syncer of a data directory.

// Start runs the syncer in a goroutine of its own, until Close. One call.
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
}

// syncLoop works while the queue is not empty; there is no timer.
func (d *Dir) syncLoop() {
	defer d.loop.Done()
	for d.queue.wait() {
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

// stopLoop ends the goroutine and waits for it. Appends no longer wait for rounds.
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
	q.mu.Unlock()
}
