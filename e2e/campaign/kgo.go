package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/e2e/trial"
)

// franzModule is what the suite belongs to, in the version that go.mod names.
const franzModule = "github.com/twmb/franz-go"

// kgoWithin bounds the suite.
const kgoWithin = time.Hour

// kgoLeftOut are the tests that are not run, with the reason.
var kgoLeftOut = map[string]string{
	"TestTxnEtl": "transactions are not served yet",
}

// kgoSuite runs franz-go's own tests against a running node. Of the options, n is the number of
// records that its long tests write and copy; franz-go's own default is 500,000.
func kgoSuite(ctx context.Context, o *options, p *page) error {
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	version, test, err := buildKgo(ctx, dir)
	if err != nil {
		return err
	}
	node := trial.NewBroker(bin, filepath.Join(dir, "data"))
	if err := node.Start(); err != nil {
		return err
	}
	out, ran := runKgo(ctx, o, dir, test, node.Addr())
	stopped := node.Stop()
	r, err := parseKgo(out)
	r.page(p, version)
	if r.failed != nil || ran != nil {
		p.addf("\n```\n%s\n```\n", bytes.TrimSpace(out[max(0, len(out)-4<<10):]))
	}
	if len(r.failed) > 0 {
		err = errors.Join(err, fmt.Errorf("%d tests failed", len(r.failed)))
	}
	return errors.Join(err, ran, stopped)
}

// buildKgo copies the module out of the cache, which is read-only, and builds its tests.
func buildKgo(ctx context.Context, dir string) (version, test string, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", franzModule).Output()
	if err != nil {
		return "", "", err
	}
	version, from, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	module := filepath.Join(dir, "franz-go")
	if err := os.CopyFS(module, os.DirFS(from)); err != nil {
		return "", "", err
	}
	test = filepath.Join(dir, "kgo.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", test, "./pkg/kgo")
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("build the tests of %s: %w\n%s", franzModule, err, out)
	}
	return version, test, nil
}

// runKgo returns what the tests print. An error is that they failed, or took too long.
func runKgo(ctx context.Context, o *options, dir, test, servers string) ([]byte, error) {
	var skip []string
	for name := range kgoLeftOut {
		skip = append(skip, name)
	}
	cmd := exec.CommandContext(ctx, test, "-test.v", "-test.timeout", kgoWithin.String(), "-test.skip", "^("+strings.Join(skip, "|")+")$")
	cmd.Dir = filepath.Join(dir, "franz-go", "pkg", "kgo")
	cmd.Env = append(os.Environ(), "KGO_SEEDS="+servers, "KGO_TEST_RF=1", fmt.Sprintf("KGO_TEST_RECORDS=%d", o.n), "KGO_LOG_LEVEL=none")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.Bytes(), err
}

// kgoResult counts the tests of a run; subtests count as well.
type kgoResult struct {
	passed  int
	skipped []string // "NAME: why"
	failed  []string
}

var (
	kgoLine   = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)
	kgoReason = regexp.MustCompile(`^\s+\w+_test\.go:\d+: (.*)`)
)

// parseKgo reads what go test -v prints. An error: it tells of no test.
func parseKgo(out []byte) (r kgoResult, err error) {
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	said := "" // by the test that runs, for its reason to skip
	for lines.Scan() {
		if why := kgoReason.FindStringSubmatch(lines.Text()); why != nil {
			said = why[1]
		}
		m := kgoLine.FindStringSubmatch(lines.Text())
		switch {
		case m == nil:
			continue
		case m[1] == "PASS":
			r.passed++
		case m[1] == "SKIP":
			r.skipped = append(r.skipped, m[2]+": "+said)
		case m[1] == "FAIL":
			r.failed = append(r.failed, m[2])
		}
		said = ""
	}
	if err := lines.Err(); err != nil {
		return r, err
	}
	if r.passed == 0 {
		return r, errors.New("no test has passed")
	}
	return r, nil
}

func (r kgoResult) page(p *page, version string) {
	p.addf("franz-go %s, pkg/kgo, one node with its default settings.\n\n", version)
	p.addf("| | |\n|---|---:|\n| passed, with subtests | %d |\n| skipped by the suite | %d |\n| left out | %d |\n| failed | %d |\n",
		r.passed, len(r.skipped), len(kgoLeftOut), len(r.failed))
	for _, name := range r.failed {
		p.addf("\n- failed: %s", name)
	}
	p.addf("\n")
	for _, text := range r.skipped {
		p.addf("- skipped by the suite: %s\n", text)
	}
	for name, why := range kgoLeftOut {
		p.addf("- left out: %s: %s\n", name, why)
	}
}
