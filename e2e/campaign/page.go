package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// page is what is written about a campaign.
type page struct {
	campaign campaign
	begin    time.Time
	head     []string
	body     strings.Builder
}

func newPage(ctx context.Context, c campaign, o *options) *page {
	p := &page{campaign: c, begin: time.Now()}
	p.head = append(p.head, "commit: "+commit(ctx), "command: `"+o.text+"`",
		fmt.Sprintf("machine: %s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()))
	return p
}

// commit names what is checked out, and says if the tree differs from it.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if out, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", ".", ":!docs/campaigns").Output(); err == nil && len(out) > 0 {
		name += " with changes that are not committed"
	}
	return name
}

func (p *page) addf(format string, args ...any) { fmt.Fprintf(&p.body, format, args...) }

// name is the file that a page goes to.
func (p *page) name(dir string) string { return filepath.Join(dir, p.campaign.name+".md") }

// write writes the page as a whole.
func (p *page) write(dir string, failed error) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Campaign %s\n\n%s\n\n", p.campaign.name, p.campaign.purpose)
	verdict := "passed"
	if failed != nil {
		verdict = "FAILED: " + failed.Error()
	}
	p.head = append(p.head, fmt.Sprintf("begun: %s, took %s", p.begin.UTC().Format(time.DateTime+" UTC"), time.Since(p.begin).Round(time.Second)), "outcome: **"+verdict+"**")
	for _, line := range p.head {
		b.WriteString("- " + line + "\n")
	}
	b.WriteString("\n" + p.body.String())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(p.name(dir), []byte(b.String()), 0o644)
}
