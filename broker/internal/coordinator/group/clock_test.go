package group

import "testing"

// TestClockBehind: a target that was computed by a clock that is ahead of this one, of another broker or before a jump, does not
// keep the group from another one until this clock has caught up. The simulator found a group that nobody owned anything in.
func TestClockBehind(t *testing.T) {
	w := newWorld(t, nil)
	w.say(t, "topic name=t partitions=4")
	w.shard.Core.SetWall(3_600_000)
	w.say(t, "consumer A join")
	w.shard.Core.SetWall(0)
	w.say(t, "consumer B join")
	w.say(t, "consumer A ack")
	w.expect(t, "describe-consumer", "g: ok state=Reconciling", "A", "B")
}
