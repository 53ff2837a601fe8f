package engine

// A verdict says whether an entry came in.
type verdict int8

const (
	admitted verdict = iota
	memoryFull
	afterClose
	invalid
)
