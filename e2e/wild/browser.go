package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

//go:embed browser/search.html
var searchPage []byte

// tracked is what the page posts when its button is pressed.
const tracked = `{"action":"search","query":"kafka"}`

const trackingTopic = "user-actions"

// browserTracking is a web page that tells what its visitors do.
func browserTracking() []program {
	return []program{{
		name: "browser-tracking", version: "Chromium", asks: []string{"chromium", "--version"}, needs: []string{"chromium", "chromedriver"},
		what: "a page whose search button posts JSON to an endpoint, which writes the body to a topic", run: track,
	}}
}

// track presses the button in a browser and looks for the bytes in the topic.
func track(ctx context.Context, s *scene) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.servers), kgo.DefaultProduceTopic(trackingTopic), kgo.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	defer cl.Close()
	site := httptest.NewServer(trackingSite(cl))
	defer site.Close()
	b, err := openBrowser(ctx, s.tmp)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.press(ctx, site.URL, "#searchButton"); err != nil {
		return err
	}
	if err := b.shows(ctx, "#answer", "204"); err != nil {
		return err
	}
	read, err := s.records(ctx, trackingTopic, count(1))
	if err != nil {
		return err
	}
	if len(read) != 1 || string(read[0].Value) != tracked {
		return fmt.Errorf("%d records, the first %q, want %q", len(read), read[0].Value, tracked)
	}
	return nil
}

// trackingSite serves the page and writes what is posted to its endpoint, as it comes, to the client's topic.
func trackingSite(cl *kgo.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(searchPage) })
	mux.HandleFunc("POST /api/track", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = cl.ProduceSync(r.Context(), &kgo.Record{Value: body}).FirstErr()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// browser is a session of a browser, driven by WebDriver (a W3C standard: JSON over HTTP).
type browser struct {
	driver  *process
	session string // its address
}

// driverLine is where chromedriver, told to take a free port, says which.
var driverLine = regexp.MustCompile(`started successfully on port (\d+)`)

// openBrowser starts a browser with an empty profile in a directory.
func openBrowser(ctx context.Context, dir string) (*browser, error) {
	binary, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	driver, err := launch(ctx, dir, nil, "chromedriver", "--port=0")
	if err != nil {
		return nil, err
	}
	b := &browser{driver: driver}
	var port string
	err = driver.prints(ctx, func(line string) bool {
		m := driverLine.FindStringSubmatch(line)
		if m != nil {
			port = m[1]
		}
		return m != nil
	})
	if err != nil {
		b.close()
		return nil, err
	}
	base := "http://127.0.0.1:" + port
	var session struct{ SessionID string }
	err = call(ctx, "POST", base+"/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome", "goog:chromeOptions": map[string]any{"binary": binary, "args": []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + filepath.Join(dir, "profile"),
		}},
	}}}, &session)
	b.session = base + "/session/" + session.SessionID
	if err != nil {
		b.session = ""
		b.close()
		return nil, fmt.Errorf("%w; %s", err, driver.ended())
	}
	return b, nil
}

// close ends the browser and its driver.
func (b *browser) close() {
	if b.session != "" {
		ctx, cancel := context.WithTimeout(context.Background(), endsWithin)
		defer cancel()
		_ = call(ctx, "DELETE", b.session, nil, nil) // the driver ends it otherwise
	}
	b.driver.end()
}

// press opens a page and clicks on an element.
func (b *browser) press(ctx context.Context, url, selector string) error {
	if err := call(ctx, "POST", b.session+"/url", map[string]string{"url": url}, nil); err != nil {
		return err
	}
	at, err := b.element(ctx, selector)
	if err != nil {
		return err
	}
	return call(ctx, "POST", at+"/click", struct{}{}, nil)
}

// shows waits until an element has a text.
func (b *browser) shows(ctx context.Context, selector, want string) error {
	at, err := b.element(ctx, selector)
	if err != nil {
		return err
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		var text string
		if err := call(ctx, "GET", at+"/text", nil, &text); err != nil || text == want {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s shows %q: %w", selector, text, ctx.Err())
		}
	}
}

// element is the address of an element.
func (b *browser) element(ctx context.Context, selector string) (string, error) {
	var id map[string]string // its only key is a constant of the standard
	if err := call(ctx, "POST", b.session+"/element", map[string]string{"using": "css selector", "value": selector}, &id); err != nil {
		return "", err
	}
	for _, v := range id {
		return b.session + "/element/" + v, nil
	}
	return "", errors.New("no element " + selector)
}

// call is one command of WebDriver; answer may be nil.
func call(ctx context.Context, method, url string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.500s", method, url, resp.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, &struct{ Value any }{answer})
}
