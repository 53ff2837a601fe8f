//go:build !linux && !darwin

package spool

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestUnsupported(t *testing.T) {
	if err := Supported(); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), runtime.GOOS) {
		t.Errorf("Supported() = %v", err)
	}
	told := make(chan error, 10)
	s := New(Options{Dir: t.TempDir(), Group: "/acme/prod", Stream: "orders", Max: 1 << 30, Tell: func(err error) { told <- err }})
	for range 3 {
		if c := s.NewChunk(10, 10); c.Backing() != nil {
			t.Error("NewChunk gives a file")
		}
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if len(told) != 1 || !errors.Is(<-told, errors.ErrUnsupported) {
		t.Error("it is not told once")
	}
}
