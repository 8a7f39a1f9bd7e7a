package kafkatool

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dateTimePattern: SSS is a number of milliseconds, however many digits it has.
var dateTimePattern = regexp.MustCompile(`^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)(?:Z|([+-])(\d\d)(?::(\d\d))?)`)

// parseDateTime reads a time as --to-datetime has it, in milliseconds since 1970. What has no zone
// is UTC.
func parseDateTime(text string) (ms int64, err error) {
	_, clock, ok := strings.Cut(text, "T")
	if !ok || clock == "" {
		return 0, errors.New("java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according to ISO8601 format")
	}
	if !strings.ContainsAny(clock, "+-Z") {
		text += "Z"
	}
	m := dateTimePattern.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("java.text.ParseException: Unparseable date: %q", text)
	}
	var n [11]int
	for i, word := range m {
		n[i], _ = strconv.Atoi(word)
	}
	at := time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], 0, time.UTC)
	exact := at.Year() == n[1] && int(at.Month()) == n[2] && at.Day() == n[3] && at.Hour() == n[4] && at.Minute() == n[5] && at.Second() == n[6]
	if !exact || n[7] > 999 || n[9] > 23 || n[10] > 59 {
		return 0, fmt.Errorf("java.text.ParseException: Unparseable date: %q", text)
	}
	zone := time.Duration(n[9])*time.Hour + time.Duration(n[10])*time.Minute
	if m[8] == "-" {
		zone = -zone
	}
	return at.Add(-zone).UnixMilli() + int64(n[7]), nil
}

var durationPattern = regexp.MustCompile(`(?i)^([+-]?)P(?:([+-]?\d+)D)?(T(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+)(?:[.,](\d{0,9}))?S)?)?$`)

// parseDuration reads PnDTnHnMn.nS as java.time.Duration does.
func parseDuration(text string) (time.Duration, error) {
	m := durationPattern.FindStringSubmatch(text)
	if m == nil || strings.EqualFold(m[3], "T") || m[2] == "" && m[3] == "" {
		return 0, errors.New("Text cannot be parsed to a Duration")
	}
	total := 0.0
	var exact time.Duration
	for i, unit := range map[int]time.Duration{2: 24 * time.Hour, 4: time.Hour, 5: time.Minute, 6: time.Second} {
		n, err := strconv.ParseInt(strings.TrimPrefix(m[i], "+"), 10, 64)
		if m[i] != "" && err != nil {
			return 0, errors.New("Text cannot be parsed to a Duration: " + m[i])
		}
		total += float64(n) * float64(unit)
		exact += time.Duration(n) * unit
	}
	if math.Abs(total) > math.MaxInt64/2 {
		return 0, errors.New("Text cannot be parsed to a Duration: it is too long")
	}
	if m[7] != "" {
		nanos, _ := strconv.ParseInt((m[7] + "000000000")[:9], 10, 64)
		if strings.HasPrefix(m[6], "-") {
			nanos = -nanos
		}
		exact += time.Duration(nanos)
	}
	if m[1] == "-" {
		exact = -exact
	}
	return exact, nil
}
