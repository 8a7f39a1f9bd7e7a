package kafkatool

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/offline"
	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/cli/properties"
)

func storageParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Positional: true,
		Commands: []string{"info", "format", "version-mapping", "feature-dependencies", "random-uuid"}, Options: []option.Option{
			{Name: "config", Short: "c", Arg: "file", Help: "info and format: the server.properties."},
			{Name: "cluster-id", Short: "t", Arg: "id", Help: "format: the cluster's id, as random-uuid makes them."},
			{Name: "standalone", Short: "s", Help: "format: the node is a quorum by itself."},
			{Name: "no-initial-controllers", Short: "N", Help: "format: the node joins a quorum later."},
			{Name: "initial-controllers", Short: "I", Arg: "id@host:port:directory,...", Help: "format: refused, as directories get their ids here."},
			{Name: "ignore-formatted", Short: "g", Help: "format: leave directories alone that are formatted already."},
			{Name: "add-scram", Short: "S", Arg: "scram", Repeated: true, Help: "format: refused; kafka-configs makes users when the broker runs."},
			{Name: "release-version", Short: "r", Arg: "release", Help: "version-mapping: the release. format: without effect, a broker begins with the levels of its own release."},
			{Name: "feature", Short: "f", Arg: "feature=level", Repeated: true, Help: "feature-dependencies: the feature. format: without effect, likewise."},
		}}
}

func runStorage(c *call) error {
	if err := c.oneCommand(); err != nil {
		return err
	}
	command := c.Words[0]
	required := map[string][]string{"info": {"config"}, "format": {"config", "cluster-id"}, "feature-dependencies": {"feature"}}
	for _, name := range required[command] {
		if !c.Has(name) {
			short := map[string]string{"config": "-c", "cluster-id": "-t", "feature": "-f"}[name]
			return misused("argument --%s/%s is required", name, short)
		}
	}
	switch command {
	case "random-uuid":
		id, err := offline.NewID()
		if err == nil {
			c.printf("%s\n", id)
		}
		return err
	case "version-mapping":
		return c.printMapping(c.Value("release-version"))
	case "feature-dependencies":
		return c.printDependencies(c.Values("feature"))
	}
	config, err := properties.Read(c.Value("config"))
	if err != nil {
		return plainFileError(err)
	}
	if command == "info" {
		return c.storageInfo(config)
	}
	return c.storageFormat(config)
}

// dataDirectories are those of a server.properties, sorted, without those named twice.
func dataDirectories(config map[string]string) ([]string, error) {
	list := config["log.dirs"]
	if list == "" {
		list = config["log.dir"]
	}
	if list == "" {
		list = "/tmp/kafka-logs"
	}
	dirs := map[string]bool{}
	for _, dir := range append(strings.Split(list, ","), config["metadata.log.dir"]) {
		if dir = strings.TrimSpace(dir); dir != "" {
			dirs[filepath.Clean(dir)] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs)), nil
}

// storageInfo tells what is in the directories; exit code 1 if that is not right.
func (c *call) storageInfo(config map[string]string) error {
	dirs, err := dataDirectories(config)
	if err != nil {
		return err
	}
	var found, problems []string
	var first map[string]string
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			problems = append(problems, dir+" does not exist")
			continue
		case err != nil:
			problems = append(problems, plainFileError(err).Error())
			continue
		case !info.IsDir():
			problems = append(problems, dir+" is not a directory")
			continue
		}
		found = append(found, dir)
		meta, err := properties.Read(filepath.Join(dir, offline.MetaFile))
		switch {
		case errors.Is(err, os.ErrNotExist):
			problems = append(problems, dir+" is not formatted.")
		case err != nil:
			problems = append(problems, fmt.Sprintf("Error loading %s: %s", filepath.Join(dir, offline.MetaFile), plainFileError(err)))
		case first == nil:
			first = meta
		case meta["cluster.id"] != first["cluster.id"] || meta["node.id"] != first["node.id"]:
			problems = append(problems, fmt.Sprintf("Metadata for %s, %s, does not match the metadata of the other directories, %s", dir, javaMap(meta), javaMap(first)))
		}
	}
	c.section("Found log director", "y:", "ies:", found)
	if first != nil {
		c.printf("Found metadata: %s\n\n", javaMap(first))
	}
	c.section("Found problem", ":", "s:", problems)
	if len(problems) > 0 {
		return errTold
	}
	return nil
}

func (c *call) section(title, one, many string, lines []string) {
	if len(lines) == 0 {
		return
	}
	if len(lines) > 1 {
		one = many
	}
	c.printf("%s%s\n", title, one)
	for _, l := range lines {
		c.printf("  %s\n", l)
	}
	c.printf("\n")
}

// javaMap prints as a sorted java.util.Map does.
func javaMap(m map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, key+"="+m[key])
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// ownMetadataLevel is the metadata.version with which the broker of this repository begins.
const ownMetadataLevel = 30

// storageFormat gives directories their identity. What else a broker keeps in them it makes when it starts.
func (c *call) storageFormat(config map[string]string) error {
	if err := c.checkFormat(config); err != nil {
		return err
	}
	node := config["node.id"]
	if node == "" {
		node = config["broker.id"]
	}
	if node == "" {
		node = "1"
	}
	nodeID, err := strconv.ParseInt(node, 10, 32)
	if err != nil || nodeID < 0 {
		return fmt.Errorf("Invalid value %s for configuration node.id: it must be a number, 0 or more", node)
	}
	dirs, err := dataDirectories(config)
	if err != nil {
		return err
	}
	var fresh []string
	for _, dir := range dirs {
		_, err := os.Stat(filepath.Join(dir, offline.MetaFile))
		switch {
		case errors.Is(err, os.ErrNotExist):
			fresh = append(fresh, dir)
		case err != nil:
			return plainFileError(err)
		case !c.Has("ignore-formatted"):
			return fmt.Errorf("Log directory %s is already formatted. Use --ignore-formatted to ignore this directory and format the others.", dir)
		}
	}
	if len(fresh) == 0 {
		c.printf("All of the log directories are already formatted.\n")
		return nil
	}
	metadata := filepath.Clean(config["metadata.log.dir"])
	if config["metadata.log.dir"] == "" {
		metadata = dirs[0]
	}
	for _, dir := range fresh {
		kind := "data directory"
		if dir == metadata {
			kind = "metadata directory"
			if c.Has("standalone") {
				kind = "dynamic metadata voter directory"
			}
		}
		c.printf("Formatting %s %s with metadata.version %s.\n", kind, dir, metadataLevelName(ownMetadataLevel))
		if err := offline.WriteMeta(dir, c.Value("cluster-id"), int32(nodeID)); err != nil {
			return plainFileError(err)
		}
	}
	return nil
}

func (c *call) checkFormat(config map[string]string) error {
	quorum := []string{"standalone", "no-initial-controllers", "initial-controllers"}
	switch {
	case c.Has("initial-controllers"):
		return errors.New("--initial-controllers is not available: a directory gets its id when it is formatted, so no other node can know it before")
	case c.Has("add-scram"):
		return errors.New("--add-scram is not available: make users with kafka-configs --alter --add-config when the broker runs")
	case c.count(quorum) > 1:
		return misused("argument --no-initial-controllers/-N: not allowed with argument --standalone/-s")
	case strings.Contains(config["process.roles"], "controller") && config["controller.quorum.voters"] == "" && c.count(quorum) == 0:
		return errors.New("Because controller.quorum.voters is not set on this controller, you must specify one of the following: --standalone, --initial-controllers, or --no-initial-controllers.")
	case !offline.ValidID(c.Value("cluster-id")):
		return fmt.Errorf("Cluster ID string %s does not appear to be a valid UUID: it is 22 characters of base64, as \"kafka-storage random-uuid\" makes them", c.Value("cluster-id"))
	}
	for _, name := range []string{"release-version", "feature"} {
		if c.Has(name) {
			c.warnf("--%s has no effect: a broker begins with the levels of its own release; kafka-features changes them.", name)
		}
	}
	return nil
}
