package browser

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "write the screenshots to docs")

const (
	shotWidth = 1200
	maxShot   = 150_000 // bytes
)

// TestScreenshots takes the pictures that README.md shows: three processes of an
// application in one stream. With -update it writes them; otherwise it looks whether
// those in docs are there, and as large as pictures may be.
func TestScreenshots(t *testing.T) {
	s := newServer(t)
	end := openShop(t, s)
	for len(s.Messages(group, stream)) < 150 {
		time.Sleep(50 * time.Millisecond)
	}
	end()
	for _, shot := range []struct {
		name, scheme string
		height       int
		before       func(*page)
	}{
		{"page-light.png", "light", 640, func(p *page) {}},
		{"page-dark.png", "dark", 400, func(p *page) {
			// One order, through all three processes.
			p.do(chromedp.SendKeys("#search", "A-1013"))
			p.await(`document.querySelector("#counts").textContent.includes(" of ")`)
			p.await(`document.querySelectorAll("#rows mark").length > 4`)
			p.run(`document.activeElement.blur()`)
		}},
	} {
		t.Run(shot.name, func(t *testing.T) {
			p := open(t, s, scheme(shot.scheme), chromedp.EmulateViewport(shotWidth, int64(shot.height)))
			n := len(s.Messages(group, stream))
			p.countIs(fmt.Sprintf("%d events", n))
			p.await(`document.querySelector("#connection").className === "on"`)
			p.await(`document.querySelectorAll("#rows .row:not(.waiting)").length > 10`)
			shot.before(p)
			p.await(`document.getAnimations().every((a) => a.playState !== "running" || a.effect.getTiming().iterations === Infinity)`)
			data, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("..", "..", "docs", shot.name)
			if *update {
				if err := os.WriteFile(file, squeeze(t, data), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			check(t, file, shot.height)
		})
	}
}

func check(t *testing.T, file string, height int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make it with go test -run TestScreenshots -update", err)
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || cfg.Width != shotWidth || cfg.Height != height || len(data) > maxShot {
		t.Errorf("%s has %d bytes and %d × %d pixels, %v; want %d bytes at most, and %d × %d", file, len(data), cfg.Width, cfg.Height, err, maxShot, shotWidth, height)
	}
}

// scheme makes the browser one of somebody who likes light, or dark.
func scheme(value string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
		})
		return err
	})
}
