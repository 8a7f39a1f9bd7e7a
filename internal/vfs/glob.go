package vfs

import (
	"fmt"
	"strings"
)

// maxGlob bounds a pattern in bytes: matching keeps its states in a fixed array.
const maxGlob = 255

// glob is a compiled path pattern. `*` stands for anything within one path element, `?` for one
// byte of it, `**` for anything at all, and `**/` also for nothing. A pattern that starts with /
// is compared with the whole path; any other one with the path or its last elements, as if it
// started with `**/`.
type glob []globStep

type globStep struct {
	kind globKind
	b    byte
}

type globKind uint8

const (
	globByte  globKind = iota // the byte b
	globOne                   // one byte, not a slash
	globStar                  // bytes, no slash
	globAny                   // bytes
	globEnter                 // before `**/`: go on with the next step or with the one after it
	globLoop                  // inside `**/`: bytes, then a slash
)

// globStates is the number of places in a pattern: one a byte, two for the silent `**/`, the end.
type globStates [maxGlob + 3]bool

func checkGlob(pattern string) error {
	if len(pattern) > maxGlob {
		return fmt.Errorf("pattern longer than %d bytes", maxGlob)
	}
	return nil
}

func compileGlob(pattern string) glob {
	if err := checkGlob(pattern); err != nil {
		panic("BUG: rule with a " + err.Error())
	}
	var g glob
	parents := []globStep{{kind: globEnter}, {kind: globLoop}}
	if strings.HasPrefix(pattern, "/") {
		pattern = pattern[1:]
	} else {
		g = append(g, parents...)
	}
	for pattern != "" {
		n, step := 1, globStep{kind: globByte, b: pattern[0]}
		switch {
		case strings.HasPrefix(pattern, "**/"):
			g = append(g, parents...)
			pattern = pattern[3:]
			continue
		case strings.HasPrefix(pattern, "**"):
			n, step = 2, globStep{kind: globAny}
		case pattern[0] == '*':
			step = globStep{kind: globStar}
		case pattern[0] == '?':
			step = globStep{kind: globOne}
		}
		g = append(g, step)
		pattern = pattern[n:]
	}
	return g
}

// match follows all ways through the pattern at once: time is len(pattern) × len(path), no
// matter how many stars. It does not allocate. path is cleaned.
func (g glob) match(path string) bool {
	path = strings.TrimPrefix(path, "/")
	var now globStates
	now[0] = true
	g.skip(&now)
	for i := 0; i < len(path); i++ {
		now = g.step(&now, path[i])
		g.skip(&now)
	}
	return now[len(g)]
}

func (g glob) step(now *globStates, c byte) (next globStates) {
	for s, step := range g {
		if !now[s] {
			continue
		}
		switch step.kind {
		case globByte:
			next[s+1] = next[s+1] || c == step.b
		case globOne:
			next[s+1] = next[s+1] || c != '/'
		case globStar:
			next[s] = next[s] || c != '/'
		case globAny:
			next[s] = true
		case globLoop:
			next[s] = true
			next[s+1] = next[s+1] || c == '/'
		}
	}
	return next
}

// skip passes the steps that may stand for nothing. They only lead forward, so one pass is all.
func (g glob) skip(states *globStates) {
	for s, step := range g {
		if !states[s] {
			continue
		}
		switch step.kind {
		case globStar, globAny:
			states[s+1] = true
		case globEnter:
			states[s+1], states[s+2] = true, true
		}
	}
}
