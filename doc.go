// Package zapcw sends zap's log entries to an AWS CloudWatch Logs stream, so that
// all Lambda functions and services of an application can be read in one place.
//
//	client := cloudwatchlogs.NewFromConfig(cfg) // cfg from config.LoadDefaultConfig
//	out := &zapcw.Syncer{Client: client, Group: "/acme/prod", Stream: "orders"}
//	enc := zapcw.NewPrefixEncoder("checkout", zapcw.StandardPrefix, zapcw.NewEncoderConfig())
//	logger := zap.New(zapcw.NewCore(enc, out, zap.InfoLevel), zap.AddCaller())
//	defer logger.Sync() // returns when everything is delivered, or is on the fallback
//	logger.Info("order placed", zap.Int("items", 3))
//
// A logger has three parts: an encoder ([NewPrefixEncoder], [NewJSONEncoder] or
// any of zap's), a [Syncer], which writes to the stream, and a [Core], which joins
// them. [Config] makes all three from JSON or YAML, and [OpenSink] makes a Syncer
// from a URL, for [zap.Config]. In a Lambda function, package cwlambda flushes at
// the right moments.
//
// # Words
//
// An event is what CloudWatch stores: an entry, or a part of one that is too long.
// A put is one PutLogEvents request. To flush is to send what is buffered and wait
// until it is settled. An event is settled when it is delivered, rejected by
// CloudWatch, or spilled: written to the fallback because it could not be
// delivered. The fallback is the Syncer's Fallback, standard error unless set.
//
// # When events are sent
//
// A Core encodes the entry and hands it to its Syncer, which copies it into a
// buffer; the logging call waits for nothing else. The buffer is sent when
//
//   - it holds MaxEvents (20),
//   - its oldest event is MaxAge (one minute) old,
//   - it fills a put,
//   - an entry carries the field [Flush], or is above ErrorLevel,
//   - somebody calls Sync, Flush or Close.
//
// A send takes everything that is buffered, sorts it by time and splits it by the
// limits of PutLogEvents: 10,000 events, 1,048,576 bytes, 24 hours. Entries logged
// meanwhile go with the next send. An idle Syncer has no goroutine and no timer.
//
// # What you can rely on
//
// Nothing is dropped silently. Every accepted event is settled exactly once, as
// delivered, rejected or spilled, and [Stats] counts it. Rejected and spilled
// events are written to the fallback in full, with one line for each cause. Once
// delivery works again the stream gets a gap notice: an event that begins with
// "zapcw: " and says how many events were spilled, at which levels, from when to
// when, and why.
//
// A logging call waits for the network only with [Flush], above ErrorLevel, and
// when the memory is full and WhenFull is [Block].
//
// When Sync, Flush or Close returns, every event that was accepted before the call
// is settled. Events that could not be delivered in time are on the fallback, and
// the error says so. Entries above ErrorLevel are flushed before the logging call
// returns, since the process may end right after. With a Spool, events that were
// not delivered in time stay there instead.
//
// Events of one goroutine keep their order. CloudWatch sorts a stream by time and
// keeps the order of arrival within a millisecond, so puts that are in flight
// together never share a millisecond.
//
// A put without a response is sent again, because nobody can know whether it
// arrived: delivery is at least once.
//
// No method panics because of an invalid field, a failing client, a failing
// Fallback or a closed Syncer. If a marshaler of your own panics while its field is
// encoded, the logging call panics, as it does with zap's own cores.
//
// # Errors
//
// A put is sent again after errors that may pass: throttling, 5xx, the network,
// expired credentials. The back-off doubles from 100 ms to 30 s, with full jitter;
// it goes on until the put succeeds, or a Sync, Flush or Close runs out of time.
// A missing stream is created, and its group if that is missing too. zapcw never
// calls a Describe action. A put with a bad event is halved until that event is
// alone, and the others are delivered. Missing permissions, and other errors that
// waiting cannot fix, spill the batch at once; later batches are tried with the same
// back-off.
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
// [PrefixFunc]. The labels stand for
//
//	#standard   {level}: {func}: {caller}:
//	#short      {level}: {func}:
//	#simple     {func}:
//	#mini       {level}: at WARNING and above, then {func}: unless it is empty
//
// # Other parts of zap
//
// Samplers, hooks, tees, lazy fields, the standard library's logger and zapio
// work. To use log/slog: slog.New(zapslog.NewHandler(core)), from the module
// go.uber.org/zap/exp. Some combinations may surprise you:
//
//   - A [zapcore.BufferedWriteSyncer] around a Syncer hands it many lines in one
//     Write, which becomes one event. A Syncer does its own buffering.
//   - With the Syncer as [zap.ErrorOutput], a flush in an outage waits for a
//     second Timeout: zap writes the error of the first to the Syncer, and syncs
//     it. Leave ErrorOutput at standard error.
//   - Cores in a [zapcore.NewTee] are flushed one after the other, by [Flush],
//     by entries above ErrorLevel and by Sync. Only package cwlambda flushes them
//     concurrently.
//   - After [zap.RedirectStdLog] the standard library's log.Fatal ends the
//     process before anything is sent. zap's Fatal flushes first.
//   - A sampler that drops a Panic or a Fatal hides it from the Core: neither the
//     entry nor anything before it is flushed.
//
// # Cost
//
// A logging call costs its encoding and a copy of the text under a lock that is
// held briefly and seldom contended; it allocates nothing of its own. Until an
// event is settled it takes its length plus 20 bytes of memory; MaxPending bounds
// the sum. Beyond that there is little more than the puts in flight. With a Spool
// that memory is files, which outlive the process, at about the same cost. The body
// of a put is built and hashed once, however often it is sent. AWS bills bytes, not
// requests, so small batches cost no more money than large ones, and compression
// saves none.
//
// # Testing
//
// Package cwltest is an in-memory CloudWatch Logs server that enforces the limits
// of the service and fails on demand.
//
// See docs/operations.md in the repository for running zapcw in production, and
// docs/configuration.md for every setting.
package zapcw
