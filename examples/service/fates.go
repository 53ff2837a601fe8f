package main

import "example.com/zapcw"

// A fate is what became of some events, and the reason if they are not in the
// stream.
type fate struct {
	name, reason string
	events       uint64
}

// fates splits st.Accepted, less what is pending or spooled still.
func fates(st zapcw.Stats) []fate {
	return []fate{
		{"delivered", "", st.Delivered},
		{"rejected", "too_old", st.RejectedAs.TooOld},
		{"rejected", "expired", st.RejectedAs.Expired},
		{"rejected", "too_new", st.RejectedAs.TooNew},
		{"rejected", "invalid", st.RejectedAs.Invalid},
		{"spilled", "full", st.SpilledAs.Full},
		{"spilled", "late", st.SpilledAs.Late},
		{"spilled", "refused", st.SpilledAs.Refused},
		{"spilled", "after_close", st.SpilledAs.AfterClose},
		{"spilled", "unusable", st.SpilledAs.Unusable},
	}
}
