//go:build unix

package systest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// diskOf is how many bytes the files of a directory take.
func diskOf(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var st syscall.Stat_t
		if err := syscall.Stat(filepath.Join(dir, f.Name()), &st); err == nil {
			bytes += int64(st.Blocks) * 512
		}
	}
	return bytes
}
