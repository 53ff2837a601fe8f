package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate makes the file size bytes long, all of them on the disk.
func (f file) allocate(size int64) error {
	store := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: size}
	if err := system("fcntl", func() error { return unix.FcntlFstore(uintptr(f.fd), unix.F_PREALLOCATE, &store) }); err == unix.ENOTSUP || err == unix.EINVAL {
		return f.zero(size)
	} else if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return os.NewSyscallError("ftruncate", system("ftruncate", func() error { return unix.Ftruncate(f.fd, size) }))
}

// populate does nothing: the first write to a page has the kernel give it.
func populate([]byte) error { return errors.ErrUnsupported }
