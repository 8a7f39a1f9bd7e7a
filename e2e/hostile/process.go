package hostile

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// Word is the first argument by which a program is asked to be a crowd, see Main.
const Word = "play-a-hostile-crowd"

// Main plays a crowd if the program's arguments say so (Word, address, topic, number), until its standard input ends,
// and reports whether they did. It writes a line when everybody is in, and at the end how many were, and how often
// somebody was thrown out.
func Main(args []string) bool {
	if len(args) != 4 || args[0] != Word {
		return false
	}
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := Start(ctx, args[1], args[2], n)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return true
	}
	fmt.Println("in")
	_, _ = io.Copy(io.Discard, os.Stdin)
	open, thrown := c.Open(), c.Thrown()
	c.End()
	fmt.Println(open, thrown)
	return true
}

// Process is a crowd in a process of its own, whose scheduler and collector are not those of whoever measures.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartProcess runs this program again as a crowd (its main must call Main) and returns when everybody is in.
func StartProcess(ctx context.Context, addr, topic string, n int) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.CommandContext(ctx, self, Word, addr, topic, strconv.Itoa(n))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if line, err := p.out.ReadString('\n'); line != "in\n" {
		_, _, _ = p.End()
		return nil, fmt.Errorf("the crowd did not get in: %q, %w", line, err)
	}
	return p, nil
}

// End sends the crowd home and tells how many were there and how often somebody was thrown out.
func (p *Process) End() (open, thrown int64, err error) {
	_ = p.in.Close()
	_, err = fmt.Fscan(p.out, &open, &thrown)
	if werr := p.cmd.Wait(); err == nil {
		err = werr
	}
	return open, thrown, err
}
