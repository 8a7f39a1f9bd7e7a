package option

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Set is what a command line said. A name that its parser does not have is a mistake of the tool.
type Set struct {
	// Words are those that belong to no option.
	Words []string
	// Deprecated are the options that were used and have a newer name.
	Deprecated []Option
	// Given are the options in the order of the command line.
	Given []Given

	options []Option
	values  map[string][]string
	given   map[string]bool
}

func (s *Set) option(name string) Option {
	for _, o := range s.options {
		if o.Name == name {
			return o
		}
	}
	panic(fmt.Sprintf("BUG: the tool has no option %q", name))
}

// Given is one option as it stood on the command line; Value is "" if it has none.
type Given struct{ Name, Value string }

func (s *Set) add(o Option, value string) error {
	s.given[o.Name] = true
	s.Given = append(s.Given, Given{o.Name, value})
	if o.Arg != "" {
		s.values[o.Name] = append(s.values[o.Name], value)
	}
	return nil
}

// check refuses values that do not fit their option and options given too often.
func (s *Set) check() error {
	for _, o := range s.options {
		values := s.values[o.Name]
		if len(values) > 1 && !o.Repeated && !o.List {
			return Error{fmt.Sprintf("Found multiple arguments for option %s, but you asked for only one", o.Name), true}
		}
		for _, v := range values {
			if v == "" && o.Optional {
				continue
			}
			if err := o.Type.check(v); err != nil {
				return Error{fmt.Sprintf("Cannot parse argument '%s' of option %s", v, o.Name), true}
			}
		}
	}
	return nil
}

func (t Type) check(v string) (err error) {
	switch t {
	case Int:
		_, err = strconv.ParseInt(v, 10, 32)
	case Long:
		_, err = strconv.ParseInt(v, 10, 64)
	case Float:
		_, err = strconv.ParseFloat(v, 64)
	}
	return err
}

// Knows reports whether the tool has such an option.
func (s *Set) Knows(name string) bool {
	return slices.ContainsFunc(s.options, func(o Option) bool { return o.Name == name })
}

// Has reports whether an option was given.
func (s *Set) Has(name string) bool { return s.given[s.option(name).Name] }

// Value is an option's argument, or its default.
func (s *Set) Value(name string) string {
	o := s.option(name)
	if values := s.values[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return o.Default
}

// Values are the arguments of an option that may be repeated, in the order given.
func (s *Set) Values(name string) []string {
	s.option(name)
	return s.values[name]
}

// Number is the argument of an Int or Long option, or its default; 0 if it has none.
func (s *Set) Number(name string) int64 {
	n, _ := strconv.ParseInt(s.Value(name), 10, 64)
	return n
}

// Float is the argument of a Float option, or its default; 0 if it has none.
func (s *Set) Float(name string) float64 {
	f, _ := strconv.ParseFloat(s.Value(name), 64)
	return f
}

// Missing is the error of a required option that is not there, nil if all are.
func (s *Set) Missing(names ...string) error {
	for _, n := range names {
		if !s.Has(n) {
			return refuse("Missing required argument \"[%s]\"", n)
		}
	}
	return nil
}

// Pairs reads arguments of the form key=value; a key alone has the value "".
func Pairs(args []string) map[string]string {
	pairs := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		pairs[k] = v
	}
	return pairs
}
