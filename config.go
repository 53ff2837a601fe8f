package zapcw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/decode"
)

// Config describes a logger, so that a program can leave to its configuration
// where its entries go. Fill it in Go or from JSON, YAML or a map, in one of
// these shapes:
//
//	"cloud-watch"
//	{"class": "cloud-watch", "level": "debug", "cloud-watch": {"group": "/acme/prod", "stream": "orders"}}
//	{"logging": {"class": …}}
//
// A text replaces what is set already, so fields set in Go are its defaults; if it
// has an error they stay as they are. A null is skipped, except for the group,
// where it means no group. The class may itself have one of these shapes, which
// then wins. The keys beside "logging" are ignored. An unknown key is an error that
// lists the known ones.
//
// A format that is set nowhere is #mini if any text was a map, and #standard
// otherwise.
//
// The zero value is a logger that logs nothing.
type Config struct {
	// Class selects where entries go. The names come from the Python class that
	// zapcw replaces, and upper and lower case matter:
	//
	//	cloud-watch       to the stream
	//	#print            to standard output, the message alone
	//	#standard-logger  to standard error, as "[LEVEL] message"
	//	#null             nowhere; the empty string is the same
	Class string
	// Level is the lowest level that is logged, in words of [ParseLevel]; empty
	// is info. At exactly debug, cloud-watch also prints what it sends on
	// standard output, see [Tee]. In a text it may be a number too, as Python
	// counts levels: 10 is debug, 20 info, 30 warning, 40 error, 50 critical,
	// and one between two of these means the higher; less than 10 is notset.
	Level string
	// CloudWatch is used by class cloud-watch only. In a text it is the key
	// "cloud-watch".
	CloudWatch Destination
}

// Destination is a log stream and the format of its events.
type Destination struct {
	// Group is the log group. Without one, cloud-watch does what #print does.
	Group string
	// Stream is the log stream. It is needed if there is a group.
	Stream string
	// Function is what {func} stands for, see [NewPrefixEncoder].
	Function string
	// Format is what stands before the message. It is read by [ParsePrefix]; in a
	// map it may be a Prefix too. A nil Format is [StandardPrefix].
	Format Prefix
	// Hold, if not nil, keeps back entries below the level. In a text it is the
	// MaxBytes, as a number or like 64KiB or 1MiB, at most 1 GiB; 0 is no Hold.
	Hold *Hold
}

var _ json.Unmarshaler = (*Config)(nil)

const (
	classCloudWatch = "cloud-watch"
	classNull       = "#null"
	classPrint      = "#print"
	classStandard   = "#standard-logger"
)

var classes = []string{classNull, classPrint, classStandard, classCloudWatch}

// Build makes the logger. It does not use the network: a missing permission or an
// unknown name shows when entries are sent, see [Syncer]. Errors are about a class,
// a level or a stream that is missing or unknown, and about a group without a class.
//
// If client is nil, class cloud-watch makes one with the SDK's default chain, which
// looks at the environment and the files of AWS; ctx is used only for that. Callers
// are recorded if the format can name them; opts come last, so they can undo it. The
// logger's Sync flushes, see [Syncer.Sync].
func (c Config) Build(ctx context.Context, client Client, opts ...zap.Option) (*zap.Logger, error) {
	level, err := ParseLevel(c.Level)
	if err != nil {
		return nil, err
	}
	core := zapcore.NewNopCore()
	switch to := c.CloudWatch; c.Class {
	case classNull:
	case "":
		if to.Group != "" || to.Stream != "" {
			return nil, fmt.Errorf("no class for group %q, stream %q: want %q to log there, %q to log nothing",
				to.Group, to.Stream, classCloudWatch, classNull)
		}
	case classPrint:
		core = printer("", nil, Stdout(), level)
	case classStandard:
		stderr := zapcore.Lock(console(func() *os.File { return os.Stderr }))
		core = printer("", bracketed, stderr, level)
	case classCloudWatch:
		if core, err = to.core(ctx, client, level); err != nil {
			return nil, err
		}
		if to.Group != "" && namesCaller(to.Format) {
			opts = append([]zap.Option{zap.AddCaller()}, opts...)
		}
	default:
		return nil, unknownClass(c.Class)
	}
	return zap.New(core, opts...), nil
}

// Decode reads a decoded JSON or YAML text: a string, or a map with strings for
// keys, which holds strings, numbers, maps and nil. See [Config] for the shapes.
// After an error the Config is unchanged.
func (c *Config) Decode(v any) error {
	next := *c
	if err := next.decode("", v, 0); err != nil {
		return err
	}
	*c = next
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler] by Decode.
func (c *Config) UnmarshalJSON(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	return c.Decode(v)
}

// UnmarshalYAML implements, by Decode, what gopkg.in/yaml.v2, go.yaml.in/yaml/v3
// and their relatives look for, without the need to import one of them.
func (c *Config) UnmarshalYAML(unmarshal func(any) error) error {
	var v any
	if err := unmarshal(&v); err != nil {
		return err
	}
	return c.Decode(v)
}

// maxDepth bounds classes within classes: a map in Go can hold itself.
const maxDepth = 8

// decode reads one shape; path leads to it.
func (c *Config) decode(path string, v any, depth int) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v != "" && !slices.Contains(classes, v) {
			return decode.At(strings.TrimSuffix(strings.TrimSuffix(path, "class"), "."), unknownClass(v))
		}
		c.Class = v
		return nil
	}
	if depth == maxDepth {
		return decode.At(path, fmt.Errorf("classes within classes: want %d at most", maxDepth))
	}
	m, err := decode.Map(path, "a class or a map", v, "class", "cloud-watch", "level", "logging")
	if err != nil {
		return err
	}
	_, long := m["logging"]
	if _, short := m["class"]; !short && !long && c.Class == "" && len(m) > 0 {
		return decode.At(path, errors.New(`neither "class" nor "logging": want one of them`))
	}
	if inner := m["logging"]; inner != nil {
		path = decode.Join(path, "logging")
		if m, err = decode.Map(path, "a map", inner, "class", "cloud-watch", "level"); err != nil {
			return err
		}
	}
	if c.Level, err = readLevel(path, m["level"], c.Level); err != nil {
		return err
	}
	if err := c.CloudWatch.decode(decode.Join(path, "cloud-watch"), m["cloud-watch"]); err != nil {
		return err
	}
	if c.CloudWatch.Format == nil {
		c.CloudWatch.Format = MiniPrefix
	}
	return c.decode(decode.Join(path, "class"), m["class"], depth+1)
}

func (d *Destination) decode(path string, v any) error {
	if v == nil {
		return nil
	}
	m, err := decode.Map(path, "a map", v, "format", "function", "group", "hold", "stream")
	if err != nil {
		return err
	}
	if group, ok := m["group"]; ok && group == nil {
		d.Group = ""
	}
	for _, f := range []struct {
		key string
		to  *string
	}{{"function", &d.Function}, {"group", &d.Group}, {"stream", &d.Stream}} {
		switch v := m[f.key].(type) {
		case nil:
		case string:
			*f.to = v
		default:
			return decode.At(decode.Join(path, f.key), decode.Wrong("a string", v))
		}
	}
	if d.Hold, err = readHold(decode.Join(path, "hold"), m["hold"], d.Hold); err != nil {
		return err
	}
	switch v := m["format"].(type) {
	case nil:
	case string:
		if d.Format, err = ParsePrefix(v); err != nil {
			return decode.At(decode.Join(path, "format"), err)
		}
	case Prefix:
		d.Format = v
	default:
		return decode.At(decode.Join(path, "format"), decode.Wrong("a label, a template or a Prefix", v))
	}
	return nil
}

// core is that of class cloud-watch.
func (d Destination) core(ctx context.Context, client Client, level zapcore.Level) (zapcore.Core, error) {
	if d.Group == "" {
		return printer("", nil, Stdout(), level), nil
	}
	if d.Stream == "" {
		return nil, fmt.Errorf("no stream for group %q: want the name of a log stream", d.Group)
	}
	if d.Format == nil {
		d.Format = StandardPrefix
	}
	if client == nil {
		sdk, err := new(origin).client(ctx)
		if err != nil {
			return nil, err
		}
		client = sdk
	}
	out := &Syncer{Client: client, Group: d.Group, Stream: d.Stream}
	if err := out.Check(); err != nil {
		return nil, err
	}
	var core zapcore.Core = NewCore(NewPrefixEncoder(d.Function, d.Format, NewEncoderConfig()), out, level)
	if level == zapcore.DebugLevel { // it is fixed, so otherwise there never is an echo
		core = Tee(core, printer(d.Function, d.Format, Stdout(), level))
	}
	if d.Hold != nil {
		core = d.Hold.Wrap(core)
	}
	return core, nil
}

// printer is a core for lines on a console.
func printer(function string, p Prefix, to zapcore.WriteSyncer, level zapcore.Level) zapcore.Core {
	return zapcore.NewCore(NewPrefixEncoder(function, p, NewEncoderConfig()), to, level)
}

// bracketed is the Prefix of #standard-logger.
func bracketed(buf *buffer.Buffer, _ string, ent zapcore.Entry) {
	buf.AppendByte('[')
	appendLevel(buf, ent.Level)
	buf.AppendString("] ")
}

// namesCaller tells whether p may use the caller, which costs as much to find
// as the rest of a logging call. Of a function one cannot know, but three of the
// stock ones do not; they are told by the address of their code.
func namesCaller(p Prefix) bool {
	return !slices.ContainsFunc([]Prefix{ShortPrefix, SimplePrefix, MiniPrefix}, func(without Prefix) bool {
		return reflect.ValueOf(p).Pointer() == reflect.ValueOf(without).Pointer()
	})
}

func unknownClass(name string) error {
	return fmt.Errorf("class %q: unknown: known are %s", name, strings.Join(classes, ", "))
}

// readLevel gives a name that ParseLevel knows.
func readLevel(path string, v any, otherwise string) (string, error) {
	if v == nil {
		return otherwise, nil
	}
	if name, ok := v.(string); ok {
		_, err := ParseLevel(name)
		return name, decode.At(path, err)
	}
	n, ok := decode.Number(v)
	switch {
	case !ok:
		return "", decode.At(decode.Join(path, "level"), decode.Wrong("a name or a number", v))
	case n < 10:
		return "notset", nil
	case n == 10:
		return "debug", nil
	case n <= 20:
		return "info", nil
	case n <= 30:
		return "warning", nil
	case n <= 40:
		return "error", nil
	case n <= 50:
		return "critical", nil
	}
	return "", decode.At(path, fmt.Errorf("level %v: the highest is 50: to log nothing use class %q", n, classNull))
}

// readHold gives the Hold with a MaxBytes from a configuration, and the other
// fields of the one that is set already.
func readHold(path string, v any, otherwise *Hold) (*Hold, error) {
	if v == nil {
		return otherwise, nil
	}
	n, err := decode.Size(path, v, maxHoldBytes)
	if n == 0 {
		return nil, err
	}
	var h Hold
	if otherwise != nil {
		h = *otherwise
	}
	h.MaxBytes = n
	return &h, nil
}
