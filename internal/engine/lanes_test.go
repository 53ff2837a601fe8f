package engine

import (
	"testing"
	"unsafe"
)

// TestDistances asserts that what one processor writes on every event shares no
// cache line with what others read on every event.
func TestDistances(t *testing.T) {
	var s stripes
	if d := unsafe.Sizeof(s.lanes[0]); d%cacheLine != 0 || d-unsafe.Sizeof(lane{}) >= 2*cacheLine {
		t.Errorf("a lane takes %d bytes, want a multiple of %d", d, cacheLine)
	}
	if d := unsafe.Offsetof(s.accepted); d%cacheLine != 0 {
		t.Errorf("accepted lies at %d, want a multiple of %d", d, cacheLine)
	}
	if d := unsafe.Sizeof(s) - unsafe.Offsetof(s.accepted); d < cacheLine {
		t.Errorf("accepted takes %d bytes, want %d", d, cacheLine)
	}
	if unsafe.Sizeof(uintptr(0)) < 8 {
		t.Log("not looked at with 32 bits: the runtime puts a word of its own before such an allocation")
		return
	}
	// Allocations of that size begin at a cache line.
	for range 100 {
		heapStripes = new(stripes)
		if at := uintptr(unsafe.Pointer(heapStripes)); at%cacheLine != 0 {
			t.Fatalf("stripes lie at %#x, want a multiple of %d", at, cacheLine)
		}
	}
}

var heapStripes *stripes // on the heap, where an engine has them
