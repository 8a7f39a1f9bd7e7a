package properties

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
)

// maxBytes bounds a properties file.
const maxBytes = 1 << 20

// Entry is a value and the line on which it begins, the first being 1.
type Entry struct {
	Value string
	Line  int
}

// Read reads a file. A later line wins over an earlier one.
func Read(path string) (map[string]string, error) {
	entries, err := ReadEntries(path)
	if err != nil {
		return nil, err
	}
	return values(entries), nil
}

// ReadEntries is Read with the lines.
func ReadEntries(path string) (map[string]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxBytes)
	}
	return parse(string(text)), nil
}

// Parse understands what java.util.Properties.load does, in UTF-8: comments with # or !, '=' or ':'
// or white space after the key, lines continued by a backslash, and the escapes \t \n \r \f \uXXXX;
// any other backslash only goes away. White space at the end of a value belongs to it.
func Parse(text string) map[string]string { return values(parse(text)) }

func values(entries map[string]Entry) map[string]string {
	props := make(map[string]string, len(entries))
	for k, e := range entries {
		props[k] = e.Value
	}
	return props
}

func parse(text string) map[string]Entry {
	props := map[string]Entry{}
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		first := i + 1
		for continued(line) {
			line = line[:len(line)-1]
			if i++; i == len(lines) {
				break
			}
			line += strings.TrimLeft(lines[i], " \t\f")
		}
		key, value := cut(line)
		props[unescape(key)] = Entry{unescape(value), first}
	}
	return props
}

// continued reports whether a line ends in an odd number of backslashes.
func continued(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// cut splits at the first separator that no backslash stands before: white space, with at most one
// '=' or ':' in it.
func cut(line string) (key, value string) {
	i := 0
	for i < len(line) && !strings.ContainsRune("=: \t\f", rune(line[i])) {
		if line[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(line) {
		return line, ""
	}
	rest := strings.TrimLeft(line[i:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return line[:i], rest
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, n := unit(s[i+1:])
			if low, m := surrogate(s[i+1+n:]); utf16.IsSurrogate(r) && m > 0 {
				r, n = utf16.DecodeRune(r, low), n+m
			}
			b.WriteRune(r)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// unit reads the four digits of one \uXXXX and says how many bytes they were; what is no number
// stays as the letter u.
func unit(s string) (rune, int) {
	if len(s) >= 4 {
		if n, err := strconv.ParseUint(s[:4], 16, 16); err == nil {
			return rune(n), 4
		}
	}
	return 'u', 0
}

// surrogate reads a second \uXXXX, which belongs to the one before it.
func surrogate(s string) (rune, int) {
	if !strings.HasPrefix(s, `\u`) {
		return 0, 0
	}
	r, n := unit(s[2:])
	if n == 0 || !utf16.IsSurrogate(r) {
		return 0, 0
	}
	return r, n + 2
}
