package browser

import (
	"context"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watch fails the test if the page's code throws, or if anything is asked of another
// server than the page's own.
func (p *page) watch(url string) {
	p.t.Helper()
	enable := func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	}
	p.do(chromedp.Func(enable))
	p.onEvent(func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			p.t.Errorf("the page's code: %+v", *ev.ExceptionDetails)
		case *network.EventRequestWillBeSent:
			if u := ev.Request.URL; !strings.HasPrefix(u, url+"/") && !strings.HasPrefix(u, "data:") {
				p.t.Errorf("the page asks for %s", u)
			}
		}
	})
}

func (p *page) onEvent(f func(any)) {
	p.t.Helper()
	if err := chromedp.Listen(p.ctx, f); err != nil {
		p.t.Fatal(err)
	}
}

// An asked counts what the page asks of its server.
type asked struct {
	mu    sync.Mutex
	paths map[network.RequestID]string
	calls int   // of /page/events
	bytes int64 // of the answers
	most  int64 // of one answer
}

// listen counts from now on.
func (p *page) listen() *asked {
	a := &asked{paths: make(map[network.RequestID]string)}
	p.onEvent(func(ev any) {
		a.mu.Lock()
		defer a.mu.Unlock()
		switch ev := ev.(type) {
		case *network.EventRequestWillBeSent:
			if strings.Contains(ev.Request.URL, "/page/events?") {
				a.paths[ev.RequestID] = ev.Request.URL
				a.calls++
			}
		case *network.EventLoadingFinished:
			if _, ok := a.paths[ev.RequestID]; ok {
				a.bytes += int64(ev.EncodedDataLength)
				a.most = max(a.most, int64(ev.EncodedDataLength))
			}
		}
	})
	return a
}

func (a *asked) sum() (calls int, bytes, most int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls, a.bytes, a.most
}
