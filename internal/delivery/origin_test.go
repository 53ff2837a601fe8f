package delivery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/logging"

	"example.com/zapcw/cwltest"
)

// setAWS makes the environment that the SDK reads nothing but what is given.
func setAWS(t *testing.T, variables ...string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
}

// write makes a file and gives its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ill fails a number of times, then does well.
type ill struct {
	times             atomic.Int32
	status            int
	kind, text, after string
}

func (i *ill) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if i.times.Add(-1) >= 0 {
		w.Header().Set("Content-Type", i.kind)
		w.WriteHeader(i.status)
		_, _ = io.WriteString(w, i.text)
		return
	}
	_, _ = io.WriteString(w, i.after)
}

const (
	grant = `{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"secret","Token":"t","Expiration":"2099-01-01T00:00:00Z","Code":"Success","LastUpdated":"2020-01-01T00:00:00Z","Type":"AWS-HMAC"}`
	stsOK = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
)

// stsError is an error of STS.
func stsError(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`
}

// TestCredentials has real providers of credentials fail before they do well,
// with errors that would decide about events, streams and rights if they were of
// CloudWatch Logs. Nothing is lost by them, nothing is created, and what is said
// names the source.
func TestCredentials(t *testing.T) {
	container := func(url string) []string { return []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url} }
	web := func(url string) []string {
		return []string{"AWS_WEB_IDENTITY_TOKEN_FILE", write(t, "token"), "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x", "AWS_ENDPOINT_URL_STS", url}
	}
	machine := func(url string) []string {
		return []string{"AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", url, "AWS_EC2_METADATA_V1_DISABLED", "true"}
	}
	for _, tt := range []struct {
		name   string
		env    func(url string) []string
		status int
		kind   string
		text   string
		after  string
		hint   string
	}{
		{"agent is not ready", container, 500, "text/plain", "agent not ready", grant, "check the credentials: they come from the container's agent"},
		{"agent has no role", container, 400, "application/json", `{"code":"AccessDeniedException","message":"User: x is not authorized to perform: logs:PutLogEvents"}`, grant, "check the credentials: they come from the container's agent"},
		{"agent knows no task", container, 404, "application/json", `{"code":"ResourceNotFoundException","message":"no such task"}`, grant, "check the credentials: they come from the container's agent"},
		{"agent wants something else", container, 400, "application/json", `{"code":"InvalidParameterException","message":"no"}`, grant, "check the credentials: they come from the container's agent"},
		{"agent is a page", container, 200, "text/html", "<html>", grant, "check the credentials: they come from the container's agent"},
		{"agent finds it too large", container, 413, "text/plain", "too large", grant, "check the credentials: they come from the container's agent"},
		{"agent says done", container, 400, "application/json", `{"code":"DataAlreadyAcceptedException"}`, grant, "check the credentials: they come from the container's agent"},
		{"STS denies", web, 403, "text/xml", stsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), stsOK, "check the credentials: allow sts:AssumeRoleWithWebIdentity"},
		{"STS knows no provider", web, 400, "text/xml", stsError("InvalidIdentityToken", "No OpenIDConnect provider found"), stsOK, "check the credentials: they come from sts:AssumeRoleWithWebIdentity"},
		{"STS finds an input bad", web, 400, "text/xml", stsError("ValidationError", "Request ARN is invalid"), stsOK, "check the credentials: they come from sts:AssumeRoleWithWebIdentity"},
		{"STS is down", web, 503, "text/xml", stsError("ServiceUnavailable", "no"), stsOK, "check the credentials: they come from sts:AssumeRoleWithWebIdentity"},
		{"machine has no role", machine, 404, "text/plain", "", "", "check the credentials: none in the environment or in its files, none from the instance"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := &ill{status: tt.status, kind: tt.kind, text: tt.text, after: tt.after}
			source.times.Store(3) // the SDK itself tries some of them three times
			web := httptest.NewServer(source)
			defer web.Close()
			setAWS(t, tt.env(web.URL)...)
			if tt.after == "" {
				source.times.Store(1 << 30) // the metadata service has an API of its own
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cfg, err := config.LoadDefaultConfig(ctx)
			if err != nil {
				t.Fatal(err)
			}
			srv, r := cwltest.NewServer(t), new(recorder)
			s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: r, Client: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
				o.HTTPClient = &http.Client{Transport: srv.Transport()}
				o.ClientLogMode, o.Logger = 0, logging.Nop{}
			})}}
			fate := Delivered
			s.SetJitter(func(time.Duration) time.Duration {
				if tt.after == "" && r.puts == 3 {
					cancel()
					fate = Late
				}
				return time.Millisecond
			})
			s.Deliver(ctx, chunked("a", "b"), "", r.report)
			if r.count(fate) != 2 || len(r.errs) == 0 {
				t.Fatalf("got fates %v and errors %v, want 2 %s after some", r.fates, r.errs, fate)
			}
			if calls := srv.Stats().Calls; fate == Late && len(calls) > 0 || calls["CreateLogStream"] > 2 {
				t.Errorf("got calls %v for want of credentials", calls)
			}
			for _, err := range r.errs {
				if text := err.Error(); !strings.HasPrefix(text, "put 2 events to /g/s: credentials: ") || classify(err) != classRetry || Code(err) != "credentials" {
					t.Errorf("got %q with code %q and class %d, want one that says it is the credentials", text, Code(err), classify(err))
				}
				if got := Hint(err); got != tt.hint {
					t.Errorf("Hint(%v) = %q, want %q", err, got, tt.hint)
				}
			}
			if st := s.compression.state.Load(); st != gzipUntried {
				t.Errorf("compression is %d after errors of credentials", st)
			}
		})
	}
}

// TestCredentialsProcess has a process give the credentials, when it does.
func TestCredentialsProcess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the process is a shell script")
	}
	ready := filepath.Join(t.TempDir(), "ready")
	script := write(t, "cat "+ready+" || { touch "+ready+".seen; exit 1; }\n")
	setAWS(t, "AWS_CONFIG_FILE", write(t, "[default]\ncredential_process = sh "+script+"\n"))
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv, r := cwltest.NewServer(t), new(recorder)
	s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: r, Client: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
		o.HTTPClient = &http.Client{Transport: srv.Transport()}
	})}}
	s.SetJitter(func(time.Duration) time.Duration {
		if err := os.WriteFile(ready, []byte(`{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"secret"}`), 0o600); err != nil {
			t.Error(err)
		}
		return time.Millisecond
	})
	s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
	if _, err := os.Stat(ready + ".seen"); err != nil || r.count(Delivered) != 2 || len(r.errs) != 1 || !strings.Contains(r.errs[0].Error(), "credentials: process provider error") || !strings.HasSuffix(Hint(r.errs[0]), "credential_process") {
		t.Errorf("got fates %v and errors %v (%v), want 2 delivered after one of the process", r.fates, r.errs, err)
	}
}

// TestConfig has clients that cannot work, however long one waits: they are
// refused at once, in one line that says what is missing.
func TestConfig(t *testing.T) {
	const wantURL = "check AWS_ENDPOINT_URL and the proxy: want http:// or https://, a host, and a port up to 65535"
	for _, tt := range []struct {
		name string
		env  []string
		text string
		hint string
	}{
		{"no region", []string{"AWS_REGION", ""}, "no AWS region", "set AWS_REGION"},
		{"neither region nor credentials", []string{"AWS_REGION", "", "AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", ""}, "no AWS region", "set AWS_REGION"},
		{"bad region", []string{"AWS_REGION", "eu west"}, "configuration: bind endpoint params, invalid input region eu west", "check AWS_REGION"},
		{"bad endpoint", []string{"AWS_ENDPOINT_URL", "::::"}, "configuration: Failed to parse uri: ::::", "check the AWS configuration"},
		{"endpoint without a scheme", []string{"AWS_ENDPOINT_URL", "localhost:4566"}, `configuration: Post "localhost:///": unsupported protocol scheme "localhost"`, wantURL},
		{"endpoint with no port", []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:99999"}, `configuration: Post "http://127.0.0.1:99999/": dial tcp: address 99999: invalid port`, wantURL},
		{"FIPS and an endpoint", []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:1", "AWS_USE_FIPS_ENDPOINT", "true"}, "configuration: FIPS and custom endpoint are not supported", "check the AWS configuration"},
		{"unknown profile", []string{"AWS_PROFILE", "nobody"}, "failed to get shared config profile, nobody", "check AWS_PROFILE"},
		{"no CA bundle", []string{"AWS_CA_BUNDLE", "/nonexistent/ca.pem"}, "open /nonexistent/ca.pem: no such file or directory", `check the file "/nonexistent/ca.pem"`},
		{"retry mode", []string{"AWS_RETRY_MODE", "often"}, "invalid AWS_RETRY_MODE value, unknown RetryMode, often", "check AWS_RETRY_MODE"},
		{"FIPS", []string{"AWS_USE_FIPS_ENDPOINT", "maybe"}, "invalid value for environment variable, AWS_USE_FIPS_ENDPOINT=maybe, need true, false", "check AWS_USE_FIPS_ENDPOINT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setAWS(t, append([]string{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY", "secret"}, tt.env...)...)
			r := new(recorder)
			s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: r, Client: &LazyClient{New: func(ctx context.Context) (*cloudwatchlogs.Client, error) {
				cfg, err := config.LoadDefaultConfig(ctx)
				if err != nil {
					return nil, err
				}
				return cloudwatchlogs.NewFromConfig(cfg), nil
			}}}}
			s.Deliver(t.Context(), chunked("a", "b"), "", r.report)
			if r.count(Refused) != 2 || r.puts != 1 || len(r.whys) != 1 {
				t.Fatalf("got fates %v after %d puts, want 2 refused after one", r.fates, r.puts)
			}
			if got, want := r.whys[0].Error(), "put 2 events to /g/s: "+tt.text; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := Hint(r.whys[0]); got != tt.hint {
				t.Errorf("Hint = %q, want %q", got, tt.hint)
			}
		})
	}
}

// TestNoRegion has clients of a program's own without a region.
func TestNoRegion(t *testing.T) {
	endpoint := "http://127.0.0.1:1"
	for _, tt := range []struct {
		name string
		o    cloudwatchlogs.Options
		want Fate
	}{
		{"nothing", cloudwatchlogs.Options{}, Refused},
		{"endpoint", cloudwatchlogs.Options{BaseEndpoint: &endpoint}, Late},
		{"resolver", cloudwatchlogs.Options{EndpointResolverV2: fixed(endpoint)}, Late},
	} {
		r := new(recorder)
		s := &Stream{Name: "s", Service: &Service{Group: "/g", Recorder: r, Client: cloudwatchlogs.New(tt.o)}}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		s.Deliver(ctx, chunked("a", "b"), "", r.report)
		cancel()
		if r.count(tt.want) != 2 || (Hint(r.whys[0]) == "set AWS_REGION") != (tt.want == Refused) {
			t.Errorf("%s: got fates %v and %v, want %s", tt.name, r.fates, r.whys, tt.want)
		}
	}
}

// fixed is a resolver that needs no region.
type fixed string

func (f fixed) ResolveEndpoint(context.Context, cloudwatchlogs.EndpointParameters) (smithyendpoints.Endpoint, error) {
	u, err := url.Parse(string(f))
	return smithyendpoints.Endpoint{URI: *u}, err
}

// TestConfigHealed makes the client as soon as its configuration is right.
func TestConfigHealed(t *testing.T) {
	inStream(t, func(t *testing.T, s *Stream, r *recorder, srv *cwltest.Server) {
		healed, sdk := false, srv.Client()
		s.Client = &LazyClient{New: func(context.Context) (*cloudwatchlogs.Client, error) {
			if !healed {
				return nil, errors.New("no such profile")
			}
			return sdk, nil
		}}
		s.Deliver(t.Context(), chunked("a"), "", r.report)
		healed = true
		s.Deliver(t.Context(), chunked("b"), "", r.report)
		if r.fates["a"] != Refused || r.fates["b"] != Delivered {
			t.Errorf("got fates %v, want the first refused and the second delivered", r.fates)
		}
	})
}
