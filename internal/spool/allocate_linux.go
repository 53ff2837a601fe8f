package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate makes the file size bytes long, all of them on the disk.
func (f file) allocate(size int64) error {
	f.overwrite()
	err := system("fallocate", func() error { return unix.Fallocate(f.fd, 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return f.zero(size)
	}
	return os.NewSyscallError("fallocate", err)
}

// populate has the kernel give the pages of a mapped file at once. It spares
// callers a fault for each page, which costs more than what they copy there. After an
// error the faults give them: some kernels cannot do that.
func populate(mem []byte) error { return unix.Madvise(mem, unix.MADV_POPULATE_WRITE) }

// overwrite has Btrfs write new content where the old one is. By default it takes
// new blocks, which a full disk does not have. That it is not granted shows
// nowhere but on a full Btrfs.
func (f file) overwrite() {
	var st unix.Statfs_t
	if err := system("fstatfs", func() error { return unix.Fstatfs(f.fd, &st) }); err != nil || uint32(st.Type) != unix.BTRFS_SUPER_MAGIC {
		return
	}
	const noCow = 0x00800000 // FS_NOCOW_FL of linux/fs.h
	_ = unix.IoctlSetPointerInt(f.fd, unix.FS_IOC_SETFLAGS, noCow)
}
