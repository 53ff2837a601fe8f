package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/chromedp/chromedp"

	"example.com/zapcw/cwltest"
)

const (
	group  = "/acme/prod"
	stream = "orders"
	// patience bounds a test, not what it looks at.
	patience = 2 * time.Minute
)

// What is made once for all tests, by the first that wants it.
var (
	browser = sync.OnceValues(startBrowser)
	shop    = sync.OnceValues(buildShop)
	atEnd   []func()
)

func TestMain(m *testing.M) {
	status := m.Run()
	for _, f := range atEnd {
		f()
	}
	os.Exit(status)
}

// startBrowser returns a context whose children are tabs.
func startBrowser() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findChromium()),
		chromedp.WindowSize(1200, 640),
		chromedp.Flag("no-sandbox", os.Getuid() == 0), // Chromium has none for root
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WSURLReadTimeout(patience),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	atEnd = append(atEnd, func() {
		_ = chromedp.Cancel(ctx) // waits
		cancel()
		stop()
	})
	return ctx, chromedp.Do(ctx)
}

// findChromium returns the path of a browser, or nothing.
func findChromium() string {
	for _, name := range []string{os.Getenv("ZAPCW_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// buildShop returns the path of examples/unified, built.
func buildShop() (string, error) {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() { os.RemoveAll(dir) })
	bin := filepath.Join(dir, "unified")
	build := exec.Command("go", "build", "-o", bin, "./examples/unified")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return bin, nil
}

// wantBrowser skips the test if there is none, and says how to have one.
func wantBrowser(t *testing.T) {
	t.Helper()
	const how = "no Chromium: install Debian's package chromium, or set ZAPCW_CHROMIUM to its path"
	switch {
	case findChromium() != "":
	case os.Getenv("CI") != "":
		t.Fatal(how)
	default:
		t.Skip(how)
	}
}

// newServer returns a server with a page.
func newServer(t *testing.T) *cwltest.Server {
	t.Helper()
	s := cwltest.NewServer(t)
	s.KeepEvents = -1
	s.CreateStream(group, stream)
	s.URL()
	return s
}

// put stores events, with one millisecond between them.
func put(t *testing.T, s *cwltest.Server, from time.Time, texts ...string) {
	t.Helper()
	const most = 10_000 // events of one put
	for i := 0; i < len(texts); i += most {
		var events []types.InputLogEvent
		for j, text := range texts[i:min(i+most, len(texts))] {
			events = append(events, types.InputLogEvent{Timestamp: aws.Int64(from.UnixMilli() + int64(i+j)), Message: aws.String(text)})
		}
		if _, err := s.Client().PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: aws.String(group), LogStreamName: aws.String(stream), LogEvents: events,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A page is a tab of a browser.
type page struct {
	t   *testing.T
	ctx context.Context
}

// open opens the page of a server at its stream, with a profile of its own. Any exception
// in the page's code, and anything that is loaded from elsewhere, fails the test.
func open(t *testing.T, s *cwltest.Server, more ...chromedp.Action[chromedp.Void]) *page {
	t.Helper()
	wantBrowser(t)
	all, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(all, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	p := &page{t, ctx}
	p.watch(s.URL())
	p.do(more...)
	p.do(chromedp.Navigate(s.URL() + "/#region=us-east-1&group=%2Facme%2Fprod&stream=orders"))
	p.await(`document.querySelector("#title")?.textContent.includes("orders")`)
	return p
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// await returns when an expression of JavaScript is true.
func (p *page) await(js string) {
	p.t.Helper()
	err := chromedp.Do(p.ctx, chromedp.Poll[chromedp.Void](js, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)))
	if err != nil {
		p.t.Fatalf("%v: not true: %s; the page says\n%.2000s", err, js, eval[string](p, "document.body.innerText"))
	}
}

func eval[T any](p *page, js string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js))
	if err != nil {
		p.t.Fatalf("%v: %s", err, js)
	}
	return v
}

// run runs JavaScript for what it does.
func (p *page) run(js string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void]("{ " + js + " }"))
}

// rows are the texts of the rows that are in the document.
func (p *page) rows() []string {
	p.t.Helper()
	return eval[[]string](p, `[...document.querySelectorAll("#rows .row:not(.waiting)")].map((r) => r.innerText.replace(/\s+/g, " "))`)
}

// countIs awaits the count at the top of the page.
func (p *page) countIs(text string) {
	p.t.Helper()
	p.await(fmt.Sprintf(`document.querySelector("#counts").textContent === %q`, text))
}

// openShop has three processes log into the stream until the function that it returns is called.
func openShop(t *testing.T, s *cwltest.Server) (end func()) {
	t.Helper()
	wantBrowser(t)
	bin, err := shop()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-web", "-endpoint", s.URL(), "-group", group, "-stream", stream)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		_ = cmd.Process.Signal(os.Interrupt)
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Errorf("the shop: %v, %s", err, stderr.String())
		}
	}
	t.Cleanup(end)
	return end
}
