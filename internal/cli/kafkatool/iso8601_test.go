package kafkatool

import (
	"testing"
	"time"
)

// Expected values are those of Kafka's Utils.getDateTime and java.time.Duration.parse.
func TestParseDateTime(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		if got, err := parseDateTime(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	f("1970-01-01T00:00:00.000", 0)
	f("1970-01-01T00:00:00.5", 5)
	f("1970-01-01T00:00:01.005Z", 1005)
	f("1970-01-01T01:00:00.000+01:00", 0)
	f("1970-01-01T01:00:00.000+01", 0)
	f("1969-12-31T23:30:00.000-00:30", 0)
	f("1969-12-31T23:30:00.000-0030", -1_800_000) // minutes without a colon are not heard
	f("2024-02-29T00:00:00.000", 1709164800000)
	for _, bad := range []string{"", "yesterday", "2024-01-01T", "2023-02-29T00:00:00.000", "2024-01-01T24:00:00.000", "2024-01-01T00:00:00", "2024-01-01T00:00:00.1000"} {
		if at, err := parseDateTime(bad); err == nil {
			t.Errorf("%s was taken as %d", bad, at)
		}
	}
}

func TestParseDuration(t *testing.T) {
	f := func(text string, want time.Duration) {
		t.Helper()
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	f("P1D", 24*time.Hour)
	f("PT20.345S", 20345*time.Millisecond)
	f("pt15m", 15*time.Minute)
	f("P2DT3H4M", 51*time.Hour+4*time.Minute)
	f("PT-6H3M", -6*time.Hour+3*time.Minute)
	f("-PT-6H+3M", 6*time.Hour-3*time.Minute)
	f("PT-0.5S", -500*time.Millisecond)
	for _, bad := range []string{"", "P", "PT", "1D", "P1DT", "P1Y", "P1H", "PT1D", "P99999999999D", "P99999999999999999999D"} {
		if d, err := parseDuration(bad); err == nil {
			t.Errorf("%s was taken as %v", bad, d)
		}
	}
}

// The order was read off what Java prints for the keys of such a HashMap.
func TestJavaOrder(t *testing.T) {
	if h := javaHash("The quick brown fox é 😀"); h != -384813225 {
		t.Errorf("hash %d", h)
	}
	got := joinPlaces(placesInJavaOrder([]place{{"t1", 0}, {"t1", 1}, {"t1", 2}, {"t2", 1}, {"t2", 0}}))
	if want := "t1-2,t1-1,t1-0,t2-1,t2-0"; got != want {
		t.Errorf("order %s", got)
	}
}
