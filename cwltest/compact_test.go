package cwltest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/zapcw/cwltest"
)

// replayed is a server that has read a journal.
func replayed(t *testing.T, journal []byte) *cwltest.Server {
	t.Helper()
	s := cwltest.NewServer(t)
	if n, err := s.Replay(bytes.NewReader(journal)); err != nil || n != int64(len(journal)) {
		t.Fatalf("Replay = %d of %d, %v\n%s", n, len(journal), err, journal)
	}
	return s
}

// compacted is what Compact makes of a journal.
func compacted(t *testing.T, journal []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := replayed(t, journal).Compact(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wantDead checks that Dead is about what Compact saves, to a tenth of the journal.
func wantDead(t *testing.T, journal, compact []byte) {
	t.Helper()
	dead, saved := replayed(t, journal).Dead(), int64(len(journal)-len(compact))
	if off := max(dead-saved, saved-dead); off > int64(len(journal))/10+200 {
		t.Errorf("Dead = %d, and %d of %d bytes are saved", dead, saved, len(journal))
	}
}

// A server that replays a compacted journal looks to clients like the one that
// wrote the whole, and goes on like that.
func TestCompact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var journal bytes.Buffer
		s := cwltest.NewServer(t)
		s.Journal = &journal
		work(t, s, func() {
			small := compacted(t, journal.Bytes())
			if again := replayed(t, small); !reflect.DeepEqual(seen(t, again), seen(t, s)) {
				t.Fatalf("the server is another one:\n%+v\nwant\n%+v\n%s", seen(t, again), seen(t, s), small)
			}
			if again := compacted(t, small); !bytes.Equal(again, small) {
				t.Fatalf("compacted once more it is\n%s\nwant\n%s", again, small)
			}
			wantDead(t, journal.Bytes(), small)
		})
		small := slices.Clone(compacted(t, journal.Bytes()))
		if len(small) >= journal.Len() {
			t.Errorf("%d bytes of %d are left, want fewer", len(small), journal.Len())
		}
		again, rest := replayed(t, small), bytes.NewBuffer(small)
		again.Journal = rest
		for _, s := range []*cwltest.Server{s, again} {
			out, err := put(t, s.Client(once), event(time.Now().UnixMilli(), "next"))
			if err != nil || *out.NextSequenceToken != fmt.Sprintf("%056d", 6) {
				t.Errorf("put = %+v, %v, want token 6", out, err)
			}
		}
		if !reflect.DeepEqual(seen(t, again), seen(t, s)) {
			t.Errorf("after one more put the server is another one:\n%+v\nwant\n%+v", seen(t, again), seen(t, s))
		}
		if last := replayed(t, rest.Bytes()); !reflect.DeepEqual(seen(t, last), seen(t, s)) {
			t.Errorf("carried on, the journal makes another server:\n%+v\nwant\n%+v", seen(t, last), seen(t, s))
		}
	})
}

// Events that are past their group's retention are left out, in whatever order
// they came, and gone from the server as well.
func TestCompactExpired(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			var journal bytes.Buffer
			s := cwltest.NewServer(t)
			s.Journal = &journal
			s.CreateStream(group, stream)
			s.CreateStream("forever", stream)
			c := s.Client(once)
			if _, err := c.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: ptr(group), RetentionInDays: ptr(int32(7))}); err != nil {
				t.Fatal(err)
			}
			for i := range 60 {
				time.Sleep(time.Duration(random.IntN(12)) * time.Hour)
				at := time.Now().Add(-time.Duration(random.IntN(100)) * time.Hour).UnixMilli()
				if _, err := put(t, c, event(at, fmt.Sprintf("%d %s", i, strings.Repeat("x", random.IntN(500)))), event(at, "<second>")); err != nil {
					t.Fatal(err)
				}
			}
			var want []cwltest.Event
			for _, e := range s.Events(group, stream) {
				if e.Time().After(time.Now().AddDate(0, 0, -7).Add(-time.Millisecond)) {
					want = append(want, e)
				}
			}
			again := replayed(t, journal.Bytes())
			var small bytes.Buffer
			if err := again.Compact(&small); err != nil {
				t.Fatal(err)
			}
			last := replayed(t, small.Bytes())
			for name, s := range map[string]*cwltest.Server{"itself": again, "after a restart": last} {
				if got := s.Events(group, stream); !slices.Equal(got, want) {
					t.Errorf("seed %d, %s: got %d events, want %d", seed, name, len(got), len(want))
				}
			}
			if !reflect.DeepEqual(seen(t, again), seen(t, last)) {
				t.Errorf("seed %d: after a restart the server is another one:\n%+v\nwant\n%+v", seed, seen(t, last), seen(t, again))
			}
			wantDead(t, journal.Bytes(), small.Bytes())
		})
	}
}

func TestCompactRefuses(t *testing.T) {
	s := cwltest.NewServer(t)
	s.CreateStream(group, stream)
	if err := s.Compact(fullDisk{}); !errors.Is(err, errDisk) {
		t.Errorf("Compact = %v, want the error of the writer", err)
	}
	s.Discard = true
	if err := s.Compact(new(bytes.Buffer)); err == nil {
		t.Error("Compact = nil, want an error, since nothing is held")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errDisk }
