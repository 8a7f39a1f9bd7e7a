package kafkatool

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func apiVersionsParser() *option.Parser {
	return &option.Parser{Options: []option.Option{bootstrapOption(), configOption()}}
}

// runAPIVersions prints, for every broker, the versions that it serves of each API, and which of
// them the client would use.
func runAPIVersions(c *call) error {
	if err := c.Missing("bootstrap-server"); err != nil {
		return misuse{err.Error()}
	}
	cl, err := c.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	return c.printAPIVersions(cl)
}

func (c *call) printAPIVersions(cl *cluster) error {
	endpoints, err := cl.endpoints(c, false)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		resp, err := askVersions(c.ctx, cl.Broker(int(e.id)))
		if err != nil {
			c.printf("%s -> ERROR: %s\n", e, kclient.Message(err))
			continue
		}
		c.printf("%s -> (\n%s\n)\n", e, strings.Join(apiVersionLines(resp.ApiKeys), ",\n"))
	}
	return nil
}

// betweenBrokers are APIs that clients do not use; Kafka's tool lists them only if served.
var betweenBrokers = []int16{4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82, 93, 94}

func apiVersionLines(served []kmsg.ApiVersionsResponseApiKey) (lines []string) {
	versions := map[int16]kmsg.ApiVersionsResponseApiKey{}
	for _, k := range served {
		versions[k.ApiKey] = k
	}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		mine := kmsg.RequestForKey(key)
		v, ok := versions[key]
		delete(versions, key)
		switch {
		case mine == nil || !ok && slices.Contains(betweenBrokers, key):
		case !ok:
			lines = append(lines, fmt.Sprintf("\t%s(%d): UNSUPPORTED", apiName(key), key))
		case v.MinVersion > mine.MaxVersion():
			lines = append(lines, fmt.Sprintf("\t%s(%d): %s [unusable: node too new]", apiName(key), key, versionRange(v)))
		default:
			lines = append(lines, fmt.Sprintf("\t%s(%d): %s [usable: %d]", apiName(key), key, versionRange(v), min(v.MaxVersion, mine.MaxVersion())))
		}
	}
	for _, k := range served {
		if _, unknown := versions[k.ApiKey]; unknown {
			lines = append(lines, fmt.Sprintf("\tUNKNOWN(%d): %s", k.ApiKey, versionRange(k)))
		}
	}
	return lines
}

func versionRange(v kmsg.ApiVersionsResponseApiKey) string {
	if v.MinVersion == v.MaxVersion {
		return fmt.Sprint(v.MinVersion)
	}
	return fmt.Sprintf("%d to %d", v.MinVersion, v.MaxVersion)
}

// apiName is Kafka's spelling of an API's name.
func apiName(key int16) string {
	switch key {
	case 45:
		return "AlterPartitionReassignments"
	}
	name := kmsg.NameForKey(key)
	for _, spelling := range [][2]string{{"SASL", "Sasl"}, {"SCRAM", "Scram"}, {"ACLs", "Acls"}, {"ProducerID", "ProducerId"}, {"ISR", "Isr"}} {
		name = strings.Replace(name, spelling[0], spelling[1], 1)
	}
	return name
}
