package members

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Word is the first argument by which a program is asked to be the members of a group, see Main.
const Word = "play-the-members-of-a-group"

// settleWithin bounds how long a group may take to become stable.
const settleWithin = 2 * time.Minute

// Main plays members if the program's arguments say so (Word, address, group, topic, protocol, number of partitions), until its
// standard input ends, and reports whether they did. It reads lines "join N", "leave N" and answers each with "stable", the
// microseconds from the line to the last change before the group was stable, or with "error" and a text.
func Main(args []string) bool {
	if len(args) != 6 || args[0] != Word {
		return false
	}
	n, err := strconv.Atoi(args[5])
	if err != nil {
		return false
	}
	c := newCrowd(args[1], args[2], args[3], args[4], n)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		took, err := c.obey(lines.Text())
		if err != nil {
			fmt.Println("error", err)
			continue
		}
		fmt.Println("stable", took.Microseconds())
	}
	c.end()
	return true
}

func (c *crowd) obey(line string) (time.Duration, error) {
	begin := time.Now()
	word, number, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
	case word == "join":
		err = c.join(n)
	case word == "leave":
		err = c.leave(n)
	default:
		err = fmt.Errorf("unknown command %q", line)
	}
	if err != nil {
		return 0, err
	}
	at, err := c.settle(settleWithin)
	return at.Sub(begin), err
}

// Process is a process of members.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Start runs this program again (its main must call Main) for the members of a group, of whom there are none yet. Whoever starts it ends it.
func Start(ctx context.Context, addr, group, topic, protocol string, partitions int) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.CommandContext(ctx, self, Word, addr, group, topic, protocol, strconv.Itoa(partitions))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

// Join lets so many members join, and returns how long it took until the group was stable: to the last change.
func (p *Process) Join(n int) (time.Duration, error) { return p.say("join", n) }

// Leave lets so many of the oldest members leave, and returns as Join does.
func (p *Process) Leave(n int) (time.Duration, error) { return p.say("leave", n) }

func (p *Process) say(word string, n int) (time.Duration, error) {
	if _, err := fmt.Fprintln(p.in, word, n); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	number, ok := strings.CutPrefix(strings.TrimSpace(line), "stable ")
	took, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%s %d: %s", word, n, strings.TrimSpace(line))
	}
	return time.Duration(took) * time.Microsecond, nil
}

// End lets all members leave and waits for the end of the process.
func (p *Process) End() error {
	_ = p.in.Close() // it has ended then, which Wait tells
	_, _ = io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}
