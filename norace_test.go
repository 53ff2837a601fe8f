//go:build !race

package zapcw

const raceEnabled = false
