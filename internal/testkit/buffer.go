package testkit

import (
	"bytes"
	"strings"
	"sync"
)

// Buffer is a fallback to look into. It may be written to from any goroutine.
type Buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// Sync implements zapcore.WriteSyncer.
func (b *Buffer) Sync() error { return nil }

// Lines gives the events that were written, and words, the lines that zapcw
// wrote on its own account.
func (b *Buffer) Lines() (events, words []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range strings.Lines(b.String()) {
		l = strings.TrimSuffix(l, "\n")
		if strings.HasPrefix(l, "zapcw: ") {
			words = append(words, l)
			continue
		}
		events = append(events, l)
	}
	return events, words
}
