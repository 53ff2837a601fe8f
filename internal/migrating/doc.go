// Package migrating compiles what docs/migrating.md shows of other libraries. It is a
// module of its own, so that these never reach users of zapcw.
package migrating
