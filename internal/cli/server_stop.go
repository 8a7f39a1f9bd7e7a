package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const serverStopHelp = `Usage: thalweg kafka-server-stop [--node-id=N] [--process-role=ROLE]

Asks the brokers of this user that run on this machine to stop cleanly, as Kafka's script: all of
them, or only the one with a node id or those with a role (broker or controller; a node is both).
`

// serverProcess is a broker that runs on this machine.
type serverProcess struct {
	pid  int
	dir  string   // its working directory; "" if unknown
	args []string // after "server"
}

// errNoServer is Kafka's sentence.
var errNoServer = errors.New("No kafka server to stop")

func runServerStop(args []string, s Streams) error {
	nodeID, role := "", ""
	for _, a := range args {
		id, isID := strings.CutPrefix(a, "--node-id=")
		r, isRole := strings.CutPrefix(a, "--process-role=")
		switch {
		case a == "--help" || a == "-h":
			_, err := fmt.Fprint(s.Out, serverStopHelp)
			return err
		case isID:
			nodeID = id
		case isRole:
			role = r
		default:
			return usage("kafka-server-stop has no option %s", a)
		}
	}
	processes, err := serverProcesses("/proc")
	if err != nil {
		return err
	}
	stopped := 0
	for _, p := range processes {
		if nodeID != "" && p.nodeID() != nodeID || role != "" && !strings.Contains("broker,controller", role) {
			continue
		}
		if err := signalProcess(p.pid); err != nil {
			return fmt.Errorf("cannot stop process %d: %w", p.pid, err)
		}
		stopped++
	}
	if stopped == 0 {
		return errNoServer
	}
	return nil
}

func signalProcess(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(syscall.SIGTERM)
}

// serverProcesses finds the brokers of this user in a /proc file system: processes of a binary
// called thalweg whose first argument is server.
func serverProcesses(proc string) (found []serverProcess, err error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("processes cannot be listed on this system; send the broker a SIGTERM: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join(proc, e.Name(), "cmdline"))
		if err != nil {
			continue // it has ended, or is not ours to see
		}
		args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if len(args) < 2 || filepath.Base(args[0]) != "thalweg" || args[1] != "server" || !ownedByUs(filepath.Join(proc, e.Name())) {
			continue
		}
		dir, _ := os.Readlink(filepath.Join(proc, e.Name(), "cwd"))
		found = append(found, serverProcess{pid: pid, dir: dir, args: args[2:]})
	}
	return found, nil
}

// nodeID is what the broker was configured with; "" if its file cannot be read any more.
func (p serverProcess) nodeID() string {
	a, err := parseServer(p.args)
	if err != nil {
		return ""
	}
	if a.file != "" && !filepath.IsAbs(a.file) {
		a.file = filepath.Join(p.dir, a.file)
	}
	props, err := a.properties()
	if err != nil {
		return ""
	}
	for _, key := range []string{"node.id", "broker.id"} {
		if id := props[key]; id != "" {
			return id
		}
	}
	return "1"
}
