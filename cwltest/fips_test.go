package cwltest_test

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"testing"

	"example.com/zapcw/cwltest"
)

// Keys of an HMAC have 14 bytes or more where only approved cryptography is
// allowed, and so has the secret that clients sign with.
func TestOnlyApprovedCryptography(t *testing.T) {
	if !fips140.Enabled() {
		again := exec.Command(os.Args[0], "-test.run=^TestOnlyApprovedCryptography$", "-test.v")
		again.Env = append(os.Environ(), "GODEBUG=fips140=only")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	wantCode(t, putNow(t, s.Client(once), "a"), "")
	wantCode(t, putNow(t, s.Client(once, loopback(s)), "b"), "")
	wantMessages(t, s, "a", "b")
}
