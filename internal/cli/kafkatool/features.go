package kafkatool

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func featuresParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Positional: true,
		Commands: []string{"describe", "upgrade", "downgrade", "disable", "version-mapping", "feature-dependencies"}, Options: []option.Option{
			{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "The brokers to connect to first."},
			{Name: "bootstrap-controller", Arg: "HOST:PORT,...", Help: "Controllers to connect to; a node here is both, so --bootstrap-server does the same."},
			configOption(),
			{Name: "node-id", Arg: "id", Type: option.Int, Help: "describe: what this node says."},
			{Name: "feature", Short: "f", Arg: "feature=level", Repeated: true, Help: "The feature and the level to bring it to; for disable only the feature."},
			{Name: "release-version", Short: "r", Arg: "release", Help: "The release whose levels are meant."},
			{Name: "metadata", Arg: "release", Help: "DEPRECATED: the release whose level of metadata.version is meant."},
			{Name: "unsafe", Help: "downgrade and disable: even if metadata is lost."},
			{Name: "dry-run", Help: "Only tell what would be done."},
		}}
}

func runFeatures(c *call) error {
	if err := c.oneCommand(); err != nil {
		return fmt.Errorf("Command line error: %v. Type --help for help.", err)
	}
	switch c.Words[0] {
	case "version-mapping":
		return c.printMapping(c.Value("release-version"))
	case "feature-dependencies":
		if !c.Has("feature") {
			return misused("argument --feature is required")
		}
		return c.printDependencies(c.Values("feature"))
	}
	if !c.Has("bootstrap-server") && !c.Has("bootstrap-controller") {
		return fmt.Errorf("Command line error: You must specify either --bootstrap-controller or --bootstrap-server.. Type --help for help.")
	}
	var updates []featureUpdate
	var err error
	if c.Words[0] != "describe" {
		if updates, err = c.featureUpdates(); err != nil {
			return err
		}
	}
	cl, err := c.connectAny()
	if err != nil {
		return err
	}
	defer cl.Close()
	if c.Words[0] == "describe" {
		return c.describeFeatures(cl)
	}
	return c.updateFeatures(cl, updates)
}

func (c *call) describeFeatures(cl *cluster) error {
	var to kmsg.Requestor = cl.Client
	if c.Has("node-id") {
		to = cl.Broker(int(c.Number("node-id")))
	}
	resp, err := askVersions(c.ctx, to)
	if err != nil {
		return err
	}
	final := map[string]int16{}
	for _, f := range resp.FinalizedFeatures {
		final[f.Name] = f.MaxVersionLevel
	}
	features := slices.Clone(resp.SupportedFeatures)
	slices.SortFunc(features, func(a, b kmsg.ApiVersionsResponseSupportedFeature) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	for _, f := range features {
		name := func(level int16) string {
			if f.Name == metadataVersion && level > 0 {
				return metadataLevelName(level)
			}
			return strconv.Itoa(int(level))
		}
		epoch := "-"
		if resp.FinalizedFeaturesEpoch >= 0 {
			epoch = strconv.FormatInt(resp.FinalizedFeaturesEpoch, 10)
		}
		c.printf("Feature: %-40s  SupportedMinVersion: %-15s  SupportedMaxVersion: %-15s  FinalizedVersionLevel: %-15s  Epoch: %s\n",
			f.Name, name(f.MinVersion), name(f.MaxVersion), name(final[f.Name]), epoch)
	}
	return nil
}

// featureUpdate brings a feature to a level, 0 to disable it.
type featureUpdate struct {
	name  string
	level int16
}

// Kinds of updates in UpdateFeatures.
const (
	upgradeFeature         = 1
	safeDowngradeFeature   = 2
	unsafeDowngradeFeature = 3
)

// featureUpdates are what the command line wants, sorted by feature.
func (c *call) featureUpdates() ([]featureUpdate, error) {
	levels := map[string]int16{}
	command := c.Words[0]
	release := c.Value("release-version")
	if c.Has("metadata") {
		c.printf(" `metadata` flag is deprecated and may be removed in a future release.\n")
		level, err := metadataLevel(c.Value("metadata"))
		if err != nil {
			return nil, err
		}
		levels[metadataVersion] = level
	}
	if release != "" && (c.Has("feature") || c.Has("metadata")) {
		return nil, fmt.Errorf("Can not specify `release-version` with other feature flags.")
	}
	if release != "" {
		level, err := metadataLevel(release)
		if err != nil {
			return nil, err
		}
		levels[metadataVersion] = level
		for _, f := range featureLevels {
			for i, l := range f.levels {
				if level >= l.since {
					levels[f.name] = int16(i + 1)
				}
			}
		}
	}
	for _, text := range c.Values("feature") {
		name, level := text, int16(0)
		if command != "disable" {
			var err error
			if name, level, err = featureAndLevel(text); err != nil {
				return nil, err
			}
		}
		if _, twice := levels[name]; twice {
			return nil, fmt.Errorf("Feature %s was specified more than once.", name)
		}
		levels[name] = level
	}
	if len(levels) == 0 {
		return nil, fmt.Errorf("You must specify at least one feature to %s", command)
	}
	var updates []featureUpdate
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		updates = append(updates, featureUpdate{name, levels[name]})
	}
	return updates, nil
}

func (c *call) updateFeatures(cl *cluster, updates []featureUpdate) error {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	if err := cl.need(req); err != nil {
		return err
	}
	kind := int8(upgradeFeature)
	if c.Words[0] != "upgrade" {
		if kind = safeDowngradeFeature; c.Has("unsafe") {
			kind = unsafeDowngradeFeature
		}
	}
	req.TimeoutMillis, req.ValidateOnly = adminTimeoutMs, c.Has("dry-run")
	for _, u := range updates {
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType, f.AllowDowngrade = u.name, u.level, kind, kind != upgradeFeature
		req.FeatureUpdates = append(req.FeatureUpdates, f)
	}
	resp, err := req.RequestWith(c.ctx, cl.Client)
	if err != nil {
		return err
	}
	whole := kclient.CodeMessage(resp.ErrorCode, resp.ErrorMessage)
	each := map[string]error{}
	for _, r := range resp.Results {
		each[r.Feature] = kclient.CodeMessage(r.ErrorCode, r.ErrorMessage)
	}
	failed := 0
	for _, u := range updates {
		err := whole
		if err == nil {
			err = each[u.name]
		}
		if err != nil {
			failed++
		}
		c.printf("%s\n", c.updateText(u, err))
	}
	if failed > 0 {
		return fmt.Errorf("%d out of %d operation(s) failed.", failed, len(updates))
	}
	return nil
}

func (c *call) updateText(u featureUpdate, err error) string {
	command, to := c.Words[0], fmt.Sprintf(" to %d", u.level)
	if command == "disable" {
		to = ""
	}
	not, done := "Could not", "was "
	if c.Has("dry-run") {
		not, done = "Can not", "can be "
	}
	if err != nil {
		return fmt.Sprintf("%s %s %s%s. %s", not, command, u.name, to, kclient.Message(err))
	}
	past := map[string]string{"upgrade": "upgraded", "downgrade": "downgraded", "disable": "disabled"}[command]
	return u.name + " " + done + past + to + "."
}
