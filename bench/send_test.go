//go:build unix

package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"example.com/zapcw"
)

// TestMain is the receiver in its own process, whose CPU is not counted.
func TestMain(m *testing.M) {
	if os.Getenv("ZAPCW_BENCH_RECEIVER") != "" {
		receive()
		return
	}
	os.Exit(m.Run())
}

// receive reads bodies and says yes.
func receive() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, "{}")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go func() { // ends with its parent
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = http.Serve(l, h)
}

// receiver starts one and gives its URL.
func receiver(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ZAPCW_BENCH_RECEIVER=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	var addr string
	if _, err := fmt.Fscan(out, &addr); err != nil {
		b.Fatal(err)
	}
	return "http://" + addr
}

func client(url string) *cloudwatchlogs.Client {
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
}

// cpu is what this process used of the processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSend is one full put over loopback, in CPU time of this process:
// floor posts the same bytes by net/http with their SHA-256, stock is the SDK's
// own way, zapcw a Sync of events that were buffered outside of the time.
func BenchmarkSend(b *testing.B) {
	text := func(n int) string { return strings.Repeat("the quick brown fox jumps over the lazy dog, ", 1+n/45)[:n] }
	for _, size := range []struct {
		name string
		n    int
		text string
	}{
		{"10000x78", 10_000, text(78)},
		{"4096x230", 4096, text(230)},
		{"4096x230-json", 4096, jsonText(230)},
		{"998x1KiB", 998, text(1024)},
	} {
		now := time.Now()
		events := make([]types.InputLogEvent, size.n)
		for i := range events {
			events[i] = types.InputLogEvent{Message: aws.String(size.text), Timestamp: aws.Int64(now.UnixMilli())}
		}
		group, stream := "/bench", "s"

		b.Run(size.name+"/floor", func(b *testing.B) {
			url := receiver(b)
			body := new(bytes.Buffer)
			enc := json.NewEncoder(body)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": plain(events)}); err != nil {
				b.Fatal(err)
			}
			measure(b, nil, func() {
				sum := sha256.Sum256(body.Bytes())
				req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			})
		})
		b.Run(size.name+"/stock", func(b *testing.B) {
			c := client(receiver(b))
			measure(b, nil, func() {
				in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events}
				if _, err := c.PutLogEvents(context.Background(), in); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(size.name+"/zapcw", func(b *testing.B) {
			s := &zapcw.Syncer{Client: client(receiver(b)), Group: group, Stream: stream, MaxEvents: 1 << 30, MaxPending: 1 << 30}
			core := zapcw.NewCore(zapcw.NewPrefixEncoder("", nil, zapcw.NewEncoderConfig()), s, zap.InfoLevel)
			ent := zapcore.Entry{Message: size.text, Time: now}
			measure(b, func() {
				// One less: the last byte of a put would start it.
				for range size.n - 1 {
					_ = core.Write(ent, nil)
				}
			}, func() {
				if err := s.Sync(); err != nil {
					b.Fatal(err)
				}
			})
			if st := s.Stats(); st.Puts != st.Attempts || st.Delivered != st.Accepted {
				b.Fatalf("%+v", st)
			} else {
				b.ReportMetric(float64(st.Delivered)/float64(st.Puts), "events/put")
			}
		})
	}
}

// measure reports the CPU time of f, with what it sets free to the collector.
func measure(b *testing.B, prepare, f func()) {
	b.ReportAllocs()
	var used time.Duration
	for b.Loop() {
		if prepare != nil {
			b.StopTimer()
			prepare()
			b.StartTimer()
		}
		begin := cpu()
		f()
		used += cpu() - begin
	}
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/put")
}

// plain is how the events look in a body.
func plain(events []types.InputLogEvent) []map[string]any {
	out := make([]map[string]any, len(events))
	for i, e := range events {
		out[i] = map[string]any{"timestamp": *e.Timestamp, "message": *e.Message}
	}
	return out
}

// jsonText is an entry as zap's JSON encoder writes it, of n bytes.
func jsonText(n int) string {
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	buf, err := enc.EncodeEntry(zapcore.Entry{Message: "order placed", Time: time.Unix(1_700_000_000, 0), LoggerName: "api"}, ten[:6])
	if err != nil {
		panic(err)
	}
	text := strings.TrimSuffix(buf.String(), "}\n")
	if pad := n - len(text) - len(`,"pad":""}`); pad > 0 {
		return text + `,"pad":"` + strings.Repeat("x", pad) + `"}`
	}
	return text[:n]
}
