// Package micro measures the parts of zapcw beside what they are built on.
package micro

import "example.com/zapcw/bench/internal/load"

// Kinds are the jobs of this package.
func Kinds() map[string]load.Kind {
	return map[string]load.Kind{
		"hot": hot, "encode": encode, "put": put,
		"sync": settle, "burst": burst, "idle": idle, "busy": busy, "lambda": invoke,
	}
}
