package broker

import (
	"bytes"
	goflag "flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/api"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var updateSurface = goflag.Bool("update", false, "write docs/surface.md anew")

const surfacePage = "../docs/surface.md"

// TestSurfacePage puts every API, config, error code and numbered point of Kafka's surface into a class and writes
// docs/surface.md from that: no item is silent. With -update the page is written; in CI (the variable of that name) it must
// be what the code says.
//
//	go test ./broker -run TestSurfacePage -update
func TestSurfacePage(t *testing.T) {
	var out bytes.Buffer
	out.WriteString("# The surface of Kafka 4.4, item by item\n\n" +
		"Written by `go test ./broker -run TestSurfacePage -update` from the tables that the broker works with; " +
		"what differs in behaviour is told in [differences.md](differences.md).\n")
	tests := pointTests(t)
	surfaceAPIs(&out)
	surfaceTopicConfigs(t, &out)
	surfaceServerConfigs(t, &out)
	surfaceGroupConfigs(&out)
	surfaceOtherConfigs(&out)
	surfaceErrors(t, &out)
	surfacePoints(t, &out, tests)
	if *updateSurface {
		if err := os.WriteFile(surfacePage, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(surfacePage)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("CI") != "" && !bytes.Equal(have, out.Bytes()) {
		t.Errorf("%s is not what the code says: go test ./broker -run TestSurfacePage -update", surfacePage)
	}
}

func table(out *bytes.Buffer, title, intro string, columns ...string) {
	fmt.Fprintf(out, "\n## %s\n\n%s\n\n| %s |\n|%s\n", title, intro, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
}

func row(out *bytes.Buffer, cells ...string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

func surfaceAPIs(out *bytes.Buffer) {
	served := map[int16]api.Entry{}
	for _, e := range api.Served() {
		served[e.Key] = e
	}
	table(out, "APIs", fmt.Sprintf("%d of 91. An API that is not served is not advertised; asking for it closes the connection. "+
		"Every entry is held against Kafka's versions by TestTableIsComplete.", len(served)), "key", "API", "Kafka", "here")
	for key := range int16(wire.MaxKey + 1) {
		low, high, ok := wire.Versions(key)
		if !ok {
			continue
		}
		here := "not yet"
		if e, ok := served[key]; ok {
			if here = fmt.Sprintf("%d–%d", e.Min, e.Max); key == 71 || key == 72 {
				here += ", with `client.telemetry.enable`"
			}
		}
		row(out, strconv.Itoa(int(key)), kmsg.NameForKey(key), fmt.Sprintf("%d–%d", low, high), here)
	}
}

func effect(effective bool) string {
	if effective {
		return "effective"
	}
	return "accepted without effect"
}

// topicConfigTests are the tests of what each effective topic config does.
var topicConfigTests = map[string][]string{
	"cleanup.policy":                  {"TestCompaction", "TestPoint087TimeRetention"},
	"compression.gzip.level":          {"TestCompressionLevels"},
	"compression.lz4.level":           {"TestCompressionLevels"},
	"compression.type":                {"TestPoint040CompressionOfTheTopic", "TestRecode"},
	"compression.zstd.level":          {"TestCompressionLevels"},
	"delete.retention.ms":             {"TestPoint090WhatIsCleaned", "TestTombstoneHorizon"},
	"file.delete.delay.ms":            {"TestScripts"},
	"flush.messages":                  {"TestFlushMessages", "TestFlushOfATopic"},
	"flush.ms":                        {"TestFlushAged", "TestFlushOfATopic"},
	"flush.policy":                    {"TestFlushOfATopic"},
	"index.interval.bytes":            {"TestMetamorphic"},
	"internal.segment.bytes":          {"TestCompaction"},
	"max.compaction.lag.ms":           {"TestPoint092WhenALogIsDue"},
	"max.message.bytes":               {"TestPoint035ChecksumAndSizes", "TestCompressionLevels"},
	"message.timestamp.after.max.ms":  {"TestPoint038TimestampWindow"},
	"message.timestamp.before.max.ms": {"TestPoint038TimestampWindow"},
	"message.timestamp.type":          {"TestPoint039LogAppendTime"},
	"min.cleanable.dirty.ratio":       {"TestPoint092WhenALogIsDue"},
	"min.compaction.lag.ms":           {"TestPoint092WhenALogIsDue"},
	"min.insync.replicas":             {"TestPoint043NotEnoughReplicas"},
	"preallocate":                     {"TestPreallocate"},
	"retention.bytes":                 {"TestPoint088SizeRetention"},
	"retention.ms":                    {"TestPoint087TimeRetention"},
	"segment.bytes":                   {"TestPoint089Rolling"},
	"segment.index.bytes":             {"TestPoint089Rolling"},
	"segment.jitter.ms":               {"TestPoint089Rolling"},
	"segment.ms":                      {"TestPoint089Rolling"},
	"unclean.leader.election.enable":  {"TestUncleanElection"},
}

// testNames are the names of all tests of the broker and below.
func testNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	for _, root := range []string{".", "../internal/kafka", "../internal/vfs"} {
		walkGo(t, root, func(_ string, file *ast.File) {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
					names[f.Name.Name] = true
				}
			}
		})
	}
	return names
}

func surfaceTopicConfigs(t *testing.T, out *bytes.Buffer) {
	table(out, "Topic configs", "All are checked, kept and described with their synonyms (TestTopicConfigTable, TestPoint032SourcesOfATopicConfig).",
		"config", "built-in value", "class", "tests of what it does")
	names := testNames(t)
	for def := range metadata.TopicConfigs {
		class := effect(def.Effective)
		if def.Name == "remote.storage.enable" {
			class = "`true` is refused, as in a Kafka without tiered storage"
		}
		tests := topicConfigTests[def.Name]
		if def.Effective && len(tests) == 0 {
			t.Errorf("%s is effective and has no test", def.Name)
		}
		for _, name := range tests {
			if !names[name] {
				t.Errorf("%s: there is no test %s", def.Name, name)
			}
		}
		row(out, "`"+def.Name+"`", code(def.Default, def.NoDefault), class, strings.Join(tests, ", "))
	}
}

func code(value string, none bool) string {
	if none || value == "" {
		return ""
	}
	return "`" + value + "`"
}

// staticClass is what a key in server.properties comes to.
func staticClass(def *metadata.ServerConfigDef) string {
	switch {
	case def.DynamicOnly:
		return "dynamic only"
	case metadata.GroupServerKey(def.Name):
		return "default or bound of a group config"
	}
	for _, value := range []string{"no,such,value", "1"} {
		_, ignored, err := FromProperties(map[string]string{def.Name: value})
		switch {
		case err != nil && strings.Contains(err.Error(), "this version"):
			return "refused, other than for one node without security"
		case err != nil:
			continue
		case !slices.Contains(ignored, def.Name):
			return "effective"
		default:
			return "accepted without effect, named at start"
		}
	}
	return "effective" // both were read and refused as values
}

// dynamicClass is what altering a key while the broker runs comes to.
func dynamicClass(def *metadata.ServerConfigDef) string {
	topic, place := metadata.ServerKey(def.Name)
	switch {
	case def.Update == metadata.ReadOnly:
		return "read-only, as in Kafka"
	case topic != nil && place == 0:
		return effect(topic.Effective)
	case !def.Changeable():
		return "refused"
	case metadata.GroupServerKey(def.Name):
		return "default of a group config"
	case slices.Contains(readWhileRunning, def.Name):
		return "effective"
	}
	return "accepted without effect"
}

// readWhileRunning are keys that are looked up when they are needed.
var readWhileRunning = []string{"replica.alter.log.dirs.io.max.bytes.per.second"}

func surfaceServerConfigs(t *testing.T, out *bytes.Buffer) {
	n := 0
	for range metadata.ServerConfigs {
		n++
	}
	if n != 383 {
		t.Errorf("%d server keys, Kafka 4.4 has 381 and 2 of its authorizer", n)
	}
	table(out, "Broker configs", "Kafka's 381 keys and the 2 of its authorizer, with Kafka's built-in values. All are described with their "+
		"synonyms (TestDynamicBrokerConfigs); keys without effect are named at start (TestFromProperties).",
		"key", "built-in value", "update mode", "in server.properties", "altered while running")
	for def := range metadata.ServerConfigs {
		row(out, "`"+def.Name+"`", code(def.Default, def.NoDefault), def.Update.String(), staticClass(def), dynamicClass(def))
	}
}

func surfaceGroupConfigs(out *bytes.Buffer) {
	table(out, "Group configs", "All are checked against the brokers' bounds, kept and described (TestGroupConfigs).", "config", "built-in value", "class")
	for def := range metadata.GroupConfigs {
		row(out, "`"+def.Name+"`", code(def.Default, def.NoDefault), effect(def.Effective))
	}
}

func surfaceOtherConfigs(out *bytes.Buffer) {
	table(out, "Configs of client metrics", "Checked, kept, described and listed (TestClientMetricsConfigs).", "config", "class")
	for _, def := range metadata.ClientMetricsConfigs {
		row(out, "`"+def.Name+"`", "effective with `client.telemetry.enable`")
	}
	table(out, "Client quotas", "Checked, kept and described (TestClientQuotasStoredAndDescribed, TestClientQuotasRefused), and enforced (points 8 to 11).", "quota", "of")
	for _, q := range []string{metadata.QuotaProducerByteRate, metadata.QuotaConsumerByteRate, metadata.QuotaRequestPercentage, metadata.QuotaControllerMutationRate} {
		row(out, "`"+q+"`", "user, client id, both")
	}
	row(out, "`"+metadata.QuotaConnectionCreationRate+"`", "IP address")
	table(out, "Levels of broker loggers", "", "resource", "class")
	row(out, "BROKER_LOGGER", "refused: there is one logger, whose level is an option of the process (TestDescribeConfigsErrors)")
}

// notAnswered says why nobody gets a code yet. Whoever begins to answer it need not take it out.
var notAnswered = map[string][]int16{
	"transactions are not served yet":                                     {49, 50, 51, 90, 105, 120},
	"SASL is not served yet":                                              {33, 34, 58},
	"ACLs are not served yet":                                             {54},
	"delegation tokens are not served yet":                                {61, 62, 63, 64, 65, 66, 67},
	"SCRAM credentials are not served yet":                                {91, 92, 93},
	"replicas are not moved to other brokers yet":                         {60, 85},
	"between nodes, of which there is one":                                {11, 94, 97, 98, 99, 108, 116, 125, 126, 127, 136},
	"share groups are not served yet":                                     {121, 122, 123, 124, 133},
	"streams groups are not served yet":                                   {130, 131, 132, 134, 135},
	"there is no tiered storage":                                          {109},
	"what clients say to themselves":                                      {13},
	"AlterPartition answers it below v2 only, which Kafka no longer has":  {55},
	"a batch sent again is answered as it was the first time":             {46},
	"a producer that is not known begins anew":                            {59},
	"the level of a feature that cannot be had is INVALID_UPDATE_VERSION": {96},
	"an id that does not fit is UNKNOWN_TOPIC_ID":                         {103},
	"messages of formats before v2 are refused by other codes":            {43},
	"no rule of the surface asks for it":                                  {4, 8},
}

// whyNot finds a code's reason.
func whyNot(code int16) string {
	for reason, codes := range notAnswered {
		if slices.Contains(codes, code) {
			return reason
		}
	}
	return ""
}

// surfaceErrors lists Kafka's error codes: those that the broker's code names, with tests that name them, and why the
// others are not answered.
func surfaceErrors(t *testing.T, out *bytes.Buffer) {
	named, tested := namedErrors(t), testedErrors(t)
	table(out, "Error codes", "Tests are up to three of those that name the code.", "code", "name", "class", "tests")
	for code := int16(-1); code <= lastErrorCode; code++ {
		if code == 0 {
			row(out, "0", "NONE", "answered", "")
			continue
		}
		e, ok := kerr.ErrorForCode(code).(*kerr.Error)
		if !ok || e.Code != code {
			t.Errorf("error code %d has no name", code)
			continue
		}
		class, tests := "answered", ""
		switch key := strings.ToLower(strings.ReplaceAll(e.Message, "_", "")); {
		case code == kerr.UnknownServerError.Code:
			class = "answered only for what must not happen"
		case named[key]:
			names := slices.Sorted(maps.Keys(tested[key]))
			tests = strings.Join(names[:min(len(names), 3)], ", ")
			if tests == "" {
				t.Errorf("error code %d (%s) is answered and has no test", code, e.Message)
			}
		case whyNot(code) == "":
			t.Errorf("error code %d (%s) is not answered, for no reason", code, e.Message)
		default:
			class = "not answered: " + whyNot(code)
		}
		row(out, strconv.Itoa(int(code)), e.Message, class, tests)
	}
}

const lastErrorCode = 136

// namedErrors are the variables of kerr that the broker's own code uses, in lower case.
func namedErrors(t *testing.T) map[string]bool {
	named := map[string]bool{}
	walkGo(t, "internal", func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "kerr" {
					named[strings.ToLower(s.Sel.Name)] = true
				}
			}
			return true
		})
	})
	return named
}

// testedErrors are the tests that name an error, by the variable of kerr, by the error of the layer below it or by Kafka's name in a
// string, and the scripts of tests
// that have it, by the error's name in lower case.
func testedErrors(t *testing.T) map[string]map[string]bool {
	tested := map[string]map[string]bool{}
	add := func(name, by string) {
		key := strings.ToLower(strings.ReplaceAll(name, "_", ""))
		if tested[key] == nil {
			tested[key] = map[string]bool{}
		}
		tested[key][by] = true
	}
	for _, root := range []string{".", "../internal"} {
		walkGo(t, root, func(path string, file *ast.File) {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !strings.HasSuffix(path, "_test.go") || !strings.HasPrefix(f.Name.Name, "Test") {
					continue
				}
				ast.Inspect(f, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.SelectorExpr:
						if x, ok := n.X.(*ast.Ident); ok && x.Name == "kerr" {
							add(n.Sel.Name, f.Name.Name)
						}
					case *ast.Ident: // what becomes the code at the border
						if name, ok := strings.CutPrefix(n.Name, "Err"); ok {
							add(name, f.Name.Name)
							add("Transaction"+name, f.Name.Name)
						}
					case *ast.BasicLit:
						for _, name := range errorName.FindAllString(n.Value, -1) {
							add(name, f.Name.Name)
						}
					}
					return true
				})
			}
		})
	}
	err := filepath.WalkDir("internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(filepath.ToSlash(path), "/testdata/") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range errorName.FindAllString(string(text), -1) {
			add(name, "script `"+filepath.ToSlash(path)+"`")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tested
}

// errorName is what names of errors look like.
var errorName = regexp.MustCompile(`\b[A-Z]+(?:_[A-Z]+)+\b`)

func walkGo(t *testing.T, root string, visit func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			visit(path, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var pointName = regexp.MustCompile(`^TestPoint(\d{3})[A-Z]\w*$`)

// pointTests are the tests that carry the number of a point, by number.
func pointTests(t *testing.T) map[int][]string {
	tests := map[int][]string{}
	visit := func(path string, file *ast.File) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			if m := pointName.FindStringSubmatch(f.Name.Name); m != nil {
				n, _ := strconv.Atoi(m[1])
				tests[n] = append(tests[n], f.Name.Name)
			}
		}
	}
	for _, root := range []string{".", "../internal/kafka"} {
		walkGo(t, root, visit)
	}
	return tests
}

// pointsNotServed are the points that no test can check yet, and why.
var pointsNotServed = map[int]string{
	12: "SASL is not served yet; listeners that demand it are refused at start",
	13: "no authentication yet",
	76: "no rack-aware reads and no followers yet",
}

// pointsInPart are the points that are kept in part, and what is missing.
var pointsInPart = map[int]string{
	3:  "there is no authentication yet that it could come before",
	6:  "the smaller limit before authentication comes with SASL",
	20: "`max.request.partition.size.limit` is without effect",
	69: "segments that roll and failed directories end it too, by the high watermark and the partition's error",
	78: "logs of old brokers with v0 and v1 messages are not read",
	80: "followers are not served",
}

func surfacePoints(t *testing.T, out *bytes.Buffer, tests map[int][]string) {
	table(out, "Points", "The numbered points of how Kafka behaves that this broker is held to: connections 1–14, metadata and topics 15–27, configs 28–32, "+
		"produce 33–47, fetch 66–79, offsets and epochs 80–86, retention, rolling and compaction 87–93, classic groups 94–104, offsets of groups 105–112, consumer groups 113–116. A point's test carries its number.", "point", "class", "tests")
	for n := 1; n <= 116; n++ {
		if n > 47 && n < 66 {
			continue
		}
		class, missing := "effective", pointsNotServed[n]
		switch part := pointsInPart[n]; {
		case missing != "" && len(tests[n]) > 0:
			t.Errorf("point %d is not served (%s), but has tests %v", n, missing, tests[n])
		case missing != "":
			class = "not yet: " + missing
		case len(tests[n]) == 0:
			t.Errorf("point %d has no test and no reason", n)
		case part != "":
			class = "in part: " + part
		}
		slices.Sort(tests[n])
		row(out, strconv.Itoa(n), class, strings.Join(tests[n], ", "))
	}
	for _, n := range slices.Sorted(maps.Keys(tests)) {
		if n < 1 || n > 134 {
			t.Errorf("there is no point %d: %v", n, tests[n])
		}
	}
}
