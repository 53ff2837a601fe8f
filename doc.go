// Package zapcw carries zap's log entries into one AWS CloudWatch Logs stream,
// so that all functions and services of an application are read in one place.
// The user keeps zap's API; [zap.Logger.Sync] is the purge.
//
// # From a logging call to the stream
//
// A [Core] encodes the entry and hands it to a [Syncer], which copies it into
// its buffer; that is all the call waits for. The buffer is sent when
//
//   - it holds MaxEvents (20),
//   - its oldest event is MaxAge (one minute) old,
//   - it fills a request of the service,
//   - an entry carries [Flush], or is above ErrorLevel,
//   - somebody calls Sync, Flush or Close.
//
// A send takes all that is there, sorts it by time and cuts it by the limits of
// PutLogEvents: 10,000 events, 1,048,576 bytes, 24 hours. While it waits for the
// network the next batch gathers. An idle Syncer owns no goroutine and no timer.
//
// # Levels
//
//	zap                   in the stream   in ParseLevel
//	DebugLevel            DEBUG           debug
//	InfoLevel             INFO            info, or nothing
//	WarnLevel             WARNING         warn, warning
//	ErrorLevel            ERROR           error
//	DPanicLevel           CRITICAL        critical, fatal, dpanic
//	PanicLevel            CRITICAL        panic
//	FatalLevel            CRITICAL
//	below DebugLevel      its number      notset, trace: all of these
//
// # Prefixes
//
// [NewPrefixEncoder] writes prefix, message and fields; [NewJSONEncoder] writes
// JSON. A prefix is a label, a template or a function:
//
//	#standard   {level}: {func}: {caller}:
//	#short      {level}: {func}:
//	#simple     {func}:
//	#mini       {level}: from WARNING on, then {func}: if it has a name
//
// # Promises
//
// Every accepted event has exactly one fate, and Stats counts it: delivered,
// rejected by the service, or spilled. Rejected and spilled events are written,
// whole, to the Syncer's Fallback, which is the standard error unless set, with
// one line a cause. Nothing is dropped silently.
//
// A logging call waits for the network only with [Flush], above ErrorLevel, and
// when memory is full and the Syncer was told to [Block]. It never panics, also
// after Close.
//
// When Sync, Flush or Close returns, every event that was accepted before has
// its fate: what could not be delivered in time is on the Fallback, and the
// error says so. Entries above ErrorLevel settle before the call returns, since
// the process may end right after.
//
// Events of one goroutine keep their order. The service sorts a stream by time
// and leaves ties to arrival, so requests that are under way together never
// share a millisecond.
//
// A request that was not answered is sent again, because nobody can know whether
// it arrived: delivery is at least once.
//
// # Errors
//
// What passes (throttling, 5xx, the network, expired credentials) is tried
// again, from 100 ms doubling to 30 s with full jitter, as long as memory lasts
// and nobody's deadline ends. A missing stream is created, and its group if that
// is missing too; nothing is ever described. A request with a bad event is
// halved until that stands alone, and the others are delivered. Missing rights
// and what else waiting cannot mend spill the batch at once; the next batches
// are tried at the pace of the back-off. After events were spilled the stream
// itself tells of the gap: an event that begins with "zapcw: " says how many, of
// which levels, from when to when and why.
//
// # Fleets
//
// In a simulation of 10,000 processes that start within one second against an
// account's quotas of 5,000 puts and 50 creations a second, 100 streams drain in
// less than ten seconds, and a stream for each process in 3 minutes 40 seconds,
// of which the creations alone need 200 seconds. Without the jitter of the
// back-off not a quarter of those streams is there after five minutes, because
// everybody comes back together.
//
// # Lambda
//
// [Handler] settles before the response is out, in the time that the invocation
// has left. Lambda may freeze the process right after.
//
// # Testing
//
// Package cwltest is the service in memory, with all its limits and scripted
// faults.
package zapcw
