package history

// graph is a directed graph over nodes 0..n-1 in compressed rows: the successors of node i are
// to[start[i]:start[i+1]].
type graph struct {
	start []uint32
	to    []uint32
}

// edges is a list of edges under construction, 8 bytes each.
type edges struct{ from, to []uint32 }

func (e *edges) reserve(n int) { e.from, e.to = make([]uint32, 0, n), make([]uint32, 0, n) }

func (e *edges) add(from, to uint32) {
	if n := len(e.from); n > 0 && e.from[n-1] == from && e.to[n-1] == to {
		return
	}
	e.from, e.to = append(e.from, from), append(e.to, to)
}

// graph sorts the edges by their source, keeping their order otherwise.
func (e *edges) graph(n int) *graph {
	g := &graph{start: make([]uint32, n+1), to: make([]uint32, len(e.to))}
	for _, from := range e.from {
		g.start[from+1]++
	}
	for i := range n {
		g.start[i+1] += g.start[i]
	}
	// Filling moves start[i] to the end of row i, which is where row i+1 begins.
	for i, from := range e.from {
		g.to[g.start[from]] = e.to[i]
		g.start[from]++
	}
	copy(g.start[1:], g.start[:n])
	g.start[0] = 0
	return g
}

func (g *graph) next(i uint32) []uint32 { return g.to[g.start[i]:g.start[i+1]] }

// union is several graphs over the same nodes.
type union []*graph

func (u union) nodes() int { return len(u[0].start) - 1 }

// row returns the j-th successor of a node over all graphs.
func (u union) row(i, j uint32) (uint32, bool) {
	for _, g := range u {
		n := g.start[i+1] - g.start[i]
		if j < n {
			return g.to[g.start[i]+j], true
		}
		j -= n
	}
	return 0, false
}

// components returns for each node the number of its strongly connected component, and the
// components of two or more nodes, each sorted, in the order of their first nodes. Tarjan's
// algorithm without recursion: O(nodes + edges) time, 20 bytes per node.
func (u union) components() (of []uint32, circles [][]uint32) {
	const none = ^uint32(0)
	n := u.nodes()
	of = make([]uint32, n)
	number, low := make([]uint32, n), make([]uint32, n) // number 0: not visited
	edge := make([]uint32, n)                           // how many successors were looked at
	var stack, path []uint32
	for i := range of {
		of[i] = none
	}
	count, component := uint32(0), uint32(0)
	for root := range uint32(n) {
		if number[root] != 0 {
			continue
		}
		path = append(path, root)
		for len(path) > 0 {
			i := path[len(path)-1]
			if number[i] == 0 {
				count++
				number[i], low[i] = count, count
				stack = append(stack, i)
			}
			if to, ok := u.row(i, edge[i]); ok {
				edge[i]++
				switch {
				case number[to] == 0:
					path = append(path, to)
				case of[to] == none:
					low[i] = min(low[i], number[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1]
				low[up] = min(low[up], low[i])
			}
			if low[i] == number[i] {
				stack = pop(stack, i, of, component)
				component++
			}
		}
	}
	return of, circlesOf(of, component)
}

// pop takes the component of i from the stack.
func pop(stack []uint32, i uint32, of []uint32, component uint32) []uint32 {
	for {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		of[top] = component
		if top == i {
			return stack
		}
	}
}

func circlesOf(of []uint32, components uint32) (circles [][]uint32) {
	size := make([]uint32, components)
	for _, c := range of {
		size[c]++
	}
	const none = ^uint32(0)
	index := make([]uint32, components)
	for i := range index {
		index[i] = none
	}
	for i, c := range of {
		if size[c] < 2 {
			continue
		}
		if index[c] == none {
			index[c] = uint32(len(circles))
			circles = append(circles, make([]uint32, 0, size[c]))
		}
		circles[index[c]] = append(circles[index[c]], uint32(i))
	}
	return circles
}

// finder looks for shortest paths. Its arrays are reused from one search to the next.
type finder struct {
	u     union
	of    []uint32
	from  []uint32 // by node: the one before it
	seen  []uint32 // by node: the number of the search
	count uint32
	queue []uint32
}

func newFinder(u union, of []uint32) *finder {
	return &finder{u: u, of: of, from: make([]uint32, len(of)), seen: make([]uint32, len(of))}
}

// path is a shortest path from a to b inside their component, both included, found breadth first;
// for a == b it is a shortest cycle, with a at both ends. nil if there is none.
func (f *finder) path(a, b uint32) []uint32 {
	f.count++
	f.queue = append(f.queue[:0], a)
	for head := 0; head < len(f.queue); head++ {
		i := f.queue[head]
		for j := uint32(0); ; j++ {
			to, ok := f.u.row(i, j)
			if !ok {
				break
			}
			if to == b {
				return f.back(a, i, b)
			}
			if f.of[to] == f.of[a] && f.seen[to] != f.count && to != a {
				f.seen[to], f.from[to] = f.count, i
				f.queue = append(f.queue, to)
			}
		}
	}
	return nil
}

func (f *finder) back(a, last, b uint32) []uint32 {
	path := []uint32{b, last}
	for i := last; i != a; {
		i = f.from[i]
		path = append(path, i)
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path
}
