package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// kcat plays the role of a program, with one process for each record that it writes: what a
// person does with it on a command line.
type kcat struct{ servers string }

func (k kcat) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "kcat", append([]string{"-b", k.servers, "-m", "20", "-X", "fetch.wait.max.ms=20"}, args...)...)
	cmd.Env = append(os.Environ(), "KCAT_CONFIG="+os.DevNull)
	return cmd
}

func (k kcat) run(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	cmd := k.command(ctx, args...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return out, err
}

func (k kcat) stop() error { return nil }

func (k kcat) ask(ctx context.Context, a ask) (r answer, err error) {
	switch a.Do {
	case "hello":
		r.Version, err = k.version(ctx)
	case "create":
		err = errors.New("kcat creates no topics")
	case "produce":
		err = k.produce(ctx, a)
	case "consume":
		r.Records, err = k.consume(ctx, a, "beginning")
	case "seek":
		r.Records, err = k.consume(ctx, a, "s@"+strconv.FormatInt(a.TS, 10))
	}
	return r, err
}

var kcatVersions = regexp.MustCompile(`Version (\S+) .*librdkafka ([0-9.]+)`)

func (k kcat) version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "kcat", "-V").Output()
	if err != nil {
		return "", err
	}
	m := kcatVersions.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%w: no version in %q", errProgram, out)
	}
	return fmt.Sprintf("%s (librdkafka %s)", m[1], m[2]), nil
}

// produce writes one record after the other. The value is a file, which may not be empty; a
// record without one is a line of a file, a key and a tab. kcat sets no timestamps, and what is
// given as an argument has no zero bytes.
func (k kcat) produce(ctx context.Context, a ask) error {
	for _, r := range a.Records {
		args := []string{"-P", "-t", a.Topic, "-p", "0", "-z", a.Codec, "-X", "acks=all"}
		for _, h := range r.Headers {
			if h.Value == nil {
				args = append(args, "-H", h.Name)
			} else {
				args = append(args, "-H", h.Name+"="+string(h.Value))
			}
		}
		content := r.Value
		switch {
		case r.Value == nil:
			args, content = append(args, "-l", "-K", `\t`, "-Z"), append(r.Key, "\t\n"...)
		case len(r.Value) == 0:
			args, content = append(args, "-l", "-K", `\t`), append(r.Key, "\t\n"...)
		case r.Key != nil:
			args = append(args, "-k", string(r.Key))
		}
		if err := k.send(ctx, content, args...); err != nil {
			return err
		}
	}
	return nil
}

// send gives kcat a file.
func (k kcat) send(ctx context.Context, content []byte, args ...string) error {
	file, err := os.CreateTemp("", "kcat-")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		_, err = k.run(ctx, append(args, file.Name())...)
	}
	return errors.Join(err, os.Remove(file.Name()))
}

// consume reads records. Lengths are printed before what they measure, but for headers, which end
// with the line.
func (k kcat) consume(ctx context.Context, a ask, from string) ([]record, error) {
	out, err := k.run(ctx, "-C", "-q", "-t", a.Topic, "-p", "0", "-o", from, "-c", strconv.Itoa(a.Count), "-f", `%o %T %K %S %h\n%k%s\n`)
	if err != nil {
		return nil, err
	}
	var records []record
	for len(out) > 0 {
		var r record
		if r, out, err = parseKcat(out); err != nil {
			return nil, fmt.Errorf("record %d: %w", len(records), err)
		}
		records = append(records, r)
	}
	return records, nil
}

func parseKcat(out []byte) (r record, rest []byte, err error) {
	head, rest, _ := bytes.Cut(out, []byte("\n"))
	fields := strings.SplitN(string(head), " ", 5)
	if len(fields) != 5 {
		return r, nil, fmt.Errorf("%.80q is no head", head)
	}
	var numbers [4]int64
	for i := range numbers {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return r, nil, err
		}
	}
	r.Offset, r.TS = numbers[0], numbers[1]
	if fields[4] != "" {
		for _, h := range strings.Split(fields[4], ",") {
			name, value, _ := strings.Cut(h, "=")
			r.Headers = append(r.Headers, header{name, []byte(value)})
		}
	}
	if int64(len(rest)) < max(0, numbers[2])+max(0, numbers[3])+1 {
		return r, nil, fmt.Errorf("cut off after %.80q", head)
	}
	r.Key, rest = cut(rest, numbers[2])
	r.Value, rest = cut(rest, numbers[3])
	return r, rest[1:], nil
}

// cut takes a field of size bytes; a negative size is null.
func cut(b []byte, size int64) (field, rest []byte) {
	if size < 0 {
		return nil, b
	}
	return b[:size:size], b[size:]
}
