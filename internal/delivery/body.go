package delivery

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/jsonenc"
)

// A body is the protocol of one put whose request body was made here, straight
// from the arena. The SDK's serializer takes several times what the rest of a
// put takes, and leaves megabytes of garbage; all else that the SDK does, the
// signature above all, stays as it is.
//
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
type body struct {
	smithyhttp.ClientProtocol
	text []byte
	used *atomic.Bool // the SDK asked for it
}

var _ smithyhttp.ClientProtocol = (*body)(nil)

// bodies holds buffers for the next puts.
var bodies = sync.Pool{New: func() any { return new(body) }}

// free keeps the buffer for the next put: one of those that went side by side,
// and none that a text full of quotes or worse made much larger than others will
// be. Memory that is free is memory all the same.
func (s *Stream) free(b *body) {
	if s.putting.Add(-1) == 0 && cap(b.text) <= 2*batch.MaxBytes {
		bodies.Put(b)
	}
}

// takesBodies tells whether the client is the SDK's, and speaks the protocol
// that a body is written in.
func takesBodies(c Client) bool {
	sdk, ok := c.(*cloudwatchlogs.Client)
	if !ok || sdk == nil {
		return false
	}
	p := sdk.Options().Protocol
	return p != nil && p.ID() == smithy.ShapeID{Namespace: "aws.protocols", Name: "awsJson1_1"}
}

// option puts the body in the place of the input's events, of which the SDK
// sees none. They must not be nil, though, or it finds the input invalid.
func (b *body) option(o *cloudwatchlogs.Options) {
	b.ClientProtocol = o.Protocol
	o.Protocol = b
}

var noEvents = []types.InputLogEvent{}

// SerializeRequest has the SDK write the head of the request.
func (b *body) SerializeRequest(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	if err := b.ClientProtocol.SerializeRequest(ctx, op, in, req); err != nil {
		return err
	}
	r, err := req.SetStream(bytes.NewReader(b.text))
	if err != nil {
		return err
	}
	*req = *r
	b.used.Store(true)
	return nil
}

// appendPut appends the body of a put.
func appendPut(b []byte, group, stream string, token *string, evs []batch.Event) []byte {
	b = append(b, `{"logGroupName":"`...)
	b = jsonenc.AppendEscaped(b, group)
	b = append(b, `","logStreamName":"`...)
	b = jsonenc.AppendEscaped(b, stream)
	if token != nil {
		b = append(b, `","sequenceToken":"`...)
		b = jsonenc.AppendEscaped(b, *token)
	}
	b = append(b, `","logEvents":[`...)
	for i, e := range evs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"timestamp":`...)
		b = strconv.AppendInt(b, e.Time, 10)
		b = append(b, `,"message":"`...)
		text := e.Text()
		b = jsonenc.AppendEscaped(b, unsafe.String(unsafe.SliceData(text), len(text)))
		b = append(b, `"}`...)
	}
	return append(b, `]}`...)
}
