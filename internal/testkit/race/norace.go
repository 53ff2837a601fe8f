//go:build !race

package race

// Enabled tells that the race detector is off.
const Enabled = false
