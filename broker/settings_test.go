package broker

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// What Settings tells is what counts: the default, the value given, the stronger of two keys, and what has no effect.
func TestSettings(t *testing.T) {
	all, err := Settings(map[string]string{"broker.id": "5", "node.id": " 7 ", "log.retention.hours": "2", "log.dir": "/d",
		"num.io.threads": "3", "ssl.key.password": "geheim", "log.segment.bytes": "1048576"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range all {
		got[s.Key] = fmt.Sprintf("%s %v given=%v effective=%v %s secret=%v", s.Value, s.HasValue, s.Given, s.Effective, s.Instead, s.Secret)
	}
	f := func(key, want string) {
		t.Helper()
		if got[key] != want {
			t.Errorf("%s: %q", key, got[key])
		}
	}
	f("node.id", "7 true given=true effective=true  secret=false")
	f("broker.id", "5 true given=true effective=false node.id secret=false")
	f("log.dir", "/d true given=true effective=true  secret=false")
	f("log.dirs", "")
	f("listeners", "PLAINTEXT://localhost:9092 true given=false effective=true  secret=false")
	f("num.io.threads", "3 true given=true effective=false  secret=false")
	f("ssl.key.password", " true given=true effective=false  secret=true")
	f("log.segment.bytes", "1048576 true given=true effective=true  secret=false")
	f("flush.policy", "group true given=false effective=true  secret=false")
	f("advertised.listeners", " false given=false effective=true  secret=false")
	f("num.partitions", "1 true given=false effective=true  secret=false")
	if _, err := Settings(map[string]string{"num.partitions": "0"}); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}

// A default that is told may be given, and is then what DescribeConfigs shows.
func TestDefaultsAreTrue(t *testing.T) {
	all, err := Settings(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := EffectiveKeys()
	for _, s := range all {
		if !slices.Contains(keys, s.Key) {
			t.Errorf("%s is shown and has no effect", s.Key)
		}
		if !s.HasValue {
			continue
		}
		c, _, err := FromProperties(map[string]string{s.Key: s.Value})
		if err == nil {
			c, err = c.withDefaults()
		}
		if err != nil {
			t.Errorf("the default of %s=%s: %v", s.Key, s.Value, err)
			continue
		}
		for _, told := range (&Broker{cfg: c}).serverConfigs() {
			value := ""
			if told.Value != nil {
				value = *told.Value
			}
			if told.Name == s.Key && value != s.Value {
				t.Errorf("the default of %s is told to be %q, and DescribeConfigs shows %q", s.Key, s.Value, value)
			}
		}
	}
}
