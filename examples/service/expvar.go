package main

import (
	"expvar"
	"time"

	"example.com/zapcw"
)

// published is a zapcw.Stats whose JSON has the text of the error, and no zero times.
type published struct {
	zapcw.Stats
	LastError     string    `json:",omitempty"`
	LastErrorTime time.Time `json:",omitzero"`
	LastDelivery  time.Time `json:",omitzero"`
}

// publish shows stats as a variable of package expvar, which panics if the name
// is taken.
func publish(name string, stats func() zapcw.Stats) {
	expvar.Publish(name, expvar.Func(func() any {
		st := stats()
		v := published{Stats: st, LastErrorTime: st.LastErrorTime, LastDelivery: st.LastDelivery}
		if st.LastError != nil {
			v.LastError = st.LastError.Error()
		}
		return v
	}))
}
