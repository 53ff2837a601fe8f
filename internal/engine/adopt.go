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

// run adopts what dead owners left. What the disk does not give it tries again, at
// first after a second.
func (sh *shelf) run() {
	defer close(sh.done)
	for _, err := range sh.adopt() { // these will not pass
		sh.engine.fallback.tellOfSpool(err)
	}
	close(sh.adopted)
	for wait := time.Second; sh.again; wait = min(2*wait, time.Minute) {
		select {
		case <-time.After(wait):
			sh.adopt()
		case <-sh.ctx.Done():
			return
		}
	}
}

// adopt puts on the shelf what dead owners left. It returns what is unusable.
func (sh *shelf) adopt() (unusable []error) {
	found, unusable, err := sh.spool.Adopt(sh.ctx)
	sh.again = err != nil
	if sh.ctx.Err() != nil || errors.Is(err, spool.ErrDirectory) {
		err = nil // Close does not wait for it, or NewChunk tells of it
	}
	sh.engine.fallback.tellOfSpool(err)
	sh.engine.mu.Lock()
	defer sh.engine.mu.Unlock()
	sh.unread = err
	for _, l := range found {
		sh.events += l.Events
		sh.addLocked(shelved{Left: l})
	}
	if len(sh.chunks) > 0 {
		sh.engine.wakeSenderLocked()
	}
	return unusable
}

// wait waits until what dead owners left is known. The error says that it is not.
func (sh *shelf) wait(ctx context.Context) error {
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
