// Package zapcw carries zap's log entries into one AWS CloudWatch Logs stream,
// so that all functions and services of an application are read in one place.
// The user keeps zap's API; [zap.Logger.Sync] is the purge.
//
// Three things make a logger: an encoder ([NewPrefixEncoder], [NewJSONEncoder]
// or any of zap's), a [Syncer], which is the stream, and a [Core], which joins
// them. [Config] makes all three from a text, and [OpenSink] a Syncer from a
// URL, for [zap.Config].
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
// JSON. A prefix is a label, a template or a function, see [ParsePrefix] and
// [PrefixFunc]:
//
//	#standard   {level}: {func}: {caller}:
//	#short      {level}: {func}:
//	#simple     {func}:
//	#mini       {level}: from WARNING on, then {func}: if it has a name
//
// # Triggers
//
// A Core encodes the entry and hands it to its Syncer, which copies it into a
// buffer; that is all the call waits for. The buffer is sent when
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
// # Promises
//
// Every accepted event has exactly one fate, and [Stats] counts it: delivered,
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
// # Lambda
//
// [Handler] settles before the response is out, in the time that the invocation
// has left. Lambda may freeze the process right after. On SIGTERM there are 300
// to 500 ms: use [Syncer.Flush] with a context of that length.
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
// # Other parts of zap
//
// Samplers, hooks, tees, lazy fields, the standard library's logger and zapio
// work; the examples of [NewCore] show each. slog.New(zapslog.NewHandler(core)),
// of the module go.uber.org/zap/exp, logs from log/slog. Some constructions do
// what one does not expect:
//
//   - A [zapcore.BufferedWriteSyncer] around a Syncer hands it many lines as
//     one, which is one event. A Syncer buffers by itself.
//   - With the Syncer as [zap.ErrorOutput], whoever settles in an outage waits
//     for a second Timeout: zap writes the error of the first to the Syncer, and
//     syncs it. Leave it at the standard error.
//   - Of two Cores in a [zapcore.NewTee] one waits after the other, with [Flush],
//     above ErrorLevel and in Sync. Only [Handler] has them settle side by side.
//   - After [zap.RedirectStdLog] the standard library's log.Fatal ends the
//     process before anything is sent. zap's Fatal does not.
//   - A sampler that drops a Panic or a Fatal keeps it from the Core: nothing
//     settles, neither the entry nor those before it.
//
// # Cost
//
// A logging call costs what its encoder does, and a copy of the text under a
// short lock that goroutines which log at once seldom share; it allocates nothing
// of its own. An event takes its length and 17 bytes of memory until it has a
// fate, MaxPending bounds the sum, and beside that there are little more than the
// requests under way. The body of a request is built and hashed once, however
// often it is sent. AWS bills bytes and not requests, so small batches cost no
// more money than large ones, and compression saves none.
//
// In a simulation of 10,000 processes that start within one second against an
// account's quotas of 5,000 puts and 50 creations a second, 100 streams drain in
// less than ten seconds, and a stream for each process in 3 minutes 40 seconds,
// of which the creations alone need 200 seconds. Without the jitter of the
// back-off not a quarter of those streams is there after five minutes, because
// everybody comes back together.
//
// # Testing
//
// Package cwltest is the service in memory, with all its limits and scripted
// faults.
package zapcw
