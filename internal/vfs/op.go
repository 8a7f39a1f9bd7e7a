package vfs

import (
	"fmt"
	"strings"
)

// Op is a kind of operation on a file system, as fault rules, counters and hooks name it.
type Op uint8

// The operations of FS, then those of File. File.Size counts as OpStat.
const (
	OpCreate Op = iota
	OpOpen
	OpOpenReadWrite
	OpMkdir
	OpList
	OpStat
	OpRename
	OpRemove
	OpSyncDir
	OpLock
	OpUsage
	OpRead
	OpWrite
	OpTruncate
	OpSync
	OpSyncData
	OpWriteOut
	OpPreallocate
	OpClose

	NumOps = int(OpClose) + 1
)

var opNames = [NumOps]string{
	"create", "open", "openrw", "mkdir", "list", "stat", "rename", "remove", "syncdir", "lock", "usage",
	"read", "write", "truncate", "sync", "syncdata", "writeout", "preallocate", "close",
}

// String is the word for the operation in the rule language.
func (op Op) String() string {
	if int(op) < NumOps {
		return opNames[op]
	}
	return fmt.Sprintf("op(%d)", uint8(op))
}

// OpSet is a set of operations: bit i stands for Op i.
type OpSet uint32

// Groups of operations that the rule language knows by name.
const (
	// AnyOp is every operation ("any").
	AnyOp OpSet = 1<<NumOps - 1
	// WriteLike changes what is or will be on the disk ("write-like"). A read-only remount
	// (EROFS) fails these.
	WriteLike = 1<<OpCreate | 1<<OpMkdir | 1<<OpRename | 1<<OpRemove | 1<<OpSyncDir | 1<<OpWrite |
		1<<OpTruncate | 1<<OpSync | 1<<OpSyncData | 1<<OpWriteOut | 1<<OpPreallocate
	// ReadLike only looks ("read-like").
	ReadLike = 1<<OpOpen | 1<<OpList | 1<<OpStat | 1<<OpUsage | 1<<OpRead
	// SyncLike makes things durable ("sync-like").
	SyncLike = 1<<OpSync | 1<<OpSyncData | 1<<OpSyncDir
)

// opGroups lists the groups in the order in which String looks for an exact match.
var opGroups = []struct {
	name string
	set  OpSet
}{{"any", AnyOp}, {"write-like", WriteLike}, {"read-like", ReadLike}, {"sync-like", SyncLike}}

// Ops makes a set.
func Ops(ops ...Op) OpSet {
	var s OpSet
	for _, op := range ops {
		s |= 1 << op
	}
	return s
}

// Has tells whether op is in the set.
func (s OpSet) Has(op Op) bool { return s&(1<<op) != 0 }

// String is the set in the rule language: a group name, or names joined by commas.
func (s OpSet) String() string {
	for _, g := range opGroups {
		if s == g.set {
			return g.name
		}
	}
	var names []string
	for i, name := range opNames {
		if s.Has(Op(i)) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// parseOpSet reads what OpSet.String writes; members of a list may be groups.
func parseOpSet(text string) (OpSet, error) {
	var s OpSet
next:
	for _, word := range strings.Split(text, ",") {
		for _, g := range opGroups {
			if word == g.name {
				s |= g.set
				continue next
			}
		}
		for i, name := range opNames {
			if word == name {
				s |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("unknown operation %q", word)
	}
	return s, nil
}
