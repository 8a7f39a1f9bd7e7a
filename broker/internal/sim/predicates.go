package sim

// Predicate is one thing that must always hold, with the moment at which it is evaluated.
type Predicate struct {
	ID    string // of the project's rules, or a word
	Text  string
	Where string // function, and how often
}

// Predicates is the table of what a run checks. A Violation names its predicate by ID.
var Predicates = []Predicate{
	{"C-01", "what a controller answers is committed, and stays: topics, producer ids, broker epochs", "oracle.answered, oracle.registered at each answer; oracle.applied at each new image"},
	{"C-04", "broker epochs strictly increase and are given once", "oracle.compare at each new image; oracle.answered"},
	{"C-07", "every image is consistent in itself (metadata.Image.Check)", "oracle.applied at each new image"},
	{"C-13", "a restarted voter never leads a term again that it led before", "oracle.lead at each change of leadership"},
	{"C-15", "partition epoch rises with every change, leader epoch with every change of the leader", "oracle.compare at each new image"},
	{"C-18", "equal metadata offset, equal image", "oracle.applied at each apply on each node; world.unequal at the end"},
	{"C-19", "one leader per term; equal index, equal entry; a leader has everything committed; what was applied is there after a restart", "oracle.lead, oracle.applying, oracle.opened, oracle.refused"},
	{"C-20", "an image made from its own records, or from a snapshot, is the same image", "oracle.rebuild at every 8th new image; oracle.restored at each snapshot"},
	{"S-02", "a crash damages no log, and recovery cuts nothing that was acknowledged", "oracle.check at every 16th event of a node"},
	{"S-06", "terms, votes and acknowledged entries are durable before they are told", "oracle.promised at each message; oracle.opened at each start"},
	{"S-19", "a second recovery, after a power cut right behind the first, comes to the same logs", "oracle.recoverAgain at one start in four"},
	{"R-03", "one process appends in one leader epoch", "oracle.appended at each append"},
	{"R-13", "a log never ends below what readers were told; a reader is never out of range where it was", "oracle.check, oracle.outOfRange"},
	{"R-15", "the high watermark that readers are told does not go back", "oracle.served at each fetch"},
	{"R-17", "nothing at or above the high watermark is shown", "oracle.served at each fetch, consumer.read at each record"},
	{"R-20", "one offset holds one value: acknowledged, read, read again", "oracle.seen at each acknowledgement and record"},
	{"R-23", "log start <= flushed end <= log end", "oracle.check at every 16th event of a node"},
	{"R-26", "batches are the leader's bytes with a good checksum", "oracle.applying at each entry; consumer.read at each batch"},
	{"R-27", "appends are contiguous, epochs do not fall", "oracle.appended at each append; oracle.first at each new entry"},
	{"R-28", "acks=all is answered when the records are below the high watermark and flushed", "oracle.committed at each answer"},
	{"T-02", "a batch that is sent again is answered with the place of the original", "oracle.duplicate at each append"},
	{"T-03", "a producer that sends one batch after the other is never out of sequence", "idempotent.outcome at each answer"},
	{"R-25", "the batches of a producer stay in order", "idempotent.acknowledged at each acknowledgement"},
	{"gap", "a reader gets every offset of its partition", "consumer.read at each record"},
	{"G-01", "a request about a group is answered once", "node.group at each answer"},
	{"G-02", "a partition has at most one owner in a generation of a group", "oracle.owned at each assignment that a member is given"},
	{"G-03", "no committed offset that somebody has heard of goes back", "oracle.fetchedOffset at each fetch of offsets"},
	{"G-04", "groups of a healed cluster become stable, each partition owned by one member", "world.unsettledGroup every 250 ms after healing"},
	{"G-05", "a member is only told what a member must be ready for", "member.refused at each code"},
	{"G-06", "a member that has changed what it says about itself joins another generation", "member.joined at each answer"},
	{"T-14", "committed offsets are linearizable registers, over crashes, reloads and failovers (porcupine)", "oracle.judgeOffsets at the end"},
	{"history", "the anomalies of package history: lost, unseen, duplicate, inconsistent offset, aborted read, order", "oracle.judge at the end"},
	{"liveness", "a healed cluster converges within 120 s: L-01, L-02, L-06, L-09", "world.look every 250 ms after healing"},
	{"panic", "no core panics", "node.do at each event"},
	{"start", "a node starts on whatever a crash has left", "node.start"},
	{"stop", "a clean stop ends without an error", "node.stop"},
	{"quorum failed", "a quorum ends only for a disk that fails", "node.failed"},
	{"directory failed", "a directory goes offline only for a disk that fails", "node.offline"},
	{"registration", "a broker is refused only while its former session runs", "node.register"},
	{"encoding", "requests and answers survive Kafka's encoding", "world.askNode, node.decide"},
	{"message", "a voter sends to voters that exist", "node.Send"},
	{"error", "no other error", "world.must"},
}
