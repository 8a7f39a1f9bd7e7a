package history

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestComponents holds Tarjan's algorithm against reachability by brute force, on one graph and on
// its edges spread over three.
func TestComponents(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		n := 1 + rng.IntN(12)
		reach := make([][]bool, n)
		for i := range reach {
			reach[i] = make([]bool, n)
		}
		var one edges
		var three [3]edges
		for range rng.IntN(2 * n) {
			a, b := uint32(rng.IntN(n)), uint32(rng.IntN(n))
			if a == b {
				continue
			}
			one.add(a, b)
			three[rng.IntN(3)].add(a, b)
			reach[a][b] = true
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		var want [][]uint32
		for i := range n {
			circle := []uint32{}
			for j := range n {
				if i == j || reach[i][j] && reach[j][i] {
					circle = append(circle, uint32(j))
				}
			}
			if len(circle) > 1 && circle[0] == uint32(i) {
				want = append(want, circle)
			}
		}
		for _, u := range []union{{one.graph(n)}, {three[0].graph(n), three[1].graph(n), three[2].graph(n)}} {
			of, got := u.components()
			if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: have %v, want %v", seed, got, want)
			}
			for _, circle := range got {
				checkCycle(t, u, newFinder(u, of).path(circle[0], circle[0]), circle)
			}
		}
	}
}

// checkCycle wants a closed path of edges inside a component.
func checkCycle(t *testing.T, u union, path, circle []uint32) {
	t.Helper()
	if len(path) < 3 || path[0] != path[len(path)-1] {
		t.Fatalf("%v is no cycle in %v", path, circle)
	}
	for i := 1; i < len(path); i++ {
		found := false
		for j := uint32(0); ; j++ {
			to, ok := u.row(path[i-1], j)
			if !ok {
				break
			}
			found = found || to == path[i]
		}
		if !found {
			t.Fatalf("%v: no edge from %d to %d", path, path[i-1], path[i])
		}
	}
}

// TestLongChain: depth is bounded by memory and not by the stack.
func TestLongChain(t *testing.T) {
	const n = 1 << 18
	var e edges
	for i := range uint32(n) {
		e.add(i, (i+1)%n)
	}
	u := union{e.graph(n)}
	of, circles := u.components()
	if len(circles) != 1 || len(circles[0]) != n {
		t.Fatalf("%d components", len(circles))
	}
	if path := newFinder(u, of).path(0, 0); len(path) != n+1 {
		t.Fatalf("a cycle of %d", len(path)-1)
	}
}

func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	var got table
	want := map[[2]int64]uint32{}
	for range 20000 {
		a, b := uint32(rng.IntN(50)), rng.Int64N(300)<<uint(rng.IntN(40))
		id, known := got.find(a, b)
		again, same := got.id(a, b)
		if _, ok := want[[2]int64{int64(a), b}]; ok != known || ok != same || ok && id != again {
			t.Fatalf("(%d, %d): found %v %d, interned %v %d", a, b, known, id, same, again)
		}
		if w, ok := want[[2]int64{int64(a), b}]; ok && w != again || !ok && int(again) != len(want) {
			t.Fatalf("(%d, %d) has id %d", a, b, again)
		}
		want[[2]int64{int64(a), b}] = again
	}
}
