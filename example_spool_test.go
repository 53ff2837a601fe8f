package zapcw_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
)

// A process that dies leaves its events in the Spool. Here CloudWatch is down until
// the first Syncer is closed; the second one sends the event.
func ExampleSyncer_spool() {
	var srv cwltest.Server
	defer srv.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	open := func() *zapcw.Syncer {
		return &zapcw.Syncer{
			Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Timeout: 50 * time.Millisecond,
			Spool: filepath.Join(dir, "orders"), MaxSpool: 64 << 20,
		}
	}

	srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
	s := open()
	fmt.Fprintln(s, "placed")
	err = s.Close()
	fmt.Println(strings.Contains(err.Error(), "1 event is left in the spool"), s.Stats().Spooled)

	srv.Heal()
	s = open()
	fmt.Println(s.Close(), s.Stats().Delivered)
	for _, e := range srv.Events("/acme/prod", "orders") {
		fmt.Println(e.Message)
	}
	// Output:
	// true 1
	// <nil> 1
	// placed
}

// Recover sends events that no Syncer picks up, for example after the stream was
// renamed.
func ExampleRecover() {
	var srv cwltest.Server
	defer srv.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
	s := &zapcw.Syncer{Client: srv.Client(), Group: "/acme/prod", Stream: "orders", Timeout: 50 * time.Millisecond, Spool: dir}
	fmt.Fprintln(s, "placed")
	_ = s.Close()

	srv.Heal()
	var all []zapcw.Recovered
	all, err = zapcw.Recover(context.Background(), srv.Client(), dir)
	for _, r := range all {
		fmt.Println(r.Group, r.Stream, r.Delivered, r.Rejected, r.Spilled, r.Spooled, err)
	}
	// Output: /acme/prod orders 1 0 0 0 <nil>
}
