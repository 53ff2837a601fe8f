package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/zapcw/internal/spool"
)

// What follows is the part of shelf that takes over what dead owners left.

// adoptAll adopts what dead owners left, in a goroutine of its own. What the disk does
// not give it tries again, at first after a second.
func (sh *shelf) adoptAll() {
	defer close(sh.done)
	all := sh.adopt()
	close(sh.adopted)
	for wait := time.Second; !all; wait = min(2*wait, time.Minute) {
		select {
		case <-time.After(wait):
			all = sh.adopt()
		case <-sh.ctx.Done():
			return
		}
	}
}

// adopt puts on the shelf what dead owners left, and reports whether that is all.
func (sh *shelf) adopt() (all bool) {
	found, unusable, err := sh.spool.Adopt(sh.ctx)
	for _, u := range unusable { // these will not pass
		sh.spool.Report(u)
	}
	all = err == nil
	if sh.ctx.Err() != nil || errors.Is(err, spool.ErrDirectory) {
		err = nil // Close does not wait for it, or NewChunk tells of it
	}
	sh.spool.Report(err)
	sh.engine.mu.Lock()
	defer sh.engine.mu.Unlock()
	sh.unread = err
	for _, l := range found {
		sh.events += l.Events
		sh.addLocked(shelved{Stored: l})
	}
	if len(sh.chunks) > 0 {
		sh.engine.wakeSenderLocked()
	}
	return all
}

// endAdoption has adoptAll end, and waits for it.
func (sh *shelf) endAdoption() {
	sh.cancel()
	<-sh.done
}

// awaitAdopted waits until what dead owners left is known. The error says that it is
// not.
func (sh *shelf) awaitAdopted(ctx context.Context) error {
	if sh == nil {
		return nil
	}
	select {
	case <-sh.adopted:
		return nil
	default:
	}
	select {
	case <-sh.adopted:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("spool %s: what dead processes left in it is not read yet: %w", sh.dir, context.Cause(ctx))
	}
}

// err is why some of what the spool holds can't be read now.
func (sh *shelf) err() error {
	if sh == nil {
		return nil
	}
	sh.engine.mu.Lock()
	defer sh.engine.mu.Unlock()
	return cmp.Or(sh.unread, sh.retry.err)
}
