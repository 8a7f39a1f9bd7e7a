package group

import "testing"

// The points of the surface that a test client can tell apart (SURFACE 7.9, 7.10), each as a test of its number. say and expect
// speak the language of the scripts.

// instantly makes a world without the delay of first rebalances.
func instantly(t *testing.T) *world {
	return newWorld(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
}

// pair makes a stable group of A, its leader, and B.
func pair(t *testing.T) *world {
	w := instantly(t)
	for _, text := range []string{"join A v=3", "advance ms=1", "sync A assign=A:all", "join B v=3", "join A", "sync A assign=(A:a,B:b)", "sync B"} {
		w.say(t, text)
	}
	w.expect(t, "list", `g: classic Stable`)
	return w
}

func TestPoint094MemberIDRequired(t *testing.T) {
	w := newWorld(t, nil)
	w.expect(t, "join A v=4", "A joined: MEMBER_ID_REQUIRED id=A", "+ classic group=g")
	w.expect(t, "join A v=4")
	w.expect(t, "join B v=9", "B joined: MEMBER_ID_REQUIRED id=B")
	w.expect(t, "advance ms=10000", "A joined: ok generation=1 protocol=consumer/range leader=A id=A [A t]")
	w.expect(t, "join B v=9", "B joined: UNKNOWN_MEMBER_ID") // its session is over
	w.expect(t, "join C v=9 group=static instance=i", "+ classic group=static")
	w.say(t, "heartbeat A")
	w.expect(t, "advance ms=3000", "C joined: ok")
}

func TestPoint095States(t *testing.T) {
	w := pair(t)
	w.expect(t, "heartbeat A", "A heard: ok")
	w.say(t, "join A")
	w.expect(t, "heartbeat B", "B heard: REBALANCE_IN_PROGRESS")
	w.expect(t, "join B", "A joined: ok", "B joined: ok")
	w.expect(t, "describe", "g: ok state=CompletingRebalance", "A", "B")
	w.expect(t, "heartbeat A", "A heard: ok")
	w.say(t, "sync A")
	w.say(t, "leave A B")
	w.expect(t, "heartbeat A", "A heard: UNKNOWN_MEMBER_ID")
	w.expect(t, "list", "g: classic Empty")
}

func TestPoint096InitialDelay(t *testing.T) {
	w := newWorld(t, nil)
	w.say(t, "join A v=3 rebalance=7000")
	w.say(t, "advance ms=2999")
	w.say(t, "join B v=3 rebalance=7000")
	w.expect(t, "advance ms=3000")
	w.say(t, "join C v=5 instance=i rebalance=7000")
	w.expect(t, "advance ms=1000") // 6999: prolonged for the last time
	w.expect(t, "advance ms=1", "A joined: ok generation=1", "B joined: ok", "C joined: ok")
	w.say(t, "sync A")
	w.say(t, "sync B")
	w.say(t, "sync C")
	// A rebalance later on waits for everybody, or as long as the most patient says. B is dynamic and out, C is static and in.
	w.say(t, "join A session=30000 rebalance=7000")
	w.expect(t, "advance ms=6999")
	w.expect(t, "advance ms=1", "A joined: ok generation=2 protocol=consumer/range leader=A id=A [A t] [C i t]")
}

func TestPoint097LeaderAndVote(t *testing.T) {
	w := instantly(t)
	w.say(t, "join A v=3 protocols=(x/t,range/t,sticky/t)")
	w.say(t, "advance ms=1")
	w.expect(t, "sync A", "A synced", "+ classic group=g: v3 type=\"consumer\" generation=1 protocol=x leader=A")
	w.say(t, "join B v=3 protocols=(sticky/t,range/t)")
	w.say(t, "join C v=3 protocols=(sticky/t,range/t)")
	// x is not supported by all; sticky has two votes, range one.
	w.expect(t, "join A v=3 protocols=(x/t,range/t,sticky/t)", "A joined: ok generation=2 protocol=consumer/sticky leader=A id=A [A t] [B t] [C t]",
		"B joined: ok generation=2 protocol=consumer/sticky leader=A id=B", "C joined: ok generation=2 protocol=consumer/sticky leader=A id=C")
}

func TestPoint098Rejoin(t *testing.T) {
	w := pair(t)
	w.expect(t, "join B", "B joined: ok generation=2 protocol=consumer/range leader=A id=B")
	w.expect(t, "heartbeat A", "A heard: ok")
	w.expect(t, "join A")
	w.expect(t, "heartbeat B", "B heard: REBALANCE_IN_PROGRESS")
	w.expect(t, "join B protocols=(range/t+u)", "A joined: ok generation=3", "B joined: ok generation=3")
	w.say(t, "sync A")
	w.say(t, "sync B")
	w.expect(t, "join B protocols=(range/t)") // changed
	w.expect(t, "heartbeat A", "A heard: REBALANCE_IN_PROGRESS")
}

func TestPoint099Sync(t *testing.T) {
	w := instantly(t)
	w.say(t, "join A v=3 rebalance=8000")
	w.say(t, "advance ms=1")
	w.say(t, "sync A assign=A:all")
	w.say(t, "join B v=3 rebalance=8000")
	w.say(t, "join A v=3 rebalance=8000")
	w.expect(t, "sync B")
	w.say(t, "hold")
	w.expect(t, "sync A assign=A:a", "+ classic group=g: v3 type=\"consumer\" generation=2 protocol=range leader=A since=1000001 [A t \"a\"] [B t \"\"]")
	w.expect(t, "release", `A synced: ok protocol=consumer/range assignment="a"`, `B synced: ok protocol=consumer/range assignment=""`)
	w.say(t, "join A rebalance=8000")
	w.say(t, "join B rebalance=8000")
	w.say(t, "sync A")
	w.expect(t, "advance ms=7000")
	w.say(t, "heartbeat A")
	w.say(t, "heartbeat B")
	w.expect(t, "advance ms=1000") // B did not sync and is out
	w.expect(t, "heartbeat B", "B heard: UNKNOWN_MEMBER_ID")
	w.expect(t, "heartbeat A", "A heard: REBALANCE_IN_PROGRESS")
}

func TestPoint100Errors(t *testing.T) {
	w := newWorld(t, map[string]string{"group.initial.rebalance.delay.ms": "0", "group.max.size": "1"})
	w.say(t, "join A v=5 instance=i")
	w.say(t, "sync A instance=i")
	w.expect(t, "heartbeat A instance=i generation=0", "A heard: ILLEGAL_GENERATION")
	w.expect(t, "sync A instance=i generation=2", "A synced: ILLEGAL_GENERATION")
	w.expect(t, "heartbeat B", "B heard: UNKNOWN_MEMBER_ID")
	w.expect(t, "heartbeat B instance=i generation=1", "B heard: FENCED_INSTANCE_ID")
	w.expect(t, "sync A instance=i protocol=other", "A synced: INCONSISTENT_GROUP_PROTOCOL")
	w.expect(t, "join B v=3 protocols=(other/t)", "B joined: GROUP_MAX_SIZE_REACHED")
	w.expect(t, "join A protocols=(other/t) instance=i", "A joined: INCONSISTENT_GROUP_PROTOCOL")
	w.expect(t, "join B session=1", "B joined: INVALID_SESSION_TIMEOUT")
	w.expect(t, "join B session=1800001", "B joined: INVALID_SESSION_TIMEOUT")
}

func TestPoint101StaticMembers(t *testing.T) {
	w := instantly(t)
	w.say(t, "join A instance=i session=20000")
	w.say(t, "sync A instance=i assign=A:all")
	w.expect(t, "join A' instance=i session=20000", "A' joined: ok generation=1 protocol=consumer/range leader=A' id=A' skip-assignment [A' i t]", "+ classic")
	w.expect(t, "heartbeat A instance=i", "A heard: FENCED_INSTANCE_ID")
	w.expect(t, "sync A' instance=i", `A' synced: ok protocol=consumer/range assignment="all"`)
	w.expect(t, "list", "g: classic Stable")
	w.expect(t, "join A'' v=8 instance=i session=20000", "A'' joined: ok generation=1 protocol=consumer/range leader=A' id=A''", "+ classic")
	w.expect(t, "leave instance=i v=3", "left: ok [ i ok]", "+ classic group=g: v3 type=\"consumer\" generation=2 protocol=- leader=-")
}

func TestPoint102CommitIsHeartbeat(t *testing.T) {
	w := pair(t)
	for range 5 {
		w.expect(t, "advance ms=9000")
		w.expect(t, "commit A\nt/0=1", "A committed: t/0 ok", "+ offset")
		w.say(t, "heartbeat B")
	}
	w.say(t, "join B protocols=(range/t+u)")
	w.expect(t, "advance ms=9000")
	w.expect(t, "commit A\nt/0=1", "A committed: t/0 ok", "+ offset")
	w.expect(t, "advance ms=9000")
	w.expect(t, "heartbeat A", "A heard: REBALANCE_IN_PROGRESS") // still a member
}

func TestPoint103Describe(t *testing.T) {
	w := pair(t)
	w.expect(t, "describe group=x v=5", "x: ok state=Dead")
	w.expect(t, "describe group=x v=6", "x: GROUP_ID_NOT_FOUND state=Dead")
	w.expect(t, "describe", "g: ok state=Stable protocol=consumer/range", `A instance=- client=A host=/127.0.0.1 metadata=t assignment="a"`, "B")
	w.say(t, "join A")
	w.expect(t, "describe", "g: ok state=PreparingRebalance protocol=consumer/", `A instance=- client=A host=/127.0.0.1 metadata="" assignment="a"`, "B")
}

func TestPoint105SimpleCommit(t *testing.T) {
	w := instantly(t)
	w.expect(t, "commit A generation=-1\nt/0=1", "A committed: t/0 ok", "+ offset group=g t/0: v4 offset=1")
	w.expect(t, "list", `g: classic Empty ""`)
	w.say(t, "join A v=3")
	w.expect(t, "commit B generation=-1\nt/0=1", "B committed: t/0 UNKNOWN_MEMBER_ID")
	w.say(t, "advance ms=1")
	w.expect(t, "commit A\nt/0=1", "A committed: t/0 REBALANCE_IN_PROGRESS")
}

func TestPoint106CommitErrors(t *testing.T) {
	w := newWorld(t, map[string]string{"offset.metadata.max.bytes": "2", "group.initial.rebalance.delay.ms": "0"})
	w.expect(t, "commit A generation=0 v=9\nt/0=1", "A committed: t/0 GROUP_ID_NOT_FOUND")
	w.expect(t, "commit A generation=0 v=8\nt/0=1", "A committed: t/0 ILLEGAL_GENERATION")
	w.expect(t, "commit A\nt/0=1:éé t/1=1:ééé", "A committed: t/0 ok t/1 OFFSET_METADATA_TOO_LARGE", "+ offset group=g t/0")
	w = pair(t)
	w.expect(t, "commit A generation=1\nt/0=1", "A committed: t/0 ILLEGAL_GENERATION")
	w.expect(t, "fetch", "fetched: ok")
}

func TestPoint108Fetch(t *testing.T) {
	w := newWorld(t, nil)
	w.expect(t, "fetch topics=(t/0)", "fetched: ok t/0=-1")
	w.say(t, "commit A\nt/0=1 u/5=2:x")
	w.expect(t, "fetch topics=(t/1,v/0,u/5)", `fetched: ok t/1=-1 v/0=-1 u/5=2(-1 "x")`)
	w.expect(t, "fetch", `fetched: ok t/0=1 u/5=2(-1 "x")`)
	w.say(t, "record\nt/0=7 t/3=1")
	w.expect(t, "fetch topics=(t/0)", "fetched: ok t/0=1")
	w.expect(t, "fetch stable topics=(t/0,t/3,u/5)", "fetched: ok t/0=-1 UNSTABLE_OFFSET_COMMIT t/3=-1 UNSTABLE_OFFSET_COMMIT u/5=2")
	w.expect(t, "fetch stable", "fetched: ok t/0=-1 UNSTABLE_OFFSET_COMMIT u/5=2")
}

func TestPoint109Expiry(t *testing.T) {
	retention := map[string]string{"offsets.retention.minutes": "1", "offsets.retention.check.interval.ms": "1000", "group.initial.rebalance.delay.ms": "0"}
	w := newWorld(t, retention) // a group that became empty: from then on
	w.say(t, "topic name=t")
	w.say(t, "join A v=3 session=10000")
	w.say(t, "advance ms=1")
	w.say(t, "sync A")
	w.say(t, "commit A\nt/0=1 u/0=2")
	w.say(t, "advance ms=10000") // its session ends
	w.expect(t, "list", "g: classic Empty")
	w.expect(t, "advance ms=59000")
	w.expect(t, "advance ms=2000", "+ offset group=g t/0: tombstone", "+ offset group=g u/0: tombstone", "+ classic group=g: tombstone")

	w = newWorld(t, retention) // with members: what nobody subscribes
	w.say(t, "join A v=3 session=300000")
	w.say(t, "advance ms=1")
	w.say(t, "sync A")
	w.say(t, "commit A\nt/0=1 u/0=2")
	w.expect(t, "advance ms=62000", "+ offset group=g u/0: tombstone")

	w = newWorld(t, retention) // a simple group: from each commit; retention of its own; transactions protect
	w.say(t, "commit A\nt/0=1")
	w.say(t, "commit A v=2 retention=120000\nt/1=1")
	w.say(t, "advance ms=30000")
	w.say(t, "commit A\nt/2=1")
	w.expect(t, "advance ms=31000", "+ offset group=g t/0: tombstone")
	w.expect(t, "advance ms=30000", "+ offset group=g t/2: tombstone")
	w.say(t, "record\nt/1=5")
	w.expect(t, "advance ms=60000")
	w.say(t, "marker")
	w.expect(t, "advance ms=1000", "+ offset group=g t/1: tombstone", "+ classic group=g: tombstone")

	w = newWorld(t, retention) // topics that are deleted
	w.say(t, "topic name=t")
	w.say(t, "commit A\nt/0=1 t/3=1 u/0=1")
	w.expect(t, "topic name=t partitions=0", "+ offset group=g t/0: tombstone", "+ offset group=g t/3: tombstone")
}

func TestPoint110Delete(t *testing.T) {
	w := pair(t)
	w.say(t, "commit A\nt/0=1 u/0=1")
	w.expect(t, "delete", "deleted: NON_EMPTY_GROUP")
	w.expect(t, "offset-delete topics=(t/0,u/0)", "offsets deleted: ok t/0 GROUP_SUBSCRIBED_TO_TOPIC u/0 ok", "+ offset group=g u/0: tombstone")
	w.say(t, "join A") // in a rebalance too
	w.expect(t, "delete", "deleted: NON_EMPTY_GROUP")
	w.say(t, "leave A B")
	w.expect(t, "delete", "deleted: ok", "+ offset group=g t/0: tombstone", "+ classic group=g: tombstone")
	w.expect(t, "delete", "deleted: GROUP_ID_NOT_FOUND")
	w = instantly(t)
	w.say(t, "join A v=3 type=connect protocols=(range:x)")
	w.expect(t, "offset-delete topics=(t/0)", "offsets deleted: NON_EMPTY_GROUP")
}

func TestPoint111NotCoordinator(t *testing.T) { // the part of NOT_COORDINATOR: everybody who waits learns it
	w := newWorld(t, nil)
	w.say(t, "join A v=3")
	w.expect(t, "reload", "A joined: NOT_COORDINATOR")
	w = pair(t)
	w.say(t, "join A")
	w.expect(t, "join B", "A joined: ok", "B joined: ok")
	w.say(t, "sync B")
	w.expect(t, "reload", "B synced: NOT_COORDINATOR")
	w.expect(t, "heartbeat B", "B heard: ILLEGAL_GENERATION") // the generation before the rebalance is what was written
	w.say(t, "hold")
	w.expect(t, "commit C group=h\nt/0=1", "+ offset group=h t/0")
	w.expect(t, "fetch group=h")
	w.expect(t, "reload", "C committed: t/0 NOT_COORDINATOR", "fetched: NOT_COORDINATOR")
}

func TestPoint104OtherType(t *testing.T) {
	w := consumers(t)
	w.say(t, "consumer A join")
	w.expect(t, "describe v=5", "g: ok state=Dead")
	w.expect(t, "describe v=6", "g: GROUP_ID_NOT_FOUND state=Dead")
	w.expect(t, "list", `g: consumer Stable "consumer"`)
	w.expect(t, "list types=(classic)")
	w.say(t, "join B group=h v=3")
	w.expect(t, "describe-consumer group=h", "h: GROUP_ID_NOT_FOUND")
}

// consumers makes a world with a topic of four partitions, in which targets are computed at once.
func consumers(t *testing.T) *world {
	w := newWorld(t, map[string]string{"group.consumer.assignment.interval.ms": "0", "group.initial.rebalance.delay.ms": "0"})
	w.say(t, "topic name=t partitions=4")
	return w
}

func TestPoint107MemberEpochs(t *testing.T) {
	w := consumers(t)
	w.expect(t, "commit A generation=-1\nt/0=1", "A committed: t/0 ok", "+ offset") // nobody is in the group
	w.say(t, "consumer A join")
	w.say(t, "consumer B join")
	w.say(t, "consumer A")
	w.say(t, "consumer A ack")
	w.expect(t, "consumer A", "A heard: ok epoch=2") // has 0 and 1 since epoch 1
	w.expect(t, "commit A v=8 generation=2\nt/0=1", "A committed: t/0 UNSUPPORTED_VERSION")
	w.expect(t, "commit A v=9 generation=2\nt/0=1", "A committed: t/0 ok", "+ offset")
	w.expect(t, "commit A v=9 generation=1\nt/0=2 t/1=2", "A committed: t/0 ok t/1 ok", "+ offset", "+ offset")
	w.expect(t, "commit A v=9 generation=1\nt/0=2 t/2=2", "A committed: t/0 STALE_MEMBER_EPOCH t/2 STALE_MEMBER_EPOCH")
	w.expect(t, "consumer B", "B heard: ok epoch=2 assignment=[t/2 t/3]", "+ current")
	w.expect(t, "commit B v=9 generation=1\nt/2=2", "B committed: t/2 STALE_MEMBER_EPOCH")
	w.expect(t, "commit B v=9 generation=3\nt/2=2", "B committed: t/2 STALE_MEMBER_EPOCH")
	w.expect(t, "commit C v=9 generation=2\nt/2=2", "C committed: t/2 UNKNOWN_MEMBER_ID")
	w.expect(t, "fetch member=A epoch=1", "fetched: STALE_MEMBER_EPOCH")
	w.expect(t, "fetch member=A epoch=2", "fetched: ok t/0=2 t/1=2")
}

func TestPoint113HeartbeatRequest(t *testing.T) {
	w := consumers(t)
	for _, text := range []string{"epoch=0", "join nothing", "join owned=(t/0)", "join id=", "join instance=", "join rack=", "epoch=-2", "epoch=-3", "group= join"} {
		w.expect(t, "consumer A "+text, "A heard: INVALID_REQUEST")
	}
	w.expect(t, "consumer A join assignor=mine", "A heard: UNSUPPORTED_ASSIGNOR")
	w.expect(t, "consumer A join regex=*", "A heard: INVALID_REGULAR_EXPRESSION")
	w.expect(t, "list")
}

func TestPoint114EpochFence(t *testing.T) {
	w := consumers(t)
	w.say(t, "consumer A join")
	w.say(t, "consumer B join")
	w.say(t, "consumer A")
	w.say(t, "consumer A ack")
	w.expect(t, "consumer A epoch=3", "A heard: FENCED_MEMBER_EPOCH")
	w.expect(t, "consumer A epoch=1", "A heard: FENCED_MEMBER_EPOCH")             // does not say what it has
	w.expect(t, "consumer A epoch=1 owned=(t/3)", "A heard: FENCED_MEMBER_EPOCH") // has what it must not have
	w.expect(t, "consumer A epoch=1 owned=(t/1)", "A heard: ok epoch=2")          // has only not heard the answer
	w.expect(t, "consumer A join", "A heard: ok epoch=2 assignment=[t/0 t/1]")
}

func TestPoint115ConsumerStates(t *testing.T) {
	w := newWorld(t, nil)
	w.say(t, "topic name=t partitions=4")
	w.expect(t, "describe-consumer", "g: GROUP_ID_NOT_FOUND")
	w.say(t, "consumer A join")
	w.expect(t, "describe-consumer", "g: ok state=Stable", "A")
	w.say(t, "consumer B join") // the target is too young for another
	w.expect(t, "describe-consumer", "g: ok state=Assigning", "A", "B")
	w.say(t, "advance ms=1000")
	w.expect(t, "describe-consumer", "g: ok state=Reconciling", "A", "B")
	w.say(t, "consumer A epoch=-1")
	w.say(t, "consumer B epoch=-1")
	w.expect(t, "describe-consumer", "g: ok state=Empty")
}
