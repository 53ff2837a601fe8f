package zapcw

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"go.uber.org/zap"

	"example.com/zapcw/internal/decode"
	"example.com/zapcw/internal/delivery"
)

var _ zap.Sink = (*Syncer)(nil)

// OpenSink opens a [Syncer] by its URL. With
//
//	err := zap.RegisterSink("cloudwatch", zapcw.OpenSink)
//
// the outputPaths of a [zap.Config] may say
//
//	cloudwatch://?group=/acme/prod&stream=orders&max_age=5s
//
// The parameters are fields of the Syncer, with their bounds and defaults:
//
//	group, stream                 needed
//	max_events, concurrency       numbers
//	max_pending, max_event_bytes  numbers of bytes
//	max_age, timeout              durations, like 5s
//	when_full                     spill or block
//	retention                     days
//	compress                      true or false
//
// and for the client, instead of what it finds by itself:
//
//	region, profile, endpoint
//
// An endpoint is a URL, of a local server for example. Values are written as in
// any query: + is a space, %2B a plus and %23 a #. A Fallback other than the
// standard error, a NewGroup and a Client of your own need a Syncer made in Go.
//
// OpenSink reads no environment and uses no network. The client is made by the
// SDK's default chain when the first events are due; if that fails, it is tried
// again with every put. Errors are about the URL: a parameter that is unknown,
// missing, repeated, empty or out of bounds, or something else than parameters.
//
// zap hands lines to a sink, not entries. [NewCore] has none of these limits:
//
//   - Events have the time of the Write. All count as Info, so no memory is kept
//     free for errors.
//   - A line has no level, so nothing can be held back, see [Hold]: a parameter
//     hold is an error that says so.
//   - [Flush] has no effect, and package cwlambda does not find the Syncer: it
//     calls Sync, which spills after Timeout.
//   - Entries above ErrorLevel are flushed too, but zap drops the error.
//   - All outputs share one lock. Sync holds it while it waits for the network, and
//     logging calls wait for it meanwhile.
//
// zap never closes the sinks of a Config. The Logger's Sync flushes, as Close does.
func OpenSink(u *url.URL) (zap.Sink, error) {
	example := u.Scheme + "://?group=/acme/prod&stream=orders"
	switch path := u.Opaque + u.Path; {
	case u.User != nil:
		return nil, fmt.Errorf("user %q: want parameters alone, like %s", u.User.Username(), example)
	case u.Host != "":
		return nil, fmt.Errorf("host %q: want parameters alone, like %s", u.Host, example)
	case path != "":
		return nil, fmt.Errorf("path %q: want parameters alone, like %s", path, example)
	case u.Fragment != "":
		return nil, fmt.Errorf("fragment %q: want %%23 for a # in a parameter", u.Fragment)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("parameters %q: %w: want %%25 for a %% and %%3B for a ;", u.RawQuery, err)
	}

	from := new(origin)
	s := &Syncer{Client: &delivery.LazyClient{New: from.client}}
	parameters := map[string]func(string) error{
		"compress":        readBool(&s.Compress),
		"concurrency":     readNumber(&s.Concurrency),
		"endpoint":        readEndpoint(&from.endpoint),
		"group":           readText(&s.Group),
		"max_age":         readDuration(&s.MaxAge),
		"max_event_bytes": readNumber(&s.MaxEventBytes),
		"max_events":      readNumber(&s.MaxEvents),
		"max_pending":     readNumber(&s.MaxPending),
		"profile":         readText(&from.profile),
		"region":          readText(&from.region),
		"retention":       readNumber(&s.Retention),
		"stream":          readText(&s.Stream),
		"timeout":         readDuration(&s.Timeout),
		"when_full":       readOverflow(&s.WhenFull),
	}
	if err := readParameters(query, parameters, example); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// readParameters has each parameter of a query read by its name.
func readParameters(query url.Values, parameters map[string]func(string) error, example string) error {
	known := strings.Join(slices.Sorted(maps.Keys(parameters)), ", ")
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values, read := query[name], parameters[name]
		switch {
		case name == "hold":
			return fmt.Errorf("hold: a sink gets lines without levels, so it cannot tell what to hold back: want Hold around NewCore, or hold in a Config")
		case read == nil:
			return fmt.Errorf("unknown parameter %q: known are %s", name, known)
		case len(values) > 1:
			return fmt.Errorf("%s: given %d times: want it once", name, len(values))
		case values[0] == "" && (name == "group" || name == "stream"):
			return fmt.Errorf("%s: empty: want a name", name)
		case values[0] == "":
			return fmt.Errorf("%s: empty: want a value, or no such parameter for the default", name)
		}
		if err := read(values[0]); err != nil {
			return decode.At(name, err)
		}
	}
	for _, name := range []string{"group", "stream"} {
		if !query.Has(name) {
			return fmt.Errorf("no parameter %q: want one, like %s; known are %s", name, example, known)
		}
	}
	return nil
}

func readText(to *string) func(string) error {
	return func(v string) error {
		*to = v
		return nil
	}
}

func readNumber[T int | int32](to *T) func(string) error {
	return func(v string) error {
		bits := reflect.TypeFor[T]().Bits()
		n, err := strconv.ParseInt(v, 10, bits)
		if errors.Is(err, strconv.ErrRange) {
			return decode.Wrong(fmt.Sprintf("%d at most", uint64(1)<<(bits-1)-1), v)
		}
		if err != nil {
			return decode.Wrong("a whole number", v)
		}
		*to = T(n)
		return nil
	}
}

func readDuration(to *time.Duration) func(string) error {
	return func(v string) (err error) {
		if *to, err = time.ParseDuration(v); err != nil {
			return decode.Wrong("a duration like 5s", v)
		}
		return nil
	}
}

func readBool(to *bool) func(string) error {
	return func(v string) error {
		if v != "true" && v != "false" {
			return decode.Wrong("true or false", v)
		}
		*to = v == "true"
		return nil
	}
}

func readOverflow(to *Overflow) func(string) error {
	return func(v string) error {
		switch v {
		case "spill":
			*to = Spill
		case "block":
			*to = Block
		default:
			return decode.Wrong("spill or block", v)
		}
		return nil
	}
}

func readEndpoint(to *string) func(string) error {
	return func(v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return decode.Wrong("a URL like http://127.0.0.1:4586", v)
		}
		*to = v
		return nil
	}
}

// origin is where a client comes from: the SDK's default chain, but for what is
// set here.
type origin struct{ region, profile, endpoint string }

// client looks at the environment and the files of AWS.
func (o *origin) client(ctx context.Context) (*cloudwatchlogs.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.region), config.WithSharedConfigProfile(o.profile))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	return cloudwatchlogs.NewFromConfig(cfg, func(opts *cloudwatchlogs.Options) {
		// Not by config: there the environment would have the last word.
		if o.endpoint != "" {
			opts.BaseEndpoint = &o.endpoint
		}
	}), nil
}
