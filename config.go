package zapcw

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/decode"
)

// Config describes a logger, so that a configuration file can decide where the
// entries of a program go. Fill it in Go or from JSON, YAML or a map, in one of
// these shapes:
//
//	"cloud-watch"
//	{"class": "cloud-watch", "level": "debug", "cloud-watch": {"group": "/acme/prod", "stream": "orders"}}
//	{"logging": {"class": …}}
//
// What is decoded overwrites the fields it names, so fields set in Go are defaults;
// if it has an error, no field changes. A null is skipped, except for the group,
// where it means no group. The value of "class" may itself have one of these
// shapes, and then takes precedence. Keys next to "logging" are ignored. An unknown
// key is an error that lists the known ones.
//
// The default format is #mini if a map was decoded, and #standard otherwise.
//
// The zero value is a logger that logs nothing.
type Config struct {
	// Class selects where entries go. The names come from the Python class that
	// zapcw replaces, and are case-sensitive:
	//
	//	cloud-watch       to the stream
	//	#print            to standard output, the message alone
	//	#standard-logger  to standard error, as "[LEVEL] message"
	//	#null             nowhere; the empty string is the same
	Class string
	// Level is the lowest level that is logged, by a name that [ParseLevel] knows;
	// empty is info. At exactly debug, cloud-watch also prints what it sends to
	// standard output, see [Tee]. In JSON, YAML or a map it may also be one of
	// Python's numbers: 10 is debug, 20 info, 30 warning, 40 error, 50 critical; a
	// number in between means the higher level, and less than 10 is notset.
	Level string
	// CloudWatch is used by class cloud-watch only. Its key in JSON, YAML or a map
	// is "cloud-watch".
	CloudWatch Destination
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
// unknown name only shows when entries are sent, see [Syncer]. It returns an error
// for an unknown class or level, a group without a class or without a stream, and
// for what [Syncer.Check] finds.
//
// If client is nil, class cloud-watch makes one from the SDK's default chain, which
// reads the AWS environment variables and files, and from the Region, Profile and
// Endpoint of the Destination; ctx is used only for that. Options about callers and
// stacks in opts override those of the Destination. The logger's Sync flushes, see
// [Syncer.Sync].
func (c Config) Build(ctx context.Context, client Client, opts ...zap.Option) (*zap.Logger, error) {
	level, err := ParseLevel(c.Level)
	if err != nil {
		return nil, err
	}
	core := zapcore.NewNopCore()
	switch to := &c.CloudWatch; c.Class {
	case classNull:
	case "":
		if to.Group != "" || to.Stream != "" {
			return nil, fmt.Errorf("no class for group %q, stream %q: want %q to log there, %q to log nothing",
				to.Group, to.Stream, classCloudWatch, classNull)
		}
	case classPrint:
		core = printer(nil, Stdout(), level)
	case classStandard:
		core = printer(bracketed, stderr(), level)
	case classCloudWatch:
		if to.Group == "" {
			core = printer(nil, Stdout(), level)
			break
		}
		if core, err = to.core(ctx, client, level); err != nil {
			return nil, err
		}
		opts = append(to.options(), opts...)
	default:
		return nil, unknownClass(c.Class)
	}
	return zap.New(core, opts...), nil
}

// Decode reads a value that was decoded from JSON or YAML: a string, or a map with
// string keys that holds strings, numbers, booleans, maps and nil. See [Config] for
// the shapes. After an error the Config is unchanged.
func (c *Config) Decode(v any) error {
	next := *c
	if err := next.decode("", v, 0); err != nil {
		return err
	}
	*c = next
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler]; it calls Decode.
func (c *Config) UnmarshalJSON(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	return c.Decode(v)
}

// UnmarshalYAML implements the Unmarshaler interface of gopkg.in/yaml.v2,
// go.yaml.in/yaml/v3 and their relatives, without importing one; it calls Decode.
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
	if to := m["cloud-watch"]; to != nil {
		if err := decode.Members(decode.Join(path, "cloud-watch"), to, c.CloudWatch.parameters()); err != nil {
			return err
		}
	}
	if c.CloudWatch.Format == nil {
		c.CloudWatch.Format = MiniPrefix
	}
	return c.decode(decode.Join(path, "class"), m["class"], depth+1)
}

// printer is a core for lines on a console.
func printer(p Prefix, to zapcore.WriteSyncer, level zapcore.Level) zapcore.Core {
	return zapcore.NewCore(NewPrefixEncoder("", p, NewEncoderConfig()), to, level)
}

// bracketed is the Prefix of #standard-logger.
func bracketed(buf *buffer.Buffer, _ string, ent zapcore.Entry) {
	buf.AppendByte('[')
	appendLevel(buf, ent.Level)
	buf.AppendString("] ")
}

func unknownClass(name string) error {
	return fmt.Errorf("class %q: unknown: known are %s", name, strings.Join(classes, ", "))
}

// readLevel returns a name that ParseLevel knows.
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
