// Package conformance runs zap's own tests of its encoders against those of
// zapcw. It gives constructors that can stand where the tests call zap's; what
// zapcw does differently on purpose is translated here, in view.
package conformance

import (
	"bytes"
	"encoding/json"

	"example.com/zapcw"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

var pool = buffer.NewPool()

// jsonEncoder puts the level before the time, where zap has it.
type jsonEncoder struct {
	zapcore.Encoder
	swap bool
}

// NewJSONEncoder stands for [zapcore.NewJSONEncoder].
func NewJSONEncoder(cfg zapcore.EncoderConfig) zapcore.Encoder {
	return &jsonEncoder{
		Encoder: zapcw.NewJSONEncoder(cfg),
		swap:    cfg.TimeKey != "" && cfg.LevelKey != "" && cfg.EncodeLevel != nil,
	}
}

func (e *jsonEncoder) Clone() zapcore.Encoder { return &jsonEncoder{e.Encoder.Clone(), e.swap} }

func (e *jsonEncoder) EncodeEntry(ent zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	buf, err := e.Encoder.EncodeEntry(ent, fields)
	if err != nil || !e.swap || ent.Time.IsZero() {
		return buf, err
	}
	line := buf.Bytes()
	dec := json.NewDecoder(bytes.NewReader(line))
	var ends [3]int64
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for i := range ends {
		if ends[i] = dec.InputOffset(); i == 2 {
			break
		}
		var value json.RawMessage
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
	}
	out := pool.Get()
	out.AppendByte('{')
	out.AppendBytes(line[ends[1]+1 : ends[2]])
	out.AppendByte(',')
	out.AppendBytes(line[ends[0]:ends[1]])
	out.AppendBytes(line[ends[2]:])
	buf.Free()
	return out, nil
}

// consoleEncoder writes no message if there is no key for it, as zap's does.
type consoleEncoder struct {
	zapcore.Encoder
	mute bool
}

// NewConsoleEncoder stands for [zapcore.NewConsoleEncoder]: a prefix that is the
// metadata of a console line.
func NewConsoleEncoder(cfg zapcore.EncoderConfig) zapcore.Encoder {
	head := cfg
	head.SkipLineEnding, head.StacktraceKey, head.MessageKey = true, "", ""
	metadata := zapcore.NewConsoleEncoder(head)
	separator := cfg.ConsoleSeparator
	if separator == "" {
		separator = "\t"
	}
	prefix := func(buf *buffer.Buffer, _ string, ent zapcore.Entry) {
		text, err := metadata.EncodeEntry(ent, nil)
		if err != nil {
			panic(err)
		}
		buf.AppendBytes(text.Bytes())
		if text.Len() > 0 && cfg.MessageKey != "" {
			buf.AppendString(separator)
		}
		text.Free()
	}
	return &consoleEncoder{zapcw.NewPrefixEncoder("", prefix, cfg), cfg.MessageKey == ""}
}

func (e *consoleEncoder) Clone() zapcore.Encoder { return &consoleEncoder{e.Encoder.Clone(), e.mute} }

func (e *consoleEncoder) EncodeEntry(ent zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	if e.mute {
		ent.Message = ""
	}
	return e.Encoder.EncodeEntry(ent, fields)
}
