package kafkatool

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// metadataVersion is the feature whose levels have names.
const metadataVersion = "metadata.version"

// The names of the levels of metadata.version, of which the first is firstMetadataLevel. Those
// after the latest release are named, but not what a release begins with.
const (
	firstMetadataLevel  = 7
	latestMetadataLevel = 33
)

var metadataLevels = []string{"3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
	"3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0-IV3",
	"4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0", "4.4-IV0", "4.4-IV1", "4.4-IV2", "4.5-IV0"}

// metadataLevelName is the name of a level, or its number if it has none.
func metadataLevelName(level int16) string {
	if i := int(level) - firstMetadataLevel; i >= 0 && i < len(metadataLevels) {
		return metadataLevels[i]
	}
	return strconv.Itoa(int(level))
}

// metadataLevel takes the name of a level, or a release such as 4.0, which means its last level.
func metadataLevel(name string) (int16, error) {
	found := int16(0)
	for i, known := range metadataLevels {
		level := int16(i + firstMetadataLevel)
		release, _, _ := strings.Cut(known, "-")
		if known == name || release == name && level <= latestMetadataLevel {
			found = level
		}
	}
	if found == 0 {
		return 0, fmt.Errorf("Unknown metadata.version '%s'. Supported metadata.version are: %s", name, strings.Join(metadataLevels, ", "))
	}
	return found, nil
}

// featureLevels are the other features with, for each level from 1, the metadata.version with which
// clusters begin with it, and the one that it requires, 0 for none.
var featureLevels = []struct {
	name   string
	levels []featureLevel
}{
	{"kraft.version", []featureLevel{{since: 21}}},
	{"transaction.version", []featureLevel{{since: 24}, {since: 24}}},
	{"group.version", []featureLevel{{since: 22}}},
	{"eligible.leader.replicas.version", []featureLevel{{since: 26, requires: 23}}},
	{"share.version", []featureLevel{{since: 28}, {since: 31}}},
	{"streams.version", []featureLevel{{since: 29}}},
}

type featureLevel struct{ since, requires int16 }

// printMapping prints the levels of all features with which a cluster of a release begins.
func (c *call) printMapping(release string) error {
	level, name := int16(latestMetadataLevel), metadataLevelName(latestMetadataLevel)
	if release != "" {
		var err error
		if level, err = metadataLevel(release); err != nil {
			return err
		}
		name = release
	}
	c.printf("metadata.version=%d (%s)\n", level, name)
	for _, f := range featureLevels {
		n := 0
		for i, l := range f.levels {
			if level >= l.since {
				n = i + 1
			}
		}
		c.printf("%s=%d\n", f.name, n)
	}
	return nil
}

// printDependencies prints what levels of features require.
func (c *call) printDependencies(features []string) error {
	for _, text := range features {
		name, level, err := featureAndLevel(text)
		if err != nil {
			return err
		}
		label := fmt.Sprintf("%s=%d", name, level)
		if name == metadataVersion {
			if metadataLevelName(level) == strconv.Itoa(int(level)) {
				return fmt.Errorf("No feature level %d for metadata.version", level)
			}
			c.printf("%s (%s) has no dependencies.\n", label, metadataLevelName(level))
			continue
		}
		requires, err := requirement(name, level)
		if err != nil {
			return err
		}
		if requires == 0 {
			c.printf("%s has no dependencies.\n", label)
			continue
		}
		c.printf("%s requires:\n    %s=%d (%s)\n", label, metadataVersion, requires, metadataLevelName(requires))
	}
	return nil
}

func requirement(name string, level int16) (int16, error) {
	for _, f := range featureLevels {
		switch {
		case f.name != name:
			continue
		case name == "kraft.version" && (level < 0 || int(level) > len(f.levels)):
			return 0, fmt.Errorf("Feature level %d is not supported for feature kraft.version", level)
		case level < 0 || int(level) > len(f.levels):
			return 0, fmt.Errorf("No feature:%s with feature level %d", name, level)
		case level == 0:
			return 0, nil
		}
		return f.levels[level-1].requires, nil
	}
	return 0, fmt.Errorf("Unknown feature: %s", name)
}

// featureAndLevel reads feature=level.
func featureAndLevel(text string) (name string, level int16, err error) {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	if !ok {
		return "", 0, fmt.Errorf("Can't parse feature=level string %s: equals sign not found.", text)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("Can't parse feature=level string %s: unable to parse %s as a short.", text, strings.TrimSpace(value))
	}
	if name == "" {
		return "", 0, errors.New("A feature has no name")
	}
	return name, int16(n), nil
}
