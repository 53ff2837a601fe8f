//go:build !unix

package main

import "testing"

func TestFunction(t *testing.T) {
	t.Skip("a process cannot be frozen and thawed here: want SIGSTOP and SIGCONT")
}
