package metadata

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrConfig is returned for a config value or name that is refused; the text around it may be
// shown to the client. Kafka's code for it is INVALID_CONFIG.
var ErrConfig = errors.New("invalid config")

// ErrConfigRequest is an ErrConfig for which Kafka's code is INVALID_REQUEST.
var ErrConfigRequest = fmt.Errorf("%w in a request", ErrConfig)

// configError carries the sentence for the client alone.
type configError struct {
	text string
	kind error // ErrConfig or ErrConfigRequest
}

func (e *configError) Error() string { return e.text }
func (e *configError) Unwrap() error { return e.kind }

func badConfig(format string, args ...any) error {
	return &configError{fmt.Sprintf(format, args...), ErrConfig}
}

// ConfigType is the type of a config's value; the numbers are the wire's (SURFACE §1.4).
type ConfigType int8

// Types of configs.
const (
	TypeBoolean  ConfigType = 1
	TypeString   ConfigType = 2
	TypeInt      ConfigType = 3
	TypeShort    ConfigType = 4
	TypeLong     ConfigType = 5
	TypeDouble   ConfigType = 6
	TypeList     ConfigType = 7
	TypeClass    ConfigType = 8
	TypePassword ConfigType = 9
)

// MaxConfigValue is the longest config value in bytes (SURFACE 28).
const MaxConfigValue = 32767

// validator checks a value that already parses as the config's type. The returned texts make the
// sentence "Invalid value <bad> for configuration c: <refusal>"; an empty refusal is none.
// $NAME in it stands for the config's name.
type validator func(value string) (bad, refusal string)

func atLeast(low float64) validator { return between(low, math.Inf(1)) }

func between(low, high float64) validator {
	return func(value string) (string, string) {
		switch v, _ := strconv.ParseFloat(value, 64); {
		case v < low:
			return value, "Value must be at least " + number(low)
		case v > high:
			return value, "Value must be no more than " + number(high)
		}
		return "", ""
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func oneOf(allowed ...string) validator {
	return func(value string) (string, string) {
		if !slices.Contains(allowed, value) {
			return value, "String must be one of: " + strings.Join(allowed, ", ")
		}
		return "", ""
	}
}

// oneOfFold is oneOf for any case of letters.
func oneOfFold(allowed ...string) validator {
	return func(value string) (string, string) {
		if !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) }) {
			return value, "String must be one of (case insensitive): " + strings.Join(allowed, ", ")
		}
		return "", ""
	}
}

func notEmpty(value string) (string, string) {
	if value == "" {
		return value, "String must be non-empty"
	}
	return "", ""
}

// someOf is oneOf for every element of a list, none twice.
func someOf(allowed ...string) validator {
	one := oneOf(allowed...)
	return func(value string) (string, string) {
		elements := splitList(value)
		for i, e := range elements {
			if bad, refusal := one(e); refusal != "" {
				return bad, refusal
			}
			if slices.Contains(elements[:i], e) {
				return value, "Duplicate value: " + e
			}
		}
		return "", ""
	}
}

func gzipLevel(value string) (string, string) {
	if v, _ := strconv.Atoi(value); v != -1 && (v < 1 || v > 9) {
		return value, "Value must be between 1 and 9 or equal to -1"
	}
	return "", ""
}

// throttledReplicas accepts "*" or partition:broker pairs.
func throttledReplicas(value string) (string, string) {
	if strings.TrimSpace(value) == "*" {
		return "", ""
	}
	for _, pair := range splitList(value) {
		partition, broker, ok := strings.Cut(pair, ":")
		_, err1 := strconv.ParseUint(partition, 10, 31)
		_, err2 := strconv.ParseUint(broker, 10, 31)
		if !ok || err1 != nil || err2 != nil {
			return "[" + strings.Join(splitList(value), ", ") + "]", "$NAME must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
		}
	}
	return "", ""
}

// splitList takes a list value apart; an empty value is an empty list.
func splitList(value string) []string {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	list := strings.Split(value, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// parseType returns what is wrong with a value as one of the type, or "".
func parseType(t ConfigType, value string) string {
	var err error
	switch t {
	case TypeBoolean:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return "Expected value to be either true or false"
		}
	case TypeShort:
		if _, err = strconv.ParseInt(value, 10, 16); err != nil {
			return "Not a number of type SHORT"
		}
	case TypeInt:
		if _, err = strconv.ParseInt(value, 10, 32); err != nil {
			return "Not a number of type INT"
		}
	case TypeLong:
		if _, err = strconv.ParseInt(value, 10, 64); err != nil {
			return "Not a number of type LONG"
		}
	case TypeDouble:
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return "Not a number of type DOUBLE"
		}
	}
	return ""
}
