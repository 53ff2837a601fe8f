package replay

import (
	"fmt"
	"strings"

	"example.com/zapcw"
	"example.com/zapcw/internal/remote"
	"example.com/zapcw/internal/terminal"
)

// An Account is the part of zapcw.Stats that is told at the end.
type Account struct {
	Accepted, Delivered, Rejected, Spilled, Pending uint64

	Attempts, Puts uint64

	LastError string `json:",omitempty"`
}

var _ fmt.Stringer = Account{}

// AccountOf returns the account of a Syncer.
func AccountOf(st zapcw.Stats) Account {
	a := Account{
		Accepted: st.Accepted, Delivered: st.Delivered, Rejected: st.Rejected, Spilled: st.Spilled, Pending: st.Pending,
		Attempts: st.Attempts, Puts: st.Puts,
	}
	if st.LastError != nil {
		a.LastError = terminal.OneLine(remote.Reason(st.LastError).Error())
	}
	return a
}

// Add adds the account of another Syncer.
func (a *Account) Add(b Account) {
	a.Accepted += b.Accepted
	a.Delivered += b.Delivered
	a.Rejected += b.Rejected
	a.Spilled += b.Spilled
	a.Pending += b.Pending
	a.Attempts += b.Attempts
	a.Puts += b.Puts
	if b.LastError != "" {
		a.LastError = b.LastError
	}
}

// Check returns an error unless every event was delivered.
func (a Account) Check() error {
	lost := a.Rejected + a.Spilled + a.Pending
	if lost == 0 {
		return nil
	}
	err := fmt.Errorf("%s of %s were not delivered", terminal.Number(lost), terminal.Count(a.Accepted, "event"))
	if a.LastError != "" {
		err = fmt.Errorf("%w: %s", err, a.LastError)
	}
	return err
}

// Interrupted says how far it was.
func (a Account) Interrupted() string {
	if a.Check() == nil {
		return fmt.Sprintf("%s read and delivered", terminal.Count(a.Accepted, "event"))
	}
	return fmt.Sprintf("%s of %s that were read are delivered", terminal.Number(a.Delivered), terminal.Count(a.Accepted, "event"))
}

// String is the line of accounting. What is zero is not told.
func (a Account) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "accepted %s, delivered %s", terminal.Number(a.Accepted), terminal.Number(a.Delivered))
	for _, part := range []struct {
		n    uint64
		text string
	}{{a.Rejected, "rejected"}, {a.Spilled, "spilled"}, {a.Pending, "pending"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %s %s", part.text, terminal.Number(part.n))
		}
	}
	if a.Puts > 0 {
		fmt.Fprintf(&b, "; %s", terminal.Count(a.Puts, "put"))
		if a.Attempts > a.Puts {
			fmt.Fprintf(&b, " in %s attempts", terminal.Number(a.Attempts))
		}
	}
	return b.String()
}
