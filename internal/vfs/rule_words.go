package vfs

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// splitWords cuts a line into rules and each rule into words. Inside double quotes nothing is
// special except a backslash, which protects the next byte.
func splitWords(line string) (rules [][]string, err error) {
	var words []string
	var word strings.Builder
	endWord := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	endRule := func() {
		endWord()
		if len(words) > 0 {
			rules = append(rules, words)
			words = nil
		}
	}
	quoted, escaped := false, false
	for i := range len(line) {
		c := line[i]
		switch {
		case quoted:
			quoted = escaped || c != '"'
			escaped = !escaped && c == '\\'
		case c == '"':
			quoted = true
		case c == '#' && word.Len() == 0:
			endRule()
			return rules, nil
		case c == ';':
			endRule()
			continue
		case c <= ' ':
			endWord()
			continue
		}
		word.WriteByte(c)
	}
	if quoted {
		return nil, fmt.Errorf("quote without end")
	}
	endRule()
	return rules, nil
}

// quote protects a value that splitWords would cut.
func quote(value string) string {
	plain := func(c rune) bool { return c > ' ' && c < unicode.MaxASCII && c != '"' && c != ';' && c != '\\' }
	for _, c := range value {
		if !plain(c) {
			return strconv.Quote(value)
		}
	}
	return value
}

func unquote(value string) (string, error) {
	if !strings.Contains(value, `"`) {
		return value, nil
	}
	return strconv.Unquote(value)
}
