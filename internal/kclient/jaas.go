package kclient

import "strings"

// login reads user and password from the one login module that sasl.jaas.config may name:
//
//	org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";
func login(jaas string) (user, password string, err error) {
	rest := strings.TrimSpace(jaas)
	if !strings.HasSuffix(rest, ";") {
		return "", "", errNoLogin
	}
	rest = strings.TrimSuffix(rest, ";")
	options := map[string]string{}
	for rest != "" {
		var word string
		word, rest = nextWord(rest)
		if name, value, ok := strings.Cut(word, "="); ok {
			options[name] = value
		}
	}
	user, okUser := options["username"]
	password, okPassword := options["password"]
	if !okUser || !okPassword {
		return "", "", errNoLogin
	}
	return user, password, nil
}

// nextWord takes a word off the front: up to white space that is not between quotes, which are
// taken away; a backslash keeps the character after it as it is.
func nextWord(s string) (word, rest string) {
	var b strings.Builder
	quote := byte(0)
	s = strings.TrimLeft(s, " \t\r\n")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			return b.String(), strings.TrimLeft(s[i:], " \t\r\n")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
