package group

// A member learns from its own heartbeats only: what others have given back, and what it has to give back itself. With the interval
// of 5 s that groups have by default, one that is on its way to a new assignment needs two of them or more. So while a group is under way
// its members are told to come back soon, which the interval in each answer is for; Kafka always tells the group's.

const (
	// hasteMs is the interval of a group under way, and hasteMemberMs what it is at least for each member: a group has no more than
	// 200 heartbeats per second for that.
	hasteMs       = 500
	hasteMemberMs = 5
	// hasteForMs is how long after a new target every member comes back soon: those who have to give something back do not know yet.
	hasteForMs = 3000
	// hasteAtMostMs is how long one may wait in haste for what others have to give back, which takes their rebalance time-out at worst.
	hasteAtMostMs = 30_000
)

// intervalMs is when a member is to send its next heartbeat.
func (d *decision) intervalMs(m *consumerMember) int64 {
	g := d.group
	usual := d.s.heartbeatMs(d.t, g.name)
	age := d.t.Now() - g.targetMs
	waits := g.epoch > g.targetEpoch || !m.reconciled(g.targetEpoch)
	if age >= 0 && (age < hasteForMs || waits && age < hasteAtMostMs) { // age < 0: a clock was ahead, nobody knows by how much
		return min(usual, max(hasteMs, int64(len(g.members))*hasteMemberMs))
	}
	return usual
}
