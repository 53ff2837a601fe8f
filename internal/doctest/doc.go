// Package doctest checks the documents against the code: their tables, diagnostics,
// links and snippets, the quick start, and the examples.
package doctest
