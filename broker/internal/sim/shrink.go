package sim

import "slices"

// Shrink takes from a plan with a violation whatever is not needed for it: events after the
// violation, then faults (halves first, then one by one), then clients, then the length of faults.
// It returns the smallest plan found, which violates the same rule, and the number of runs it took. maxRuns
// bounds them.
func Shrink(p *Plan, rule string, maxRuns int) (*Plan, int) {
	s := &shrinker{rule: rule, left: maxRuns, best: p}
	s.faults()
	s.clients()
	s.faults()
	s.duration()
	return s.best, maxRuns - s.left
}

type shrinker struct {
	rule string
	left int
	best *Plan
}

// try plays a smaller plan and keeps it if it still violates the rule.
func (s *shrinker) try(change func(*Plan)) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	p := *s.best
	p.Faults, p.Clients = slices.Clone(p.Faults), slices.Clone(p.Clients)
	change(&p)
	if v := Run(&p, Options{}).Violation; v == nil || v.Rule != s.rule {
		return false
	}
	s.best = &p
	return true
}

// faults is ddmin over the list of faults: chunks of falling size are taken away.
func (s *shrinker) faults() {
	for size := max(len(s.best.Faults)/2, 1); ; size /= 2 {
		for at := 0; at < len(s.best.Faults) && s.left > 0; {
			end := min(at+size, len(s.best.Faults))
			if !s.try(func(p *Plan) { p.Faults = slices.Delete(p.Faults, at, end) }) {
				at = end
			}
		}
		if size <= 1 {
			return
		}
	}
}

func (s *shrinker) clients() {
	for at := 0; at < len(s.best.Clients) && s.left > 0; {
		if !s.try(func(p *Plan) { p.Clients = slices.Delete(p.Clients, at, at+1) }) {
			at++
		}
	}
}

// duration bisects how long faults and clients go on before everything is healed.
func (s *shrinker) duration() {
	for step := s.best.Duration / 2; step > 500_000_000 && s.left > 0; step /= 2 {
		s.try(func(p *Plan) { p.Duration -= step })
	}
}
