package option

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var single = &Parser{Style: Single, Options: []Option{
	{Name: "topic", Arg: "topic", Help: "The topic."},
	{Name: "topic-id", Arg: "id"},
	{Name: "list"},
	{Name: "partitions", Arg: "n", Type: Int},
	{Name: "timeout", Arg: "ms", Type: Long, Optional: true, Default: "10000"},
	{Name: "config", Arg: "name=value", Repeated: true},
	{Name: "compression-codec", Arg: "codec", Optional: true},
	{Name: "old", Arg: "x", Instead: "topic"},
}}

var sub = &Parser{Style: Sub, Options: []Option{
	{Name: "bootstrap-server", Short: "b", Arg: "servers"},
	{Name: "producer-props", Arg: "k=v", List: true},
	{Name: "throughput", Arg: "n", Type: Float},
	{Name: "print-metrics"},
}}

// show renders what was given, sorted by name.
func show(s *Set) string {
	var parts []string
	for _, o := range s.options {
		if s.Has(o.Name) {
			parts = append(parts, strings.TrimSuffix(fmt.Sprintf("%s=%s", o.Name, strings.Join(s.Values(o.Name), "|")), "="))
		}
	}
	slices.Sort(parts)
	if len(s.Words) > 0 {
		parts = append(parts, fmt.Sprint(s.Words))
	}
	return strings.Join(parts, " ")
}

// Messages are those of joptsimple 5.0.4 and argparse4j 0.7.
func TestParse(t *testing.T) {
	f := func(p *Parser, line, want string) {
		t.Helper()
		s, err := p.Parse(strings.Fields(line))
		got := "error: "
		if err != nil {
			got += err.Error()
		} else {
			got = show(s)
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
	f(single, "", "")
	f(single, "--topic a", "topic=a")
	f(single, "--topic=a=b", "topic=a=b")
	f(single, "-topic a", "topic=a")
	f(single, "-topic=a --list", "list topic=a")
	f(single, "--topic --list", "topic=--list")
	f(single, "--topic= a", "topic=a")
	f(single, "--topic", "error: Option topic requires an argument")
	f(single, "--topic a --topic b", "error: Found multiple arguments for option topic, but you asked for only one")
	f(single, "--config a=1 --config b=2", "config=a=1|b=2")
	f(single, "--partitions x", "error: Cannot parse argument 'x' of option partitions")
	f(single, "--partitions 3000000000", "error: Cannot parse argument '3000000000' of option partitions")
	f(single, "--partitions -1", "partitions=-1")
	f(single, "--nope", "error: nope is not a recognized option")
	f(single, "--part 3", "partitions=3")
	f(single, "--to a", "error: to is not a recognized option: it could be --topic, --topic-id")
	f(single, "-z", "error: z is not a recognized option")
	f(single, "--compression-codec --topic a", "compression-codec topic=a")
	f(single, "--compression-codec zstd", "compression-codec=zstd")
	f(single, "--timeout -1", "timeout=-1")
	f(single, "--timeout", "timeout")
	f(single, "word --list -", "list [word -]")
	f(single, "-- --list", "[--list]")
	f(single, "--list=x", "error: Option list does not take an argument")
	f(single, "--help", "help")
	f(single, "-h", "help")

	f(sub, "-b a:1 --print-metrics", "bootstrap-server=a:1 print-metrics")
	f(sub, "--producer-props a=1 b=2 --throughput -1", "producer-props=a=1|b=2 throughput=-1")
	f(sub, "--producer-props --throughput -1", "error: argument --producer-props: expected at least one argument")
	f(sub, "--through 5", "throughput=5")
	f(sub, "--p", "error: unrecognized arguments: '--p'")
	f(sub, "--pr", "error: ambiguous option: --pr could match --producer-props, --print-metrics")
	f(sub, "--bootstrap-server --print-metrics", "error: argument --bootstrap-server: expected one argument")
	f(sub, "word", "error: unrecognized arguments: 'word'")
	f(sub, "--nope", "error: unrecognized arguments: '--nope'")
}

func TestValues(t *testing.T) {
	s, err := single.Parse(strings.Fields("--old x --config a --config b=c=d"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Number("timeout") != 10000 || s.Has("timeout") || s.Value("topic") != "" {
		t.Errorf("defaults: %d, %q", s.Number("timeout"), s.Value("topic"))
	}
	if p := Pairs(s.Values("config")); len(p) != 2 || p["a"] != "" || p["b"] != "c=d" {
		t.Errorf("pairs: %v", p)
	}
	if len(s.Deprecated) != 1 || s.Deprecated[0].Instead != "topic" {
		t.Errorf("deprecated: %v", s.Deprecated)
	}
	if err := s.Missing("config", "topic"); err == nil || err.Error() != `Missing required argument "[topic]"` {
		t.Errorf("missing: %v", err)
	}
	if err := s.Missing("config"); err != nil {
		t.Errorf("missing: %v", err)
	}
}

func TestHelp(t *testing.T) {
	var b strings.Builder
	(&Parser{Options: []Option{
		{Name: "topic", Short: "t", Arg: "topic", Help: "The topic, explained at a length that needs more than one line."},
		{Name: "timeout", Arg: "ms", Type: Long, Optional: true, Default: "10000", Help: "How long."},
		{Name: "old", Arg: "x", Instead: "topic"},
	}}).Help(&b)
	want := `Option                                  Description
------                                  -----------
-h, --help                              Print this text.
--old <String: x>                       (DEPRECATED: use --topic)
--timeout [Long: ms]                    How long. (default: 10000)
-t, --topic <String: topic>             The topic, explained at a length that
                                          needs more than one line.
--version                               Print the version of Kafka whose tools
                                          these are like.
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}

func FuzzParse(f *testing.F) {
	f.Add("--topic a --list", false)
	f.Add("-- - --=x ---- --config=", true)
	f.Fuzz(func(t *testing.T, line string, s bool) {
		p := single
		if s {
			p = sub
		}
		if _, err := p.Parse(strings.Split(line, " ")); err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Errorf("an error without words")
		}
	})
}
