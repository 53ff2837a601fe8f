//go:build linux || darwin

package spool

import (
	"errors"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/zapcw/internal/batch"
)

// A file is open, and locked as long as it is. It is a number and no os.File: ten
// thousand of them are to be small.
type file struct{ fd int }

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

// linked reports whether the file still has a name.
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
	return unreadable(batch.CatchFault(func() { touch(mem) }))
}

func (f file) close() { unix.Close(f.fd) }

// munmap undoes file.mmap.
func munmap(mem []byte) error { return os.NewSyscallError("munmap", unix.Munmap(mem)) }

// flag is what flock(2) calls it.
func (m lockMode) flag() int {
	if m == shared {
		return unix.LOCK_SH
	}
	return unix.LOCK_EX
}

// scarce reports whether a new descriptor is among the last quarter of those that
// the process may have. They are for others: without them it could not even connect
// to send what is here.
func scarce(fd int) bool {
	var most unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most)
	return err == nil && uint64(fd) >= uint64(most.Cur-most.Cur/4)
}

// Supported returns nil: this system has what a Spool needs.
func Supported() error { return nil }

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
