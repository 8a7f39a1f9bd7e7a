package sidebyside

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/e2e/kafka"
)

// mask replaces what two clusters, or two runs, have not in common.
type mask struct {
	pattern *regexp.Regexp
	instead string
}

var masks = []mask{
	{regexp.MustCompile(`(TopicId: |Cluster ID: |ClusterId: +|DirectoryId: +)[A-Za-z0-9_-]{22}`), "${1}ID"},
	{regexp.MustCompile(`\b[A-Za-z0-9_-]{21}[AQgw]\b`), "UUID"}, // 16 bytes in base64
	{regexp.MustCompile(`\b1[5-9]\d{11}\b`), "TIME"},            // milliseconds since 1970
	{regexp.MustCompile(`"size":\d+`), `"size":SIZE`},
	{regexp.MustCompile(`(?m)^(\d+ (?:steady state )?records sent), .*$`), "$1, RATES"},
	{regexp.MustCompile(`"avg_throughput":[0-9.eE+-]+`), `"avg_throughput":RATE`},
	{regexp.MustCompile(`(?m)^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}, 20\S+ \S+, ([0-9.]+), [0-9.]+, (\d+), .*$`), "START, END, $1, RATE, $2, RATES"},
	{regexp.MustCompile(`(?m)^\[20\d\d-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]`), "[DATE]"},
	{regexp.MustCompile(`((?:adminclient|producer|console-consumer|correlation id)[- ])\d+`), "${1}N"},
	{regexp.MustCompile(`(Epoch: |LeaderEpoch: +|HighWatermark: +)\d+`), "${1}N"}, // places in the log of the metadata
	{regexp.MustCompile(`(?m)^(\d\s+UUID\s+)\d+`), "${1}N"},                       // the same, in a table
	{regexp.MustCompile(`[ \t]+`), " "},                                           // tables are as wide as what was masked
	{regexp.MustCompile(`(?m) $`), ""},
}

// noise is no part of an answer: stack traces, whose first line says what stands above them, and a client's remark that the
// topic it is about to create is not there yet, as many times as that takes.
var noise = regexp.MustCompile(`^\s*(at [\w.$/<>@-]+\(.*\)|\.\.\. \d+ (common frames omitted|more)|(Caused by|Suppressed): .*)$` +
	`|The metadata response from the cluster reported a recoverable issue`)

// outcome is what a command printed, masked: lines of standard output, "! " and lines of standard error, "exit " and the code.
func outcome(r kafka.Result, s Step, addr, dir string) []string {
	lines := masked(r.Out, addr, dir)
	for _, l := range masked(r.Err, addr, dir) {
		lines = append(lines, "! "+l)
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return noise.MatchString(strings.TrimPrefix(l, "! ")) })
	if s.Sorted {
		for i, l := range lines {
			lines[i] = sortedWithin(l)
		}
		slices.Sort(lines)
	}
	return append(lines, fmt.Sprintf("exit %d", r.Code))
}

func masked(text, addr, dir string) []string {
	host, port, _ := net.SplitHostPort(addr) // addresses are our own
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.NewReplacer(addr, "ADDR", dir, "DIR").Replace(text)
	text = regexp.MustCompile(`\b`+regexp.QuoteMeta(host)+`\b`).ReplaceAllString(text, "HOST")
	text = regexp.MustCompile(`\b`+port+`\b`).ReplaceAllString(text, "PORT")
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.instead)
	}
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

var (
	configList = regexp.MustCompile(`^(Topic: .* Configs: )(.*)$`)
	object     = regexp.MustCompile(`\{"partition":[^{}]*\}`)
	fields     = regexp.MustCompile(`^\{("[^{}]*)\}$`)
)

// sortedWithin puts lists within a line in order: configs of a topic, objects of JSON, the fields of a JSON object.
func sortedWithin(line string) string {
	if m := configList.FindStringSubmatch(line); m != nil {
		return m[1] + sortedList(m[2])
	}
	if m := fields.FindStringSubmatch(line); m != nil {
		return "{" + sortedList(m[1]) + "}"
	}
	all := object.FindAllString(line, -1)
	slices.Sort(all)
	i := 0
	return object.ReplaceAllStringFunc(line, func(string) string { i++; return all[i-1] })
}

func sortedList(text string) string {
	list := strings.Split(text, ",")
	slices.Sort(list)
	return strings.Join(list, ",")
}

var (
	traceHead     = regexp.MustCompile(`^(! )?(Exception in thread "main" )?(java|joptsimple|org\.apache\.kafka|net)\.[\w.$]+(Exception|Error)(:|$)`)
	exceptionName = regexp.MustCompile(`(?:Exception in thread "main" )?(?:\b(?:java|joptsimple|org\.apache\.kafka|net)\.[\w.$]+(?:Exception|Error)(?:: |$))+`)
	javaLog       = regexp.MustCompile(`^!\s+(\[DATE\] (ERROR|WARN) |\(org\.apache\.kafka)`)
	optionsTable  = regexp.MustCompile(`^(! )?Option(s)? +Description$`)
)

// spoken is an outcome without what only Java says: names of exception classes, log lines and traces that repeat what has been
// told, the table of options, whose words are each tool's own, and blank lines. Tools are compared by it.
func spoken(lines []string) (out []string) {
	var told []string
	for i := 0; i < len(lines)-1; i++ {
		l := lines[i]
		if optionsTable.MatchString(l) {
			out = append(out, "(options)")
			break
		}
		if javaLog.MatchString(l) || strings.TrimSpace(strings.TrimPrefix(l, "!")) == "" {
			continue
		}
		isTrace := traceHead.MatchString(l)
		l = exceptionName.ReplaceAllString(l, "")
		words := strings.TrimSpace(strings.TrimPrefix(l, "!"))
		if words == "" || isTrace && repeats(told, words) {
			continue
		}
		told = append(told, words)
		out = append(out, l)
	}
	return append(out, lines[len(lines)-1])
}

// repeats says whether a line told before ends with these words.
func repeats(told []string, words string) bool {
	return slices.ContainsFunc(told, func(t string) bool { return strings.HasSuffix(t, words) })
}
