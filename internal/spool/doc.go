// Package spool keeps events in files that outlive the process: chunks of memory
// that are mapped from them, so that an event is in the hands of the kernel as
// soon as it was copied. After SIGKILL, a panic or os.Exit, the next process finds
// there what had no fate yet. After the death of the machine it finds what the
// kernel had written back.
//
// # The format, version 1
//
// A file is a segment. Its name is zapcw-HASH-RANDOM.spool, with 16 hexadecimal
// digits each; HASH is the beginning of the SHA-256 of group, a zero byte, and
// stream, and RANDOM that of the key. While it is made it ends in .tmp. A damaged one
// is kept with .bad behind its name once what is whole in it has its fate. Numbers are
// little-endian, words the 64 bits of a number of the machine.
//
//	segment:  head, chunks one behind the other, copy of the head
//
//	head:   0  "zapcwsp", version (1)
//	        8  key, random
//	       16  size of the segment in bytes
//	       24  when it was made, milliseconds since 1970
//	       32  length of the head, a multiple of 64: there the first chunk begins
//	       36  length of the group, 16 bits
//	       38  length of the stream, 16 bits
//	       40  word: epoch, 32 bits, and above it a check of it under the key
//	       48  word: where the next chunk is to begin, 32 bits, and above it the
//	           complement; not in the copy
//	       56  CRC-32C of the bytes before 40 and of those from 64 on
//	       60  zero
//	       64  group, stream, zeros
//
//	chunk:  0  check of the following and of the chunk's place, under the base
//	        8  size with this head, 32 bits, a multiple of 64
//	       12  zero
//	       16  word: length of the whole records, 32 bits, and above it the complement
//	       24  state: the complement of the check if every event has its fate
//	       32  records, see batch.Backing; the check of each is under the base and
//	           covers its place in the segment
//
// The base is made of key and epoch. When every chunk of a segment is free, the
// segment gets its next epoch and is filled from its beginning again. So nothing
// is cleared, and nothing of an earlier epoch is valid: the texts of events cannot
// be mistaken for heads or records either, since whoever writes them does not know
// the key (nobody but the owner may read the file).
//
// Every write leaves a valid segment, whenever the process dies: the check of a
// chunk is written behind the rest of its head, and the place of the next chunk
// behind that; the head of a record behind its text; the length behind both.
//
// A damaged head of the segment is replaced by its copy. A damaged head of a chunk
// costs nothing but time: records are then looked for byte by byte up to the next
// chunk. A damaged record costs that record. The bytes of a text have no check.
//
// # Owners
//
// The owner of a segment holds flock(2) on its file, from before it has its name
// until it is gone. So a segment that can be locked is one that somebody left.
// Between opening and locking it may have been removed by its last owner, so that
// its name has to lead to the locked file still.
//
// # Faults
//
// A mapped file may fail whoever touches it: its disk is gone or takes no more writes,
// or somebody truncated it. The kernel says so by a signal, which ends the process
// unless Go makes a panic of it. So chunks are written under Spool.Guard or
// batch.Chunk.TryAppend, which have Spool.survive make the memory the process's own,
// and read under batch.CatchFault; touch has every page read before anybody else does.
package spool
