package spool

import "errors"

var (
	// errHeld: the owner of a file lives.
	errHeld = errors.New("its owner lives")
	// errForeign: a file is none that this user's processes made.
	errForeign = errors.New("it is left alone")
)

const (
	anyPrefix  = "zapcw-" // of the files of every stream
	unfinished = ".tmp"   // ends the name of a file while it is made
)

// A lockMode says what a lock is for.
type lockMode int

const (
	exclusive lockMode = iota // to own the file
	shared                    // to look at it
)
