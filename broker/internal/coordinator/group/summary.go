package group

// Summary is what a shard holds, for those who watch.
type Summary struct {
	Groups  []GroupSummary // in order of name
	Offsets int            // committed ones, of all groups
}

// GroupSummary is one group with its committed offsets, in order of topic and partition.
type GroupSummary struct {
	Name, Type, State string // type and state as ListGroups names them
	Offsets           []OffsetSummary
}

// OffsetSummary is one committed offset.
type OffsetSummary struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Summary tells what the shard holds: every group, with no more than maxOffsets offsets in all. It costs as much as it returns.
func (s *Shard) Summary(maxOffsets int) Summary {
	var out Summary
	for _, name := range sortedKeys(s.names()) {
		g := GroupSummary{Name: name, Type: "consumer"}
		if c := s.consumer[name]; c != nil {
			g.State = c.state().String()
		} else {
			g.Type, g.State = "classic", s.classic[name].state.String()
		}
		for tp, offset := range s.offsets[name].each {
			if out.Offsets++; out.Offsets <= maxOffsets {
				g.Offsets = append(g.Offsets, OffsetSummary{tp.Topic, tp.Partition, offset.Offset})
			}
		}
		out.Groups = append(out.Groups, g)
	}
	return out
}
