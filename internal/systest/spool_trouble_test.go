//go:build linux

package systest

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/zapcw/internal/spool"
	"example.com/zapcw/internal/testkit"
)

// TestSpoolCallFails has each call of the system fail that a spool makes, at once or
// in the middle, for a while: logging goes on in memory, it is told once, nothing is
// left half made, and the spool is used again a minute later.
func TestSpoolCallFails(t *testing.T) {
	for _, tt := range []struct {
		call  string
		errno syscall.Errno
		after int32 // so many calls
	}{
		{"openat", syscall.EIO, 0},
		{"openat", syscall.EMFILE, 0},
		{"flock", syscall.ENOLCK, 0},
		{"fallocate", syscall.EDQUOT, 0},
		{"fallocate", syscall.ENOSPC, 0},
		{"fallocate", syscall.EIO, 2},
		{"mmap", syscall.ENOMEM, 0},
		{"mmap", syscall.EIO, 1},
		{"renameat", syscall.EDQUOT, 0},
		{"renameat", syscall.EIO, 1},
		{"fstatat", syscall.EIO, 0},
	} {
		t.Run(tt.call+" "+tt.errno.Error(), func(t *testing.T) {
			inSpool(t, func(r *testkit.Rig) {
				r.Syncer.MaxPending = 256 << 10
				var calls atomic.Int32
				restore := spool.SetTrouble(func(call string) error {
					if call == tt.call && calls.Add(1) > tt.after {
						return tt.errno
					}
					return nil
				})
				defer restore()
				texts := testkit.Numbered("%03d"+strings.Repeat(".", 1000), 150)
				logSlowly(r, texts)
				r.MustSync()
				r.WantStream(texts...)
				r.WantSpill()
				synctest.Wait()
				if calls.Load() <= tt.after {
					r.Fatalf("%s was called %d times", tt.call, calls.Load())
				}
				if told := troubles(r); len(told) != 1 || !strings.Contains(told[0], tt.errno.Error()) || !strings.Contains(told[0], "new events are kept in memory") {
					r.Errorf("told %q, want once %q, and what it means", told, tt.errno)
				}
				restore()
				if half := slices.DeleteFunc(filesOf(r), func(name string) bool { return !strings.HasSuffix(name, ".tmp") }); len(half) > 0 && tt.call != "fstatat" {
					r.Errorf("%q is half made", half)
				}
				comesBack(r)
			})
		})
	}
}

// TestSpoolCallFailsInOutage has a quota be used up while an outage lasts: what has no
// room goes to the fallback, what is in the spool is sent in the end.
func TestSpoolCallFailsInOutage(t *testing.T) {
	for _, tt := range []struct {
		call  string
		errno syscall.Errno
	}{{"fallocate", syscall.EDQUOT}, {"fallocate", syscall.ENOSPC}, {"renameat", syscall.EIO}} {
		inSpool(t, func(r *testkit.Rig) {
			const n = 400
			r.Syncer.MaxPending = 64 << 10
			r.Server.Fail(testkit.Outage)
			texts := testkit.Numbered("%03d"+strings.Repeat(".", 1000), n)
			restore := func() {}
			defer func() { restore() }()
			for i, text := range texts {
				if i == 150 {
					synctest.Wait()
					restore = spool.SetTrouble(func(call string) error {
						if call == tt.call {
							return tt.errno
						}
						return nil
					})
				}
				r.Info(text)
				r.Balance()
				time.Sleep(time.Millisecond)
			}
			full := int(r.Syncer.Stats().SpilledAs.Full)
			if full == 0 || full > n-150-32 {
				r.Errorf("%d events had no room, want some, but not those that memory holds", full)
			}
			wantTrouble(r, tt.errno.Error())
			restore()
			r.Server.Heal()
			err := r.Syncer.Sync()
			lost, _ := r.Spill.Lines()
			if len(lost) != full || err == nil || strings.Contains(err.Error(), "left in the spool") {
				r.Errorf("Sync = %v with %d on the fallback, want %d, and nothing left", err, len(lost), full)
			}
			r.WantStream(slices.DeleteFunc(texts, func(text string) bool { return slices.Contains(lost, text) })...)
		})
	}
}

// TestSpoolAdoptFails has what a dead owner left not be readable for a while: Sync
// says so, it is tried again, and each event is sent once.
func TestSpoolAdoptFails(t *testing.T) {
	for _, tt := range []struct {
		call  string
		errno syscall.Errno
	}{{"openat", syscall.EIO}, {"flock", syscall.ENOLCK}, {"pread", syscall.EIO}, {"mmap", syscall.ENOMEM}, {"fstat", syscall.EIO}, {"fstatat", syscall.EIO}} {
		inSpool(t, func(r *testkit.Rig) {
			r.Server.Fail(testkit.Outage)
			r.Info("one", "two")
			wantKept(r, r.Syncer.Close(), 2, r.Syncer.Spool)
			r.Server.Heal()
			restore := spool.SetTrouble(func(call string) error {
				if call == tt.call {
					return tt.errno
				}
				return nil
			})
			defer restore()
			next := nextSyncer(r)
			time.Sleep(10 * time.Second)
			if err := next.Sync(); !errors.Is(err, tt.errno) {
				r.Errorf("%s: Sync = %v, want %v in it", tt.call, err, tt.errno)
			}
			restore()
			time.Sleep(2 * time.Minute)
			if err := next.Sync(); err != nil {
				r.Errorf("%s: Sync = %v, want nil", tt.call, err)
			}
			r.WantStream("one", "two")
			if told := troubles(r); len(told) != 1 || !strings.Contains(told[0], tt.errno.Error()) {
				r.Errorf("%s: told %q, want it once", tt.call, told)
			}
			if err := next.Close(); err != nil {
				r.Error(err)
			}
			wantNoFiles(r, r.Syncer.Spool)
		})
	}
}

// TestSpoolRemoveFails has files not be removed whose events are all delivered: it is
// told once, and the next one finds nothing to send in them.
func TestSpoolRemoveFails(t *testing.T) {
	inSpool(t, func(r *testkit.Rig) {
		restore := spool.SetTrouble(func(call string) error {
			if call == "unlinkat" {
				return syscall.EIO
			}
			return nil
		})
		defer restore()
		r.Info("one", "two")
		r.MustSync()
		if err := r.Syncer.Close(); err != nil {
			r.Error(err)
		}
		if told := troubles(r); len(told) != 1 || !strings.Contains(told[0], "remove ") || !strings.Contains(told[0], syscall.EIO.Error()) {
			r.Errorf("told %q, want once that it is not removed", told)
		}
		restore()
		if len(filesOf(r)) == 0 {
			r.Error("nothing is left to be found")
		}
		next := nextSyncer(r)
		if err := next.Close(); err != nil || next.Stats().Accepted != 0 {
			r.Errorf("Close = %v with %d accepted, want nothing", err, next.Stats().Accepted)
		}
		r.WantStream("one", "two")
		if _, err := os.Stat(r.Syncer.Spool); err != nil {
			r.Error(err)
		}
		wantNoFiles(r, r.Syncer.Spool)
	})
}
