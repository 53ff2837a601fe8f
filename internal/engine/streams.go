package engine

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
	"example.com/zapcw/internal/streamname"
)

// streams are the log streams that events go to: one, or one for each UTC day. The
// sender takes one for each flight, and releases it when that has landed. What is
// true of the service is true of all of them: the back-off, the time-outs, gzip.
type streams struct {
	service delivery.Service // of all of them; the other rooms ask it, too
	one     delivery.Stream  // of a name without a day
	pattern *pattern         // nil for a name without placeholders
}

// A pattern is a name with placeholders, and the streams of the days that it gave
// names to.
type pattern struct {
	engine *Engine
	text   string
	name   streamname.Pattern
	daily  bool
	ready  bool // the host is known; the sender's

	// With Engine.mu held:
	days     []*day // with flights, and the newest up to today
	quietDay int64  // when small puts wait in the first minute until quietEnd
	quietEnd time.Time
}

// A day is the stream of one day, in days since 1970, and its flights: cut and not
// yet landed.
type day struct {
	delivery.Stream
	date    int64
	flights int
}

// midnightSpread is how long after midnight UTC the first small puts of a fleet go.
// 1,000 processes with a stream each then create 17 a second, of the 50 that an
// account may.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const midnightSpread = time.Minute

func newStreams(e *Engine, o *Options) *streams {
	ss := &streams{service: delivery.Service{
		Client: o.Client, Group: o.Group, Retention: o.Retention, NewGroup: o.NewGroup,
		Compress: o.Compress, Entity: o.Entity, Recorder: &e.ledger,
	}}
	ss.one = delivery.Stream{Service: &ss.service, Name: o.Stream}
	if strings.ContainsAny(o.Stream, "{}") && o.Invalid == nil {
		name, _ := streamname.Parse(o.Stream, false) // without an error: the Options are valid
		ss.pattern = &pattern{engine: e, text: o.Stream, name: name, daily: name.Has(streamname.Date)}
	}
	return ss
}

// name is that of the stream, as it was given: for what is about all of them.
func (ss *streams) name() string {
	if ss.pattern != nil {
		return ss.pattern.text
	}
	return ss.one.Name
}

// path is group and stream, for messages.
func (ss *streams) path() string { return ss.service.Group + "/" + ss.name() }

// daily reports whether batches end at midnight.
func (ss *streams) daily() bool { return ss.pattern != nil && ss.pattern.daily }

// take gives the stream for a flight, by a time of its events.
func (ss *streams) take(ms int64) *delivery.Stream {
	ss.setUp()
	if !ss.daily() {
		return &ss.one
	}
	p := ss.pattern
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	date := batch.Day(ms)
	i := slices.IndexFunc(p.days, func(d *day) bool { return d.date == date })
	if i < 0 {
		i = len(p.days)
		p.days = append(p.days, &day{Stream: delivery.Stream{Service: &ss.service, Name: p.on(date)}, date: date})
	}
	p.days[i].flights++
	s := &p.days[i].Stream
	p.dropLocked()
	return s
}

// release is for a flight that has landed: a day's stream is gone with the last
// of them.
func (ss *streams) release(s *delivery.Stream) {
	if !ss.daily() {
		return
	}
	p := ss.pattern
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	for _, d := range p.days {
		if &d.Stream == s {
			d.flights--
		}
	}
	p.dropLocked()
}

// place is where events from first to last belong, as a notice says it that stands
// in the stream for a third time.
func (ss *streams) place(first, last, notice int64) string {
	if !ss.daily() {
		return "here"
	}
	from, to := batch.Day(first), batch.Day(last)
	switch {
	case from != to:
		return fmt.Sprintf("the streams %s to %s", ss.pattern.on(from), ss.pattern.on(to))
	case from != batch.Day(notice):
		return "stream " + ss.pattern.on(from)
	}
	return "here"
}

// waitLocked is how long small puts wait yet, because the day has just begun. A
// fleet would create all of its new streams within a moment.
func (ss *streams) waitLocked(now time.Time) time.Duration {
	if !ss.daily() {
		return 0
	}
	p := ss.pattern
	ms := now.UnixMilli()
	date := batch.Day(ms)
	midnight := p.midnight(date)
	if now.Sub(midnight) >= midnightSpread || slices.ContainsFunc(p.days, func(d *day) bool { return d.date == date }) {
		return 0
	}
	if p.quietEnd.IsZero() || p.quietDay != date {
		p.quietDay, p.quietEnd = date, midnight.Add(ss.service.Jitter(midnightSpread))
	}
	return max(p.quietEnd.Sub(now), 0)
}

// setUp finds out about the host, before the first flight.
func (ss *streams) setUp() {
	p := ss.pattern
	if p == nil || p.ready {
		return
	}
	p.ready = true
	if p.name.Has(streamname.Host) {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown-host"
			p.engine.tellName(streamname.Host, fmt.Errorf("%w: {host} is %q", err, host))
		}
		p.engine.tellName(streamname.Host, p.name.Set(streamname.Host, host))
	}
	if !p.daily {
		ss.one.Name = p.name.Name(time.Time{})
	}
}

// on is the name of the stream of a day.
func (p *pattern) on(date int64) string { return p.name.Name(p.midnight(date)) }

// midnight is when a day begins.
func (*pattern) midnight(date int64) time.Time { return time.Unix(date*24*60*60, 0) }

// dropLocked forgets the days without flights, but for the newest up to today: most
// likely the next flight is of that, and what it knows of its server spares a call.
func (p *pattern) dropLocked() {
	var newest *day
	today := batch.Day(time.Now().UnixMilli())
	for _, d := range p.days {
		if d.date <= today && (newest == nil || d.date > newest.date) {
			newest = d
		}
	}
	p.days = slices.DeleteFunc(p.days, func(d *day) bool { return d.flights == 0 && d != newest })
}

// tellName tells, once, that a placeholder's value became another.
func (e *Engine) tellName(ph streamname.Placeholder, err error) {
	if err != nil {
		e.fallback.tellAs("name "+ph.String(), fmt.Errorf("stream %s: %w", e.streams.path(), err), "")
	}
}

// TellFunction tells that what was put in the place of {function} is not its value.
func (e *Engine) TellFunction(err error) { e.tellName(streamname.Function, err) }

// smallPutWaitLocked is how long no small put may go, 0 if one may.
func (e *Engine) smallPutWaitLocked(now time.Time) time.Duration {
	return max(e.bucket.waitLocked(now), e.streams.waitLocked(now))
}
