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
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/zapcw/internal/batch"
)

// Supported tells whether this system has what a Spool needs.
func Supported() error { return nil }

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

// has tells whether there is a file of this name.
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

// A file is open, and locked as long as it is. It is a number and no os.File: ten
// thousand of them are to be small.
type file struct{ fd int }

// scarce reports whether a new descriptor is among the last quarter of those that
// the process may have. They are for others: without them it could not even connect
// to send what is here.
func scarce(fd int) bool {
	var most unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most)
	return err == nil && uint64(fd) >= uint64(most.Cur-most.Cur/4)
}

// lock does not wait. errHeld says that the owner lives.
func (f file) lock(how int) error {
	err := system("flock", func() error { return unix.Flock(f.fd, how|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errHeld
	}
	if err != nil {
		return os.NewSyscallError("flock", err)
	}
	return nil
}

func (m lockMode) flag() int {
	if m == shared {
		return unix.LOCK_SH
	}
	return unix.LOCK_EX
}

// linked tells whether the file still has a name.
func (f file) linked() bool {
	var st unix.Stat_t
	err := system("fstat", func() error { return unix.Fstat(f.fd, &st) })
	return err != nil || st.Nlink > 0
}

// zero writes n zeros, where the disk does not give room by itself.
func (f file) zero(n int64) error {
	zeros := make([]byte, min(n, 64<<10))
	for off := int64(0); off < n; {
		var wrote int
		err := system("pwrite", func() (err error) {
			wrote, err = unix.Pwrite(f.fd, zeros[:min(n-off, int64(len(zeros)))], off)
			return err
		})
		if err != nil {
			return os.NewSyscallError("pwrite", err)
		}
		off += int64(wrote)
	}
	return nil
}

// read fills b with what the file has at off.
func (f file) read(b []byte, off int64) error {
	for len(b) > 0 {
		var n int
		err := system("pread", func() (err error) {
			n, err = unix.Pread(f.fd, b, off)
			return err
		})
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return os.NewSyscallError("pread", err)
		}
		b, off = b[n:], off+int64(n)
	}
	return nil
}

func (f file) mmap(size int64) ([]byte, error) {
	var mem []byte
	err := system("mmap", func() (err error) {
		mem, err = unix.Mmap(f.fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return err
	})
	return mem, os.NewSyscallError("mmap", err)
}

// detach has memory that is mapped from f be the process's own from now on, with what
// was written to it. An error says that not all of it is to be had.
func (f file) detach(mem []byte) error {
	err := system("mmap", func() error {
		_, err := unix.MmapPtr(f.fd, 0, unsafe.Pointer(&mem[0]), uintptr(len(mem)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
		return err
	})
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	if populate(mem) == nil {
		return nil
	}
	return unreadable(batch.Guard(func() { touch(mem) }))
}

func munmap(mem []byte) error { return os.NewSyscallError("munmap", unix.Munmap(mem)) }

func (f file) close() { unix.Close(f.fd) }

// system makes a call of the system, and again as long as a signal interrupts it.
func system(name string, call func() error) error {
	if f := trouble.Load(); f != nil {
		if err := (*f)(name); err != nil {
			return err
		}
	}
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
