// Package doctest holds the documents to what the code does: their tables, lines,
// links and snippets, the quick start, and the examples.
package doctest
