package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/thalweg-io/thalweg/e2e/messages"
	"github.com/thalweg-io/thalweg/e2e/trial"
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
	dir, err := os.MkdirTemp("", "messages")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, err := trial.Build(ctx, dir)
	if err != nil {
		return err
	}
	p.addf("Valid messages are all answered, in order; after a damaged one the broker goes on, which a request behind it shows, closes the connection, or waits, as the message asks it to. Peak is the resident memory of the process, of at most %d MiB; goroutines and files are those before, and after the topics were deleted. Damaged messages that happen to be valid requests for more than %d partitions are not sent.\n\n", messageMemory>>20, messages.MostPartitions)
	p.addf("| API | valid | answered | damaged | went on | closed | waited | peak MiB | goroutines | files | seconds | finding |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n")
	var failed []error
	var total messages.Counts
	begin := time.Now()
	apis, err := servedAPIs(bin, dir)
	if err != nil {
		return err
	}
	for len(apis) > 0 && ctx.Err() == nil {
		n := 1
		for n < len(apis) && apis[n].Key == apis[0].Key {
			n++
		}
		if only.MatchString(kmsg.NameForKey(apis[0].Key)) {
			c, err := oneAPI(ctx, o, p, bin, dir, apis[:n])
			total = sum(total, c)
			if err != nil {
				fmt.Println(err)
				failed = append(failed, err)
			}
		}
		apis = apis[n:]
	}
	seconds := time.Since(begin).Seconds()
	p.addf("\n%d valid messages, %d answered; %d damaged ones; %.0f messages a second, with everything around them.\n", total.Valid, total.Answered, total.Damaged,
		float64(total.Valid+total.Damaged+total.Sentinels)/seconds)
	return errors.Join(failed...)
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
func oneAPI(ctx context.Context, o *options, p *page, bin, dir string, apis []messages.API) (total messages.Counts, err error) {
	data, err := os.MkdirTemp(dir, "data")
	if err != nil {
		return total, err
	}
	defer os.RemoveAll(data)
	n, err := messages.StartNode(bin, data)
	if err != nil {
		return total, err
	}
	defer func() {
		if end := n.End(); end != nil {
			err = errors.Join(err, fmt.Errorf("%v: %w", apis[0], end))
		}
	}()
	if err := n.Warm(ctx); err != nil {
		return total, err
	}
	before, err := n.Figures()
	if err != nil {
		return total, err
	}
	for _, a := range apis {
		begin := time.Now()
		c, after, found := oneVersion(ctx, o, n, a, before)
		total = sum(total, c)
		finding := "none"
		if found != nil {
			err = errors.Join(err, found)
			finding = firstLine(found.Error())
		}
		p.addf("| %v | %d | %d | %d | %d | %d | %d | %d | %d, %d | %d, %d | %.0f | %s |\n", a, c.Valid, c.Answered, c.Damaged, c.Sentinels, c.Closed, c.Held,
			n.Peak()>>20, before.Goroutines, after.Goroutines, before.Files, after.Files, time.Since(begin).Seconds(), finding)
		fmt.Printf("%v: %+v, %.0f s, %s\n", a, c, time.Since(begin).Seconds(), finding)
		if !n.Running() {
			break
		}
	}
	if n.Peak() > messageMemory {
		err = errors.Join(err, fmt.Errorf("%s: %d MiB resident", kmsg.NameForKey(apis[0].Key), n.Peak()>>20))
	}
	return total, err
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
