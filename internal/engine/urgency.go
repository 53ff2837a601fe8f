package engine

import "sync/atomic"

// An urgency says what is to be done about what is buffered. Callers act when it
// rises, and only then.
type urgency int32

const (
	gathering urgency = iota
	smallPut          // a small put is due, and goes once there is a token for it
	sendNow           // there is a full put, or somebody asks
	backlog           // puts may go side by side
)

// An atomicUrgency is one that callers read without a lock.
type atomicUrgency struct{ v atomic.Int32 }

func (a *atomicUrgency) load() urgency   { return urgency(a.v.Load()) }
func (a *atomicUrgency) store(u urgency) { a.v.Store(int32(u)) }
