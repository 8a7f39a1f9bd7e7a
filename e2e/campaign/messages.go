package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/e2e/messages"
)

const (
	// messageMemory is the budget of the process: queued.max.request.bytes (256 MiB by default) and what a
	// broker takes without any request.
	messageMemory = 384 << 20
	// messageTopics exist when the messages of a version begin.
	messageTopics = 6
	// messageConns send at a time.
	messageConns = 12
	// settleWithin is how long connections and what they have left may take to go.
	settleWithin = 30 * time.Second
)

// messageTable sends o.n valid and as many damaged messages of every API and version through a broker, a
// new one for every API.
func messageTable(ctx context.Context, o *options, p *page) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	dir, bin, err := setup(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p.addf("Valid messages are all answered, in order; after a damaged one the broker goes on, which a request behind it shows, closes the connection, or waits, as the message asks it to. Peak is the resident memory of the process, of at most %d MiB; goroutines and files are those before, and after the topics were deleted. Damaged messages that happen to be valid requests for more than %d partitions are not sent.\n\n", messageMemory>>20, messages.MostPartitions)
	begin := time.Now()
	served, err := servedAPIs(bin, dir)
	apis := served
	if err != nil {
		return err
	}
	var total messages.Counts
	var failed []error
	var parts []*apiPart
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(o.jobs, 1))
	for len(apis) > 0 && ctx.Err() == nil {
		n := 1
		for n < len(apis) && apis[n].Key == apis[0].Key {
			n++
		}
		if only.MatchString(kmsg.NameForKey(apis[0].Key)) {
			part := &apiPart{apis: apis[:n]}
			parts = append(parts, part)
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				part.rows, part.counts, part.err = oneAPI(ctx, o, bin, dir, part.apis)
			})
		}
		apis = apis[n:]
	}
	wg.Wait()
	rows := earlierMessages(p.name(o.out))
	for _, part := range parts {
		maps.Copy(rows, part.rows)
		total = sum(total, part.counts)
		if part.err != nil {
			fmt.Println(part.err)
			failed = append(failed, part.err)
		}
	}
	seconds := time.Since(begin).Seconds()
	p.addf("This run: %d valid messages, %d answered; %d damaged ones; %.0f messages a second, with everything around them.\n\n", total.Valid, total.Answered, total.Damaged,
		float64(total.Valid+total.Damaged+total.Sentinels)/seconds)
	return errors.Join(append(failed, addMessageRows(p, served, rows))...)
}

// apiPart is one API's part of the campaign; the parts run at the same time, each with a broker of its own.
type apiPart struct {
	apis   []messages.API
	rows   map[string]string // lines of the page by API and version
	counts messages.Counts
	err    error
}

const messageHead = "| API | commit | valid | answered | damaged | went on | closed | waited | peak MiB | goroutines | files | seconds | finding |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n"

// earlierMessages are the rows of the page as it is: those of APIs that do not run now stay.
func earlierMessages(name string) map[string]string {
	rows := map[string]string{}
	text, err := os.ReadFile(name)
	if err != nil { // the first page
		return rows
	}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 13 && messageName.MatchString(cells[0]) {
			rows[strings.TrimPrefix(cells[0], "| ")] = line
		}
	}
	return rows
}

var messageName = regexp.MustCompile(`^\| \w+ v\d+$`)

// addMessageRows writes the table of all APIs that are served, with the last run of each; an error names those with a finding.
func addMessageRows(p *page, served []messages.API, rows map[string]string) error {
	var never, found []string
	var sums [3]int
	p.addf("Each row is the last run of its API and version.\n\n%s", messageHead)
	for _, a := range served {
		line, ok := rows[a.String()]
		if !ok {
			never = append(never, a.String())
			continue
		}
		p.addf("%s", line)
		cells := strings.Split(strings.TrimSuffix(line, " |\n"), " | ")
		for i := range sums {
			n, _ := strconv.Atoi(cells[2+i]) // what is no number counts for nothing
			sums[i] += n
		}
		if cells[12] != noFinding {
			found = append(found, a.String())
		}
	}
	p.addf("\n%d APIs and versions, %d of them run: %d valid messages, %d answered, %d damaged ones.\n", len(served), len(served)-len(never), sums[0], sums[1], sums[2])
	if len(never) > 0 {
		p.addf("\nNot yet run: %s.\n", strings.Join(never, ", "))
	}
	if len(found) > 0 {
		return fmt.Errorf("findings in %q", found)
	}
	return nil
}

func servedAPIs(bin, dir string) ([]messages.API, error) {
	data, err := os.MkdirTemp(dir, "data")
	if err != nil {
		return nil, err
	}
	n, err := messages.StartNode(bin, data)
	if err != nil {
		return nil, err
	}
	all, err := messages.Served(n.Addr())
	return all, errors.Join(err, n.End())
}

// oneAPI sends the messages of all versions of one API through one broker.
func oneAPI(ctx context.Context, o *options, bin, dir string, apis []messages.API) (rows map[string]string, total messages.Counts, err error) {
	rows = map[string]string{}
	data, err := os.MkdirTemp(dir, "data")
	if err != nil {
		return rows, total, err
	}
	defer os.RemoveAll(data)
	n, err := messages.StartNode(bin, data)
	if err != nil {
		return rows, total, err
	}
	defer func() {
		if end := n.End(); end != nil {
			err = errors.Join(err, fmt.Errorf("%v: %w", apis[0], end))
		}
	}()
	if err := n.Warm(ctx); err != nil {
		return rows, total, err
	}
	before, err := n.Figures()
	if err != nil {
		return rows, total, err
	}
	for _, a := range apis {
		begin := time.Now()
		c, after, found := oneVersion(ctx, o, n, a, before)
		total = sum(total, c)
		finding := noFinding
		if found != nil {
			err = errors.Join(err, found)
			finding = strings.ReplaceAll(firstLine(found.Error()), "|", "/")
		}
		rows[a.String()] = fmt.Sprintf("| %v | %s | %d | %d | %d | %d | %d | %d | %d | %d, %d | %d, %d | %.0f | %s |\n", a, commit(ctx), c.Valid, c.Answered, c.Damaged, c.Sentinels, c.Closed, c.Held,
			n.Peak()>>20, before.Goroutines, after.Goroutines, before.Files, after.Files, time.Since(begin).Seconds(), finding)
		fmt.Printf("%v: %+v, %.0f s, %s\n", a, c, time.Since(begin).Seconds(), finding)
		if !n.Running() {
			break
		}
	}
	if n.Peak() > messageMemory {
		err = errors.Join(err, fmt.Errorf("%s: %d MiB resident", kmsg.NameForKey(apis[0].Key), n.Peak()>>20))
	}
	return rows, total, err
}

// oneVersion sends the messages of one version, and waits until the broker is as before.
func oneVersion(ctx context.Context, o *options, n *messages.Node, a messages.API, before messages.Figures) (c messages.Counts, after messages.Figures, err error) {
	const part = 1000 // topics that messages have made go after so many
	for sent := uint64(0); sent < o.n && err == nil; sent += part {
		ids, terr := n.Topics(ctx, messageTopics)
		if terr != nil {
			return c, after, fmt.Errorf("%v: topics: %w", a, terr)
		}
		var d messages.Counts
		d, err = messages.Run(ctx, messages.Options{Addr: n.Addr(), API: a, N: int(min(part, o.n-sent)), Conns: messageConns, Seed: o.from + sent + uint64(a.Key)<<32 + uint64(a.Version)<<24, IDs: ids})
		c = sum(c, d)
	}
	after, serr := n.Settled(ctx, before, settleWithin)
	if serr != nil {
		err = errors.Join(err, fmt.Errorf("%v: not as before: %w", a, serr))
	}
	return c, after, err
}

func sum(a, b messages.Counts) messages.Counts {
	return messages.Counts{
		Valid: a.Valid + b.Valid, Answered: a.Answered + b.Answered, Damaged: a.Damaged + b.Damaged,
		Closed: a.Closed + b.Closed, Held: a.Held + b.Held, Sentinels: a.Sentinels + b.Sentinels,
	}
}
