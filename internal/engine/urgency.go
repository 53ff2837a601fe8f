package engine

import "sync/atomic"

// An urgency says how soon the buffered events must be sent. Callers only act when it
// rises.
type urgency int32

const (
	gathering urgency = iota
	smallPut          // a small put is due, and is sent once there is a token for it
	sendNow           // there is a full put, or somebody waits
	backlog           // several puts may be in flight
)

// An atomicUrgency is an urgency that callers read without a lock.
type atomicUrgency struct{ v atomic.Int32 }

func (a *atomicUrgency) load() urgency   { return urgency(a.v.Load()) }
func (a *atomicUrgency) store(u urgency) { a.v.Store(int32(u)) }
