package systest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

const (
	putQuota    = 5000 // a second, for an account
	createQuota = 50
)

// TestFleet starts 10,000 Syncers within one virtual second against the quotas
// of one account, and the same without jitter. docs/operations.md
// has what it prints.
func TestFleet(t *testing.T) {
	t.Parallel()
	const n = 10_000
	for _, streams := range []int{100, n} {
		for _, jitter := range []bool{true, false} {
			name := fmt.Sprintf("%d streams, jitter %t", streams, jitter)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				// What nobody would want is shown by a fifth of the Syncers
				// against a fifth of the quotas: the same part of them is left.
				scale := 1
				if !jitter || testing.Short() || testkit.RaceEnabled {
					scale = 5
					t.Logf("%d Syncers, %d streams, %d puts and %d creations a second: there is no time for more",
						n/scale, streams/scale, putQuota/scale, createQuota/scale)
				}
				synctest.Test(t, func(t *testing.T) { runFleet(t, n/scale, streams/scale, scale, jitter) })
			})
		}
	}
}

// runFleet has quotas that are scale times smaller than an account's.
func runFleet(t *testing.T, n, streams, scale int, jitter bool) {
	quota := putQuota / scale
	a := &account{begin: time.Now(), quota: quota, createQuota: createQuota / float64(scale), streams: make(map[string]bool)}
	const each = 5
	fleet := make([]*zapcw.Syncer, n)
	for i := range fleet {
		s := &zapcw.Syncer{
			Client: a, Group: "/fleet", Stream: fmt.Sprint(i % streams),
			MaxEvents: each, Fallback: zapcore.AddSync(io.Discard),
		}
		if !jitter {
			testkit.NoJitter(s)
		}
		fleet[i] = s
		time.AfterFunc(rand.N(time.Second), func() {
			for range each {
				if _, err := io.WriteString(s, "hello"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	drained := func() bool {
		for _, s := range fleet {
			if st := s.Stats(); st.Delivered < each || st.Pending > 0 {
				return false
			}
		}
		return true
	}
	const patience = 5 * time.Minute
	took := ""
	for !drained() {
		time.Sleep(time.Second)
		if time.Since(a.begin) == patience {
			if jitter {
				t.Fatalf("not drained in %s", patience)
			}
			took = fmt.Sprintf("not drained in %s, %d streams of %d are there; without quotas it is ", patience, a.free(), streams)
		}
	}
	took += fmt.Sprintf("drained in %s", time.Since(a.begin).Round(time.Second))
	for i, s := range fleet {
		if st := s.Stats(); st.Accepted != each || st.Delivered != each {
			t.Fatalf("Syncer %d: %+v", i, st)
		}
	}
	first, later := a.peak(0, 2), a.peak(2, len(a.puts))
	t.Logf("%s, %d puts and %d creations tried; puts tried in the busiest second %d, after two seconds %d; creations %d and %d",
		took, sum(a.puts), sum(a.creates), first.puts, later.puts, first.creates, later.creates)
	if jitter && later.puts > 2*quota {
		t.Errorf("%d puts were tried in one second, that is a wave: want %d at most", later.puts, 2*quota)
	}
	if a.stored != n*each {
		t.Errorf("%d events are stored, want %d", a.stored, n*each)
	}
}

// An account has quotas, groups and streams, and little else, since cwltest and
// the SDK would take minutes for a fleet.
type account struct {
	zapcw.Client
	begin       time.Time
	quota       int     // puts a second
	createQuota float64 // creations a second

	mu            sync.Mutex
	group         bool
	streams       map[string]bool
	puts, creates []int // tried in each second
	throttles     []int // of puts, in each second
	put, create   bucket
	stored        int
}

// free lifts the quotas and tells how many streams there were with them.
func (a *account) free() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.put.free, a.create.free = true, true
	return len(a.streams)
}

// A bucket is a quota: what is not used is saved up for a second.
type bucket struct {
	tokens float64
	at     time.Time
	free   bool
}

func (b *bucket) take(now time.Time, rate float64) error {
	if b.at.IsZero() {
		b.tokens = rate
	} else {
		b.tokens = min(rate, b.tokens+now.Sub(b.at).Seconds()*rate)
	}
	b.at = now
	if b.tokens < 1 && !b.free {
		return &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	}
	b.tokens--
	return nil
}

func (a *account) count(secs *[]int, n int) {
	s := int(time.Since(a.begin).Seconds())
	for len(*secs) <= s {
		*secs = append(*secs, 0)
	}
	(*secs)[s] += n
}

type peaks struct{ puts, creates int }

func (a *account) peak(from, to int) (p peaks) {
	for s := from; s < to; s++ {
		if s < len(a.puts) {
			p.puts = max(p.puts, a.puts[s])
		}
		if s < len(a.creates) {
			p.creates = max(p.creates, a.creates[s])
		}
	}
	return p
}

func sum(v []int) (n int) {
	for _, k := range v {
		n += k
	}
	return n
}

// rtt is what a request takes.
func rtt() { time.Sleep(5*time.Millisecond + rand.N(20*time.Millisecond)) }

func (a *account) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	rtt()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count(&a.puts, 1)
	if err := a.put.take(time.Now(), float64(a.quota)); err != nil {
		a.count(&a.throttles, 1)
		return nil, err
	}
	a.count(&a.throttles, 0)
	if !a.streams[*in.LogStreamName] {
		return nil, &types.ResourceNotFoundException{}
	}
	a.stored += len(in.LogEvents)
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}

func (a *account) CreateLogStream(_ context.Context, in *cloudwatchlogs.CreateLogStreamInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	rtt()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count(&a.creates, 1)
	if err := a.create.take(time.Now(), a.createQuota); err != nil {
		return nil, err
	}
	if !a.group {
		return nil, &types.ResourceNotFoundException{}
	}
	if a.streams[*in.LogStreamName] {
		return nil, &types.ResourceAlreadyExistsException{}
	}
	a.streams[strings.Clone(*in.LogStreamName)] = true
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

func (a *account) CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	rtt()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.group {
		return nil, &types.ResourceAlreadyExistsException{}
	}
	a.group = true
	return &cloudwatchlogs.CreateLogGroupOutput{}, nil
}

// TestCreateTogether has 32 Syncers, as of as many processes, miss one stream.
func TestCreateTogether(t *testing.T) {
	const n, each = 32, 20
	synctest.Test(t, func(t *testing.T) {
		srv := cwltest.NewServer(t)
		srv.Fail(cwltest.Fault{Op: "Create*", Before: 5 * time.Millisecond})
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				var spill testkit.Buffer
				s := &zapcw.Syncer{Client: srv.Client(), Group: testkit.RigGroup, Stream: testkit.RigStream, Fallback: &spill, Retention: 14}
				for k := range each {
					if _, err := fmt.Fprintf(s, "%d.%d", i, k); err != nil {
						t.Errorf("Write = %v, want nil", err)
					}
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close = %v, want nil", err)
				}
				if spill.Len() > 0 {
					t.Errorf("got %q on a fallback, want nothing", spill.String())
				}
			})
		}
		all.Wait()
		got := srv.Messages(testkit.RigGroup, testkit.RigStream)
		slices.Sort(got)
		if len(slices.Compact(got)) != n*each {
			t.Errorf("got %d events, want each of %d", len(got), n*each)
		}
		created := make(map[string]int)
		for _, q := range srv.Stats().Requests {
			if q.Status == 200 && q.Op != "PutLogEvents" {
				created[q.Op]++
			}
		}
		for _, op := range []string{"CreateLogGroup", "CreateLogStream", "PutRetentionPolicy"} {
			if created[op] != 1 {
				t.Errorf("got %d that succeeded of %s, want one", created[op], op)
			}
		}
		srv.Close()
	})
}
