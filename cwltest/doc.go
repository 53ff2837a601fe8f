// Package cwltest provides an in-memory CloudWatch Logs server, for tests of
// programs that log there. It takes requests of the real SDKs, enforces the
// limits of the service with the service's own errors, and fails on demand.
//
//	srv := cwltest.NewServer(t)
//	srv.CreateStream("/acme/prod", "orders")
//	srv.Fail(cwltest.Fault{Op: "PutLogEvents", Times: 2, Code: "ThrottlingException"})
//	// run the code under test with srv.Client(), then look:
//	got := srv.Messages("/acme/prod", "orders")
//	puts := srv.Stats().Calls["PutLogEvents"]
//
// # Reaching a server
//
// [Server.Client] returns a client of aws-sdk-go-v2 whose requests go through
// memory, without sockets or long-lived goroutines. So a server works inside a
// testing/synctest bubble: a scripted delay of an hour takes no time, and a
// black hole lasts until the client's deadline. [Server.Transport] is the same
// for other HTTP clients. [Server.URL] opens a socket on loopback, for everything
// else: another process, another language, the aws command with --endpoint-url.
//
// Requests must be signed (AWS Signature Version 4). Any keys will do unless
// AccessKey and SecretKey are set. The region of the signature is the region
// whose log groups a request sees.
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
// [ip, ..., status = 4*, bytes] for space-delimited fields. A malformed pattern
// is an InvalidParameterException that says where. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
//
// StartLiveTail sends an update a second, with at most 500 events, for three
// hours. For it, SDKs prefix the host of the endpoint with "streaming-" or
// "stream-". [Server.Client] ignores that, but no such name leads to loopback:
// set AWS_DISABLE_HOST_PREFIX_INJECTION=true for the aws command and boto3, and
// in Go use DisableEndpointHostPrefix of smithy-go's transport/http.
//
// # The page
//
// A listening server has a web page at /, see [Server.URL], that shows its
// streams: live, with filters by level, function, text or filter pattern, JSON
// fields in columns, and a link to every event. It stays responsive in a stream
// of 100,000 events. It loads nothing from elsewhere, never renders event text as
// HTML, and is not available to web pages of other origins, nor under a host name
// that is not the server's. [Server.NoPage] turns it off.
//
// # Limits
//
// PutLogEvents refuses these as a whole, with an InvalidParameterException:
//
//   - no event, or more than 10,000
//   - more than 1,048,576 bytes: messages in UTF-8 and 26 more for each event
//   - an event of more than [Server.MaxEventBytes], counted in the same way
//   - an empty message, a negative timestamp
//   - timestamps that are not in ascending order
//   - more than 24 hours between the events that are neither more than 14 days
//     old nor more than 2 hours ahead
//
// It rejects single events that are more than 14 days old, older than the
// retention of their group, or more than 2 hours ahead, and reports them in
// rejectedLogEventsInfo. The server's clock is [time.Now]. Bytes that are not
// UTF-8 count, and are stored, as U+FFFD.
//
// Names have 1 to 512 characters: a-z, A-Z, 0-9 and .-_/# for groups, any but
// ':' and '*' for streams. Sequence tokens, gzip and access keys have switches in
// [Server]; use a [Fault] for quotas, IAM policies and other failures.
//
// # Across restarts
//
// A server writes every change to its [Server.Journal] before it acknowledges
// the change, and [Server.Replay] reads the journal back. [Server.Compact] writes
// a new one without deleted events and events older than their group's retention.
//
// Unlike the real service it has no delays: events can be read as soon as they
// are put, deletions take effect at once, and nothing stored expires while a server
// runs.
package cwltest
