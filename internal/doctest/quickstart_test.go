package doctest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/zapcw/internal/testkit"
)

// A quickStart is what the quick start of README.md has a reader copy.
type quickStart struct {
	serve, run, tail string // lines for a shell
	job              string // in the clone
	file, program    string
	event            string // that is in the stream then
}

func readQuickStart(t *testing.T) quickStart {
	t.Helper()
	text := chapter(t, "README.md", "Quick start")
	blocks := regexp.MustCompile("(?ms)^```(sh|go)\n(.*?)^```$").FindAllStringSubmatch(text, -1)
	var kinds []string
	for _, b := range blocks {
		kinds = append(kinds, b[1])
	}
	if !slices.Equal(kinds, []string{"sh", "go", "sh", "sh", "sh"}) {
		t.Fatalf("README.md has blocks of %q in its quick start, want sh, go, sh, sh, sh", kinds)
	}
	job, ok := strings.CutSuffix(blocks[4][2], "go test ./...\n") // that is what runs here
	if !ok {
		t.Errorf("README.md tests with %q, want go test ./...", blocks[4][2])
	}
	file := regexp.MustCompile("save this as `([^`]+)`").FindStringSubmatch(text)
	event := regexp.MustCompile("In the stream: `([^`]+)`").FindStringSubmatch(text)
	if file == nil || event == nil {
		t.Fatal("README.md names no file or no event in its quick start")
	}
	return quickStart{blocks[0][2], blocks[2][2], blocks[3][2], job, file[1], blocks[1][2], event[1]}
}

const (
	// origin is where README.md has the reader clone from.
	origin = "https://example.com/zapcw.git"
	// servesAt is where zapcw serve listens unless it is told otherwise.
	servesAt = "127.0.0.1:4586"
)

// TestQuickStart does what README.md's quick start says in an empty directory,
// every line of it: git finds this tree, as it is, under the address that is
// cloned. The server listens on a free port, since the usual one may be taken.
func TestQuickStart(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it links the SDK")
	}
	for _, name := range []string{"sh", "git"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("the lines need a shell and git: %v", err)
		}
	}
	q := readQuickStart(t)
	tree, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	publish(t, tree)
	testkit.AWSEnv(t)
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	url, stop := startServer(ctx, t, dir, q.serve)
	defer stop()
	here := strings.NewReplacer("http://"+servesAt, url)

	program := filepath.Join(dir, filepath.FromSlash(q.file))
	for _, err := range []error{os.Mkdir(filepath.Dir(program), 0o777), os.WriteFile(program, []byte(q.program), 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// The second terminal: what its shell remembers holds for all of its lines.
	lines := slices.Collect(strings.Lines(here.Replace(q.run) + q.tail))
	said, failed := terminal(ctx, dir, lines)
	if failed != nil && strings.HasPrefix(lines[len(said)-1], "go mod tidy") {
		// This tree needs the same modules and more.
		if out, err := shell(ctx, tree, "go mod tidy -diff").CombinedOutput(); err != nil {
			t.Skipf("the modules are neither in the cache nor within reach: %v\n%s", err, out)
		}
	}
	if failed != nil {
		t.Fatalf("%s%v\n%s", lines[len(said)-1], failed, said[len(said)-1])
	}
	for i, line := range lines {
		if line == "go run .\n" && said[i] != "" {
			t.Errorf("%swant no output, got\n%s", line, said[i])
		}
	}
	if last := said[len(said)-1]; !strings.Contains(last, q.event) {
		t.Errorf("%sshows\n%swant %s", q.tail, last, q.event)
	}

	if out, err := shell(ctx, filepath.Join(dir, "zapcw"), q.job).CombinedOutput(); err != nil {
		t.Errorf("%s%v\n%s", q.job, err, out)
	}

	// The versions are this tree's, not the newest.
	want, got := requirements(t, "go.mod"), requirements(t, filepath.Join(filepath.Dir(program), "go.mod"))
	for mod, version := range got {
		if v, ok := want[mod]; ok && v != version {
			t.Errorf("the quick start has %s %s, want %s", mod, version, v)
		}
	}
	if got["go.uber.org/zap"] == "" {
		t.Errorf("the quick start requires no zap, but %q", got)
	}
}

// publish makes a repository of the tree, changes and all, that git takes for
// origin from now on.
func publish(t *testing.T, tree string) {
	t.Helper()
	// A hook of git, which may run these tests, has an index of its own.
	for _, name := range []string{"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	repo := filepath.Join(t.TempDir(), "zapcw.git")
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	in := []string{"--git-dir", repo, "--work-tree", tree, "-c", "core.bare=false", "-c", "user.name=test", "-c", "user.email=test@example.com"}
	git("init", "-q", "--bare", repo)
	git(append(in, "add", "-A")...)
	git(append(in, "-c", "commit.gpgSign=false", "commit", "-q", "--no-verify", "-m", "the tree as it is")...)
	for i, kv := range [][2]string{{"url." + repo + ".insteadOf", origin}, {"core.hooksPath", os.DevNull}} {
		t.Setenv(fmt.Sprint("GIT_CONFIG_KEY_", i), kv[0])
		t.Setenv(fmt.Sprint("GIT_CONFIG_VALUE_", i), kv[1])
	}
	t.Setenv("GIT_CONFIG_COUNT", "2")
}

// startServer is the first terminal. It returns when the server listens.
func startServer(ctx context.Context, t *testing.T, dir, lines string) (url string, stop func()) {
	t.Helper()
	all := slices.Collect(strings.Lines(lines))
	last := len(all) - 1
	if !strings.HasSuffix(all[last], "zapcw serve\n") {
		t.Fatalf("the last line for the first terminal is %q, want the server", all[last])
	}
	usage := "cmd/zapcw/serve.go"
	if source, err := os.ReadFile(usage); err != nil || !bytes.Contains(source, []byte(servesAt)) {
		t.Errorf("%s does not say that it listens at %s, %v", usage, servesAt, err)
	}
	all[last] = "exec " + strings.TrimSpace(all[last]) + " -addr 127.0.0.1:0\n"
	cmd := shell(ctx, dir, "set -e\n"+strings.Join(all, ""))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		endGroup(cmd)
		_ = cmd.Wait()
	}
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		if url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(scan.Text()); url != "" {
			return url, stop
		}
	}
	stop()
	t.Fatalf("the server did not start: %v\n%s", scan.Err(), errs.Bytes())
	return "", nil
}

// terminal gives the output of each line; if one fails it is the last.
func terminal(ctx context.Context, dir string, lines []string) (said []string, err error) {
	const mark = "\x01"
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, line := range lines {
		script.WriteString(line + "printf '\\001'\n")
	}
	out, err := shell(ctx, dir, script.String()).CombinedOutput()
	said = strings.Split(string(out), mark)
	if err == nil {
		said = said[:len(said)-1]
	}
	if len(said) > len(lines) {
		return said[:len(lines)], errors.Join(err, errors.New("more output than lines"))
	}
	return said, err
}

// requirements reads the versions in a go.mod.
func requirements(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	versions := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) (v\S+)`).FindAllStringSubmatch(string(text), -1) {
		versions[m[1]] = m[2]
	}
	return versions
}

// shell is a command that ends with its children.
func shell(ctx context.Context, dir, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	ownGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd) }
	return cmd
}
