package main

import (
	"fmt"

	"example.com/zapcw"
)

// An account is the part of zapcw.Stats that is told at the end.
type account struct {
	Accepted, Delivered, Rejected, Spilled, Pending, Puts uint64

	LastError string `json:",omitempty"`
}

var _ fmt.Stringer = account{}

func accountOf(st zapcw.Stats) *account {
	a := &account{st.Accepted, st.Delivered, st.Rejected, st.Spilled, st.Pending, st.Puts, ""}
	if st.LastError != nil {
		a.LastError = reason(st.LastError).Error()
	}
	return a
}

func (a *account) add(b *account) {
	a.Accepted += b.Accepted
	a.Delivered += b.Delivered
	a.Rejected += b.Rejected
	a.Spilled += b.Spilled
	a.Pending += b.Pending
	a.Puts += b.Puts
	if b.LastError != "" {
		a.LastError = b.LastError
	}
}

// check returns an error unless every event was delivered.
func (a account) check() error {
	lost := a.Rejected + a.Spilled + a.Pending
	if lost == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d events were not delivered", lost, a.Accepted)
	if a.LastError != "" {
		err = fmt.Errorf("%w: %s", err, a.LastError)
	}
	return err
}

// String is the line of accounting. What is zero as long as nothing is wrong
// is left out, but for what was spilled.
func (a account) String() string {
	s := fmt.Sprintf("accepted %d, delivered %d, spilled %d", a.Accepted, a.Delivered, a.Spilled)
	if a.Rejected > 0 {
		s += fmt.Sprintf(", rejected %d", a.Rejected)
	}
	if a.Pending > 0 {
		s += fmt.Sprintf(", pending %d", a.Pending)
	}
	perPut := 0.0
	if a.Puts > 0 {
		perPut = float64(a.Delivered) / float64(a.Puts)
	}
	return fmt.Sprintf("%s, puts %d, events per put %.1f", s, a.Puts, perPut)
}
