package zapcw_test

import (
	"fmt"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// Two requests log the same. The Debug entries of the one that fails are sent, and
// appear where they were logged; those of the other are never sent.
func ExampleHold() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("", zapcw.MiniPrefix, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.Hold{}.Wrap(zapcw.NewCore(enc, s, zap.InfoLevel)))

	for _, card := range []string{"valid", "expired"} {
		log := logger.With(zapcw.Scope(), zap.String("card", card))
		log.Debug("cart read")
		log.Debug("stock reserved")
		if card == "expired" {
			log.Error("payment declined")
		} else {
			log.Info("order placed")
		}
	}
	_ = logger.Sync()
	for _, m := range srv.Messages("/acme/prod", "orders") {
		fmt.Println(m)
	}
	st := s.Stats()
	fmt.Println(st.Accepted, "accepted,", st.Held, "held")
	// Output:
	// order placed	{"card": "valid"}
	// cart read	{"card": "expired"}
	// stock reserved	{"card": "expired"}
	// ERROR: payment declined	{"card": "expired"}
	// 4 accepted, 2 held
}

// A scope keeps the newest entries that fit into its memory.
func ExampleHold_evicted() {
	s := &zapcw.Syncer{Group: "/acme/prod", Stream: "orders"}
	enc := zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig())
	hold := zapcw.Hold{MaxBytes: 1 << 10}
	logger := zap.New(hold.Wrap(zapcw.NewCore(enc, s, zap.InfoLevel)))

	for range 100 {
		logger.Debug("17 bytes of text.")
	}
	st := s.Stats()
	fmt.Println(st.Held, "held,", st.Evicted, "evicted,", st.Accepted, "accepted")
	// Output:
	// 30 held, 70 evicted, 0 accepted
}

// A slow request is not an error, but its Debug entries are still of interest.
func ExampleRelease() {
	var srv cwltest.Server
	defer srv.Close()
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders"}
	defer s.Close()
	enc := zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig())
	logger := zap.New(zapcw.NewCore(enc, s, zap.InfoLevel), zap.WrapCore(zapcw.Hold{}.Wrap))

	log := logger.With(zapcw.Scope())
	log.Debug("waiting for the warehouse")
	log.Warn("slow", zapcw.Release())
	_ = logger.Sync()
	fmt.Println(srv.Messages("/acme/prod", "orders"))

	// All entries of one client's requests are sent.
	log = logger.With(zapcw.Scope(), zapcw.Release())
	log.Debug("sent at once")
	_ = logger.Sync()
	fmt.Println(len(srv.Messages("/acme/prod", "orders")))
	// Output:
	// [waiting for the warehouse slow]
	// 3
}
