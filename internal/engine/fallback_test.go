package engine

import (
	"errors"
	"io"
	"testing"

	"go.uber.org/zap/zapcore"

	"example.com/zapcw/internal/delivery"
)

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) / 2, nil }

// TestFallbackShort has a writer that takes a part and says nothing: the events
// are not whole there, so that is told.
func TestFallbackShort(t *testing.T) {
	f := fallback{w: zapcore.AddSync(shortWriter{})}
	if err := f.parts([][]byte{[]byte("a")}, delivery.Full, errFull); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v, want a short write", err)
	}
}
