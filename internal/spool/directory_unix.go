//go:build linux || darwin

package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A directory is open: what is done in it is done in this one, whatever its path
// leads to meanwhile.
type directory struct {
	*os.File
	path string
}

// openDirectory opens the directory, and makes it if it is missing and create is
// set. One in which others can replace files is refused.
func openDirectory(path string, create bool) (*directory, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	}
	if err != nil {
		return nil, err
	}
	d := &directory{f, path}
	if err := d.check(); err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

func (d *directory) fd() int { return int(d.Fd()) }

// check is about who may remove and replace what is in the directory.
func (d *directory) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd(), &st); err != nil {
		return &fs.PathError{Op: "stat", Path: d.path, Err: err}
	}
	if me := uint32(os.Geteuid()); st.Uid != me && st.Uid != 0 {
		return fmt.Errorf("%s belongs to user %d, who could replace what user %d writes there: want a directory that belongs to user %d or to root", d.path, st.Uid, me, me)
	}
	if mode := uint32(st.Mode); mode&0o002 != 0 && mode&unix.S_ISVTX == 0 {
		return fmt.Errorf("everybody may write to %s (mode %04o), and could replace what is there: want chmod o-w, or a directory in it, such as %s, which is made with mode 0700",
			d.path, mode&0o7777, filepath.Join(d.path, "zapcw"))
	}
	return nil
}

// names are the files of the directory that begin with prefix.
func (d *directory) names(prefix string) (names []string, err error) {
	for {
		batch, err := d.Readdirnames(1 << 10)
		for _, name := range batch {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		if len(batch) == 0 || err != nil {
			if err == io.EOF {
				err = nil
			}
			return names, err
		}
	}
}

// stat does not follow a symbolic link.
func (d *directory) stat(name string) (st unix.Stat_t, err error) {
	err = system("fstatat", func() error { return unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

// create makes a file of size bytes and locks it. All of it is on the disk: a
// write to the mapped file cannot find the disk full.
func (d *directory) create(name string, size int64) (f file, err error) {
	// It was opened a moment ago.
	if scarce(d.fd()) {
		return f, &fs.PathError{Op: "create", Path: filepath.Join(d.path, name), Err: unix.EMFILE}
	}
	err = system("openat", func() (err error) {
		f.fd, err = unix.Openat(d.fd(), name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return f, &fs.PathError{Op: "create", Path: filepath.Join(d.path, name), Err: err}
	}
	// Whoever removes what dead owners left unfinished may have been faster.
	if err = f.lock(unix.LOCK_EX); err == nil {
		err = f.allocate(size)
	}
	if err != nil {
		d.remove(name, f)
		f.close()
		return f, fmt.Errorf("allocate %d bytes for %s: %w", size, filepath.Join(d.path, name), err)
	}
	return f, nil
}

// open opens and locks a file whose owner is dead.
func (d *directory) open(name string, how lockMode) (f file, size int64, err error) {
	st, err := d.stat(name)
	if err != nil {
		return f, 0, err
	}
	if err := check(&st); err != nil {
		return f, 0, err
	}
	// What stat saw may be something else by now, even a pipe.
	flags := unix.O_RDWR
	if how == shared {
		flags = unix.O_RDONLY
	}
	err = system("openat", func() (err error) {
		f.fd, err = unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return f, 0, err
	}
	if scarce(f.fd) {
		f.close()
		return f, 0, unix.EMFILE
	}
	if err = f.lock(how.flag()); err == nil {
		err = d.same(name, f)
	}
	if err == nil {
		if err = unix.Fstat(f.fd, &st); err == nil {
			err = check(&st)
		}
	}
	if err != nil {
		f.close()
		return f, 0, err
	}
	return f, st.Size, nil
}

// check refuses what is no file of this user alone.
func check(st *unix.Stat_t) error {
	switch mode := uint32(st.Mode); {
	case mode&unix.S_IFMT == unix.S_IFLNK:
		return fmt.Errorf("it is a symbolic link: %w", errForeign)
	case mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("it is no regular file: %w", errForeign)
	case st.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("it belongs to user %d, this process is of user %d: %w", st.Uid, os.Geteuid(), errForeign)
	case st.Nlink > 1:
		return fmt.Errorf("it has %d links: %w", st.Nlink, errForeign)
	case mode&0o002 != 0:
		return fmt.Errorf("everybody may write to it (mode %04o): %w", mode&0o7777, errForeign)
	}
	return nil
}

// same returns nil if name still leads to f.
func (d *directory) same(name string, f file) error {
	var open unix.Stat_t
	if err := system("fstat", func() error { return unix.Fstat(f.fd, &open) }); err != nil {
		return err
	}
	named, err := d.stat(name)
	if err == nil && (open.Dev != named.Dev || open.Ino != named.Ino) {
		err = fs.ErrNotExist
	}
	return err
}

// rename gives a file another name. Nothing has it, but for other processes of
// this user that mean harm.
func (d *directory) rename(f file, from, to string) error {
	err := d.same(from, f)
	if err == nil {
		err = system("renameat", func() error { return unix.Renameat(d.fd(), from, d.fd(), to) })
	}
	if err != nil {
		return &fs.PathError{Op: "rename", Path: filepath.Join(d.path, from), Err: err}
	}
	return nil
}

// has reports whether there is a file of this name.
func (d *directory) has(name string) bool {
	_, err := d.stat(name)
	return err == nil
}

// remove removes f, if it still has its name.
func (d *directory) remove(name string, f file) error {
	err := d.same(name, f)
	if err == nil {
		err = system("unlinkat", func() error { return unix.Unlinkat(d.fd(), name, 0) })
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "remove", Path: filepath.Join(d.path, name), Err: err}
	}
	return nil
}
