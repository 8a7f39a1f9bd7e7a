package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/e2e/kafka"
)

// sameEverywhere are command lines that say the same of an Apache Kafka as of Thalweg. "< " begins standard input.
var sameEverywhere = []string{
	"topic create orders -p 2 -c retention.ms=3600000 -o table",
	"topic create orders",
	"topic create wide -r 3",
	"topic create bad -c nonsense=1",
	"topic create dry --dry-run",
	"topic ls -o table",
	"produce orders -k a -p 1 x y",
	"produce orders -i json < {\"partition\":0,\"timestamp\":1790000000000,\"key_base64\":\"/w==\",\"value\":null,\"headers\":[{\"key\":\"h\",\"value\":\"1\"},{\"key\":\"h\",\"value\":null}]}",
	"consume orders -p 0 -o json",
	"consume orders -p 1 --format %o:%k=%v\\n",
	"consume orders -p 1 --from -1",
	"consume orders -p 0 --from @1790000000000 --to @1790000000001 -o json",
	"consume orders -p 0 --committed -o json",
	"consume nowhere",
	"topic describe orders -o json",
	"topic alter orders -p 1",
	"topic alter orders -p 3 -c max.message.bytes=2000 --dry-run",
	"topic alter orders -p 3 -c max.message.bytes=2000",
	"config get topic orders -o table",
	"config get topic orders retention.ms cleanup.policy",
	"config set topic orders --unset retention.ms",
	"config set topic orders retention.ms=x",
	"config get topic orders",
	"config set broker default log.retention.ms=7200000",
	"config get broker default log.retention.ms", // Apache Kafka sets min.insync.replicas there by itself
	"config set broker default --unset log.retention.ms",
	"config set group billing consumer.session.timeout.ms=50000",
	"config get group billing",
	"group reset-offsets billing --topic orders --to 1",
	"group describe billing --no-times -o table",
	"group reset-offsets billing --shift 1 --dry-run",
	"group reset-offsets billing --to end",
	"group ls -o table",
	"group delete billing",
	"group describe billing",
	"cluster status -o table",
	"doctor --cluster-only",
	"topic delete orders nowhere --if-exists",
	"topic delete orders",
}

// TestCommandsSameAsOnApacheKafka runs commands of the real binary against Thalweg and against an Apache Kafka: what they print
// and their exit codes are the same.
func TestCommandsSameAsOnApacheKafka(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("starts an Apache Kafka; not with -short or -race")
	}
	home := kafka.Need(t)
	theirs, err := home.Start(t.Context(), t.TempDir(), map[string]string{"node.id": "1", "offsets.topic.num.partitions": "1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(theirs.Kill)
	ours := startNode(t)
	config := t.TempDir()
	run := func(line, addr string) string {
		words, stdin, _ := strings.Cut(line, " < ")
		cmd := exec.Command(binary(t), append(strings.Fields(words), "-b", addr)...)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+config, "HOME="+config, "THALWEG_PROFILE=")
		cmd.Stdin = strings.NewReader(stdin)
		out, _ := cmd.CombinedOutput() // the exit code is in ProcessState
		return fmt.Sprintf("%sexit %d", anyCluster(string(out), addr), cmd.ProcessState.ExitCode())
	}
	for _, line := range sameEverywhere {
		if a, b := run(line, theirs.Addr), run(line, ours.addr); a != b {
			t.Errorf("%s\nApache Kafka:\n%s\nThalweg:\n%s", line, a, b)
		}
	}
}

// foreignUnsteady are patterns and what is put in their place, in this order.
var foreignUnsteady = [][2]string{
	{`[A-Za-z0-9_-]{22}`, "ID"}, {`answers in [0-9.]+(µs|ms|s)`, "answers in TIME"}, {`\d+(\.\d+)? (B|KiB)`, "SIZE"},
	{`, \d+ topics?, \d+ partitions?`, ""}, {`\d+, all with`, "N, all with"}, {` +\d+ +\d+ +SIZE`, " N N SIZE"}, {` {2,}`, "  "},
}

// anyCluster replaces what two clusters do not have in common.
func anyCluster(text, addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	text = strings.NewReplacer(addr, "ADDR", host+":"+port, "ADDR", "localhost:"+port, "ADDR").Replace(text)
	for _, u := range foreignUnsteady {
		text = regexp.MustCompile(u[0]).ReplaceAllString(text, u[1])
	}
	return text
}
