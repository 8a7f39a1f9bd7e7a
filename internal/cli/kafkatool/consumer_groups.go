package kafkatool

import (
	"context"
	"errors"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
)

func consumerGroupsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{
		bootstrapOption(), configOption(),
		{Name: "list", Help: "List the groups of consumers."},
		{Name: "describe", Help: "Show groups: their offsets and how far they lag, or what --members or --state asks for."},
		{Name: "delete", Help: "Delete groups with their offsets."},
		{Name: "reset-offsets", Help: "Set the offsets of groups without members: where to, by one of --to-earliest, --to-latest, --to-offset, --to-current, --shift-by, --to-datetime, --by-duration and --from-file; of what, by --topic or --all-topics."},
		{Name: "delete-offsets", Help: "Delete the offsets of topics from a group."},
		{Name: "validate-regex", Arg: "regex", Help: "Tell whether a regular expression is valid in the syntax of RE2, which brokers understand."},
		{Name: "group", Arg: "group", Repeated: true, Help: "The group; several if given several times."},
		{Name: "all-groups", Help: "All groups of consumers."},
		{Name: "topic", Arg: "topic", Repeated: true, Help: "The topic whose offsets are meant, or topic:0,1,2 for some of its partitions; several if given several times."},
		{Name: "all-topics", Help: "All topics of which the group has offsets."},
		{Name: "offsets", Help: "With --describe: offsets and lag, as without it."},
		{Name: "members", Help: "With --describe: the members."},
		{Name: "state", Arg: "state,...", Optional: true, Help: "With --describe: the group itself. With --list: show states, or only groups in these."},
		{Name: "type", Arg: "type,...", Optional: true, Help: "With --list: show types, or only groups of these: classic, consumer."},
		{Name: "verbose", Help: "With --describe: more columns."},
		{Name: "dry-run", Help: "With --reset-offsets: only show what would be set. So it is without --execute, too."},
		{Name: "execute", Help: "With --reset-offsets: do it."},
		{Name: "export", Help: "With --reset-offsets: print it as CSV, for --from-file."},
		{Name: "to-earliest", Help: "To the first offset."},
		{Name: "to-latest", Help: "To the end."},
		{Name: "to-current", Help: "To where it is; to the end where nothing is committed."},
		{Name: "to-offset", Arg: "offset", Type: option.Long, Help: "To an offset."},
		{Name: "shift-by", Arg: "n", Type: option.Long, Help: "By a number of offsets, forward or (negative) backward."},
		{Name: "to-datetime", Arg: "YYYY-MM-DDThh:mm:ss.sss", Help: "To the first record from a time on; UTC unless it ends with Z or +hh:mm."},
		{Name: "by-duration", Arg: "PnDTnHnMnS", Help: "The same, so long ago."},
		{Name: "from-file", Arg: "file", Help: "To the offsets of a CSV file."},
		{Name: "timeout", Arg: "ms", Type: option.Long, Default: "30000", Help: "How long each request may take, in milliseconds."},
	}}
}

// groupActions of which a command line has exactly one.
var groupActions = []string{"list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex"}

// resetScenarios of which --reset-offsets has exactly one, in the order in which the tool looks at them.
var resetScenarios = []string{"to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest", "to-current", "shift-by", "from-file"}

// groupsCall is one run of kafka-consumer-groups against a cluster.
type groupsCall struct {
	*call
	*cluster
}

// within bounds one request by --timeout.
func (g *groupsCall) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(g.ctx, time.Duration(g.Number("timeout"))*time.Millisecond)
}

func runConsumerGroups(c *call) error {
	if err := c.checkConsumerGroups(); err != nil {
		return err
	}
	if c.Has("validate-regex") {
		c.validateRegex(c.Value("validate-regex"))
		return nil
	}
	return c.groupsFailed(c.consumerGroups())
}

// groupsFailed tells of a failure as Kafka's tool does: on standard output, and with exit code 0.
func (c *call) groupsFailed(err error) error {
	var m misuse
	if err == nil || errors.As(err, &m) || c.ctx.Err() != nil {
		return err
	}
	c.printError("Executing consumer group command failed due to " + kclient.Message(err))
	return nil
}

func (c *call) printError(text string) { c.printf("\nError: %s\n", text) }

// unparsedConsumerGroups: a wrong value is a failure like others, wrong words are told in one line.
func unparsedConsumerGroups(c *call, e option.Error) error {
	if e.Value {
		return c.groupsFailed(errors.New(e.Text))
	}
	return e
}

func (c *call) consumerGroups() error {
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	g := &groupsCall{c, cl}
	switch {
	case c.Has("list"):
		return g.list()
	case c.Has("describe"):
		return g.describe()
	case c.Has("delete"):
		return g.delete()
	case c.Has("delete-offsets"):
		return g.deleteOffsets()
	}
	return g.resetOffsets()
}

// checkConsumerGroups refuses what Kafka's tool refuses, in its order and words.
func (c *call) checkConsumerGroups() error {
	if err := c.checkAvailable(); err != nil {
		return err
	}
	if !c.Has("validate-regex") {
		if err := c.Missing("bootstrap-server"); err != nil {
			return misuse{err.Error()}
		}
	}
	for _, check := range []func() error{c.checkGroupDescribe, c.checkGroupDelete, c.checkGroupReset, c.checkGroupScope} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.count(groupActions) != 1 {
		return misused("Command must include exactly one action: --%s", strings.Join(groupActions, ", --"))
	}
	return nil
}

func (c *call) count(names []string) (n int) {
	for _, name := range names {
		if c.Has(name) {
			n++
		}
	}
	return n
}

// checkAvailable refuses options that mean something for some actions only.
func (c *call) checkAvailable() error {
	for _, o := range []struct {
		name string
		for_ []string
	}{
		{"members", []string{"describe"}}, {"verbose", []string{"describe"}}, {"offsets", []string{"describe"}},
		{"state", []string{"describe", "list"}}, {"type", []string{"list"}},
	} {
		if c.Has(o.name) && c.count(o.for_) == 0 {
			return refused("Option(s) [%s] are unavailable given other options on the command line", o.name)
		}
	}
	return nil
}

const oneOfGroups = "Option [%s] takes one of these options: [all-groups], [group]"

func (c *call) hasGroups() bool { return c.Has("group") || c.Has("all-groups") }

func (c *call) checkGroupDescribe() error {
	switch {
	case !c.Has("describe"):
		return nil
	case !c.hasGroups():
		return misused(oneOfGroups, "describe")
	case c.count([]string{"members", "offsets", "state"}) > 1:
		return misused("Option [describe] takes at most one of these options: [members], [offsets], [state]")
	case c.Value("state") != "":
		return misused("Option [describe] does not take a value for [state]")
	}
	return nil
}

func (c *call) checkGroupDelete() error {
	switch {
	case c.Has("delete") && !c.hasGroups():
		return misused(oneOfGroups, "delete")
	case c.Has("delete") && c.Has("topic"):
		return misused("The consumer does not support topic-specific offset deletion from a consumer group.")
	case c.Has("delete-offsets") && !(c.Has("group") && c.Has("topic")):
		return misused("Option [delete-offsets] takes the following options: [topic], [group]")
	}
	return nil
}

func (c *call) checkGroupReset() error {
	if !c.Has("reset-offsets") {
		return nil
	}
	if c.Has("dry-run") && c.Has("execute") {
		return misused("Option [reset-offsets] only accepts one of [execute] and [dry-run]")
	}
	if !c.Has("dry-run") && !c.Has("execute") {
		c.warnf("WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require either --dry-run or --execute to be specified. " +
			"You should add the --dry-run option explicitly if you are scripting this command and want to keep the current default behavior without prompting.")
	}
	if !c.hasGroups() {
		return misused(oneOfGroups, "reset-offsets")
	}
	for _, one := range resetScenarios {
		for _, other := range resetScenarios {
			if err := c.apart(one, other); one != other && err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) checkGroupScope() error {
	for _, pair := range [][2]string{{"group", "all-groups"}, {"group", "list"}, {"topic", "list"}, {"topic", "describe"}} {
		if err := c.apart(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// validateRegex tells whether a broker would take an expression: brokers compile them as Go does.
func (c *call) validateRegex(text string) {
	tree, err := syntax.Parse(text, syntax.Perl)
	var bad *syntax.Error
	if err == nil {
		names := slices.DeleteFunc(tree.CapNames(), func(n string) bool { return n == "" })
		if len(repeated(names)) > 0 {
			bad = &syntax.Error{Code: "duplicate capture group name"}
		}
	}
	if !errors.As(err, &bad) && bad == nil {
		c.printf("The regular expression `%s` is valid.\n", text)
		return
	}
	c.printf("The regular expression `%s` is invalid: %s.\n", text, bad.Code)
}

// states in the spelling of the tool, by which --state may name them in any case.
var groupStates = []string{stateCompleting, stateDead, stateReconciling, stateEmpty, statePreparing, stateStable, stateAssigning}

func (g *groupsCall) list() error {
	states, err := filterWords(g.Value("state"), groupStates, "Invalid state list '%s'. Valid states are: %s")
	if err != nil {
		return err
	}
	kinds, err := filterWords(g.Value("type"), []string{groupConsumer, groupClassic}, "Invalid types list '%s'. Valid types are: %s")
	if err != nil {
		return err
	}
	groups, err := g.consumerListings(states, kinds)
	if err != nil {
		return err
	}
	if !g.Has("state") && !g.Has("type") {
		for _, l := range groups {
			g.printf("%s\n", l.id)
		}
		return nil
	}
	width := 15
	for _, l := range groups {
		width = max(width, len(l.id))
	}
	row := func(id, kind, state string) {
		g.printf("%-*s", width+10, id)
		if g.Has("type") {
			g.printf(" %-20s", kind)
		}
		if g.Has("state") {
			g.printf(" %-20s", state)
		}
		g.printf("\n")
	}
	row("GROUP", "TYPE", "STATE")
	for _, l := range groups {
		row(l.id, l.kind, l.state)
	}
	return nil
}

// filterWords reads a list of words in any case; complaint names the list and the words there are.
func filterWords(list string, known []string, complaint string) (words []string, err error) {
	if list == "" {
		return nil, nil
	}
	for _, word := range strings.Split(list, ",") {
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, strings.TrimSpace(word)) })
		if i < 0 {
			return nil, misused(complaint, list, strings.Join(known, ", "))
		}
		words = append(words, known[i])
	}
	return words, nil
}

func (g *groupsCall) consumerListings(states, kinds []string) ([]groupListing, error) {
	ctx, cancel := g.within()
	defer cancel()
	all, err := g.listGroups(ctx, states, kinds)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(l groupListing) bool { return !l.ofConsumers() }), nil
}

// groupIDs are those that the command line means, in its order.
func (g *groupsCall) groupIDs() (ids []string, err error) {
	if !g.Has("all-groups") {
		return g.Values("group"), nil
	}
	all, err := g.consumerListings(nil, nil)
	for _, l := range all {
		ids = append(ids, l.id)
	}
	return ids, err
}
