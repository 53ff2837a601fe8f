package golden_test

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/zapcw/internal/engine"
)

// A report collects what is not as wanted.
type report struct{ problems []string }

func (r *report) errorf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *report) equal(what string, got, want any) {
	if g, w := fmt.Sprintf("%+q", got), fmt.Sprintf("%+q", want); g != w {
		r.errorf("%s\n got %.3000s\nwant %.3000s", what, g, w)
	}
}

// A got is what was seen.
type got struct {
	*report
	stdout, stderr []string
	fallback       string
	batches        [][]event
	left           []string
	refused        int
	unseen         bool // what is missing may be what the service said that it has
}

// compare checks what was seen. With loose, what was sent together and what
// became of it is open, so long as all is there once, and in order.
func (g *got) compare(w want, loose bool) {
	g.equal("stdout", g.stdout, w.stdout)
	g.equal("stderr", g.stderr, w.stderr)
	if g.refused != w.refused {
		g.errorf("%d calls at a level that is none, want %d", g.refused, w.refused)
	}
	if loose {
		g.compareLoosely(w)
		return
	}
	batches := g.batches
	gone := slices.Clone(w.rejected)
	for _, f := range w.flushes {
		switch {
		case f.fate == lost:
			gone = append(gone, texts(f.events)...)
		case f.fate == accepted:
		case f.cut:
			whole, n := strings.Join(texts(f.events), ""), 0
			var parts string
			for ; n < len(batches) && len(parts) < len(whole); n++ {
				parts += strings.Join(texts(batches[n]), "")
			}
			g.equal("text of a batch that is cut", parts, whole)
			batches = batches[n:]
		case len(batches) == 0:
			g.errorf("batch is missing: %+q", f.events)
		default:
			g.equal("batch", batches[0], f.events)
			batches = batches[1:]
		}
	}
	for _, b := range batches {
		g.errorf("batch too much: %+q", b)
	}
	g.equal("left in the buffer", g.left, w.left)
	if rest := g.without(gone); rest != "" {
		g.errorf("in the fallback beside what is lost: %.300q", rest)
	}
}

func (g *got) compareLoosely(w want) {
	there := slices.Concat(g.batches...)
	slices.SortStableFunc(there, byTime) // as the service does
	var gone []string
	for _, f := range w.flushes {
		for _, e := range f.events {
			switch {
			case len(there) > 0 && there[0].text == e.text:
				there = there[1:]
			case f.fate == delivered:
				g.errorf("not delivered, or not in order: %+q; then comes %+q", e, there)
			default:
				gone = append(gone, e.text)
			}
		}
	}
	for _, text := range w.left {
		if len(there) > 0 && there[0].text == text {
			there = there[1:]
		} else {
			gone = append(gone, text)
		}
	}
	if len(there) > 0 {
		g.errorf("too much: %+q", there)
	}
	if rest := g.without(gone); rest != "" {
		g.errorf("in the fallback beside what is lost: %.300q", rest)
	}
}

// without takes texts out of the fallback, and gives what is left.
func (g *got) without(gone []string) string {
	fallback := g.fallback
	for _, text := range gone {
		for _, part := range parts(text) {
			if !g.drop(part) && !g.unseen {
				g.errorf("not in the fallback: %.300q\nfallback: %.3000s", part, fallback)
			}
		}
	}
	return strings.Join(g.others(), "\n")
}

// drop takes an event out of the fallback.
func (g *got) drop(text string) bool {
	before, after, ok := strings.Cut("\n"+g.fallback, "\n"+string(engine.AppendMarked(nil, []byte(text)))+"\n")
	if ok {
		g.fallback = strings.TrimPrefix(before+"\n"+after, "\n")
	}
	return ok
}

// others are the events that are in the fallback, between zapcw's own lines.
func (g *got) others() (all []string) {
	var marked []string
	for _, line := range lines(g.fallback) {
		switch {
		case line == "" || strings.HasPrefix(line, own):
		case strings.HasPrefix(line, "\t") && len(marked) > 0:
			marked[len(marked)-1] += "\n" + line
		default:
			marked = append(marked, line)
		}
	}
	for _, event := range marked {
		all = append(all, string(engine.Unmark([]byte(event))))
	}
	return all
}

// parts are what is made of a text that is too long for one event.
func parts(text string) (all []string) {
	for len(text) > limit-overhead {
		n := limit - overhead
		for !utf8.RuneStart(text[n]) {
			n--
		}
		all = append(all, text[:n])
		text = text[n:]
	}
	return append(all, text)
}

func texts(evs []event) (all []string) {
	for _, e := range evs {
		all = append(all, e.text)
	}
	return all
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
