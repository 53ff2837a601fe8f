// Package cwltest provides a CloudWatch Logs service in memory, for tests of
// programs that log there. It takes requests of the real SDKs, enforces the
// limits of the service with the service's own errors, and fails on demand.
//
//	srv := cwltest.NewServer(t)
//	srv.CreateStream("/acme/prod", "orders")
//	srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"})
//	// run what is to be tested with srv.Client(), then look:
//	got := srv.Messages("/acme/prod", "orders")
//	puts := srv.Stats().Calls["PutLogEvents"]
//
// # Ways to a server
//
// [Server.Client] returns a client of aws-sdk-go-v2 whose requests go through
// memory. They are served without sockets and lasting goroutines, so that a
// server works inside a testing/synctest bubble: a scripted delay of an hour
// takes no time, and a black hole lasts until the client's deadline.
// [Server.Transport] is the same for other HTTP clients. [Server.URL] opens a
// socket on loopback, for everything else: another process, another language,
// the aws command with --endpoint-url.
//
// Requests must be signed (AWS Signature Version 4); with which keys does not
// matter unless AccessKey and SecretKey are set. The region of the signature
// is the region in which a request finds its log groups.
//
// # Operations
//
// CreateLogGroup, CreateLogStream, DeleteLogGroup, DeleteLogStream,
// DeleteRetentionPolicy, DescribeLogGroups, DescribeLogStreams,
// FilterLogEvents, GetLogEvents, ListTagsForResource, PutLogEvents,
// PutRetentionPolicy and StartLiveTail; any other is an
// UnknownOperationException.
//
// Filter patterns of FilterLogEvents and StartLiveTail are those that AWS
// documents: terms, "quoted phrases", -excluded ones, ?any ?of ?these and
// %regular expressions%, { $.level = "ERROR" && $.items > 3 } for JSON, and
// [ip, ..., status = 4*, bytes] for fields between spaces. What is malformed is
// an InvalidParameterException that says where. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
//
// StartLiveTail sends an update a second, with at most 500 events, for three
// hours. SDKs put "streaming-" or "stream-" before the host of the endpoint,
// which does not matter to [Server.Client], but to which no name of loopback
// leads: set AWS_DISABLE_HOST_PREFIX_INJECTION=true for the aws command and
// boto3, and in Go use DisableEndpointHostPrefix of smithy-go's transport/http.
//
// # The page
//
// A server that listens has a page at /, see [Server.URL], on which people read
// its streams: live, with filters by level, function, text or filter pattern,
// JSON fields in columns, and a link to every event. It stays quick in a stream
// of 100,000 events. It loads nothing from elsewhere, shows text as text, and
// gives nothing to web pages of other origins, nor to requests that call the
// server by a name that is not its own. [Server.NoPage] turns it off.
//
// # Limits
//
// What PutLogEvents refuses as a whole, with an InvalidParameterException:
//
//   - no event, or more than 10,000
//   - more than 1,048,576 bytes: messages in UTF-8 and 26 more for each event
//   - an event of more than [Server.MaxEventBytes], counted in the same way
//   - an empty message, a negative timestamp
//   - timestamps that are not in ascending order
//   - more than 24 hours between the events that are neither more than 14 days
//     old nor more than 2 hours ahead
//
// What it rejects event by event, and reports in rejectedLogEventsInfo: events
// that are more than 14 days old or older than the retention of their group,
// and those more than 2 hours ahead. The server's clock is [time.Now]. Bytes
// that are not UTF-8 count, and are stored, as U+FFFD.
//
// Names have 1 to 512 characters, of a-z, A-Z, 0-9 and .-_/# for groups, any
// but ':' and '*' for streams. Sequence tokens, gzip and access keys have
// switches in [Server]; quotas, IAM policies and whatever else goes wrong are
// a [Fault].
//
// # Across restarts
//
// A server writes every change to its [Server.Journal] before it acknowledges
// the change, and [Server.Replay] reads the journal back. [Server.Compact] writes
// one anew without what was deleted and what is older than its group's retention.
//
// There are no delays as in the real service: what was put can be read at once,
// what was deleted is gone at once, and nothing stored expires while a server runs.
package cwltest
