package delivery

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync/atomic"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/zapcw/internal/batch"
)

// A body is the protocol of one put whose request body was made here, straight
// from the chunks. The SDK's serializer takes several times what the rest of a
// put takes, and leaves megabytes of garbage; all else that the SDK does, the
// signature above all, stays as it is.
type body struct {
	smithyhttp.ClientProtocol
	text    []byte // as it is sent
	gzip    bool
	token   *string // in the text
	invalid int     // bytes of the events that were not UTF-8
	reader  bodyReader
	digest  digest
	hash    string      // of the text in hex
	used    atomic.Bool // the SDK asked for it
}

var (
	_ smithyhttp.ClientProtocol     = (*body)(nil)
	_ middleware.FinalizeMiddleware = (*payloadHash)(nil)
)

// spareBody is for the next put. There is one: puts side by side are rare,
// and memory that is free is memory all the same. A sync.Pool would
// lose it again and again, since it is always another processor's.
var spareBody atomic.Pointer[body]

// newBody makes the body of a payload that the service counts as size bytes.
func newBody(p payload, size int, gzip bool) *body {
	b := spareBody.Swap(nil)
	if b == nil {
		b = new(body)
	}
	b.token, b.gzip = p.token, gzip
	b.used.Store(false)
	b.digest.reset()
	if gzip {
		z := takePacker()
		defer z.free()
		b.text, b.invalid = z.pack(slices.Grow(b.text[:0], size/8), p)
	} else {
		// The SDK's syntax takes some bytes an event more than the service
		// counts, and quotes in the text take one each.
		b.text, b.invalid = p.append(slices.Grow(b.text[:0], size+20*(p.evs.Len()+1)+size/32), &b.digest, nil)
	}
	b.hash = b.digest.hex(b.text)
	return b
}

// free keeps the buffer for the next put, unless a text full of quotes or worse
// made it much larger than others will be.
func (b *body) free() {
	b.ClientProtocol = nil
	b.reader.r.Reset(nil)
	if cap(b.text) <= 2*batch.MaxBytes {
		spareBody.Store(b)
	}
}

// takesBodies reports whether the client is the SDK's, and speaks the protocol
// that a body is written in.
func takesBodies(c Client) bool {
	if _, ok := c.(*LazyClient); ok {
		return true
	}
	sdk, ok := c.(*cloudwatchlogs.Client)
	if !ok || sdk == nil {
		return false
	}
	p := sdk.Options().Protocol
	return p != nil && p.ID() == smithy.ShapeID{Namespace: "aws.protocols", Name: "awsJson1_1"}
}

// noEvents stands in the input for the events, of which the SDK sees none. They
// must not be nil, though, or it finds the input invalid.
var noEvents = []types.InputLogEvent{}

// option is all the options of a put that sends the body instead of its input.
func (b *body) option(o *cloudwatchlogs.Options) {
	noRetryNoLog(o)
	b.ClientProtocol = o.Protocol
	o.Protocol = b
	o.APIOptions = append(slices.Clip(o.APIOptions), addProof, b.installHash)
}

// installHash puts the body's hash before the step that would compute it anew
// with every attempt. A client without that step signs in a way of its own.
func (b *body) installHash(stack *middleware.Stack) error {
	const compute = "ComputePayloadHash"
	if _, ok := stack.Finalize.Get(compute); !ok {
		return nil
	}
	return stack.Finalize.Insert((*payloadHash)(b), compute, middleware.Before)
}

// SerializeRequest has the SDK write the head of the request, as for an operation
// without input.
func (b *body) SerializeRequest(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	head := *op
	head.Input = nil
	op = &head
	if err := b.ClientProtocol.SerializeRequest(ctx, op, in, req); err != nil {
		return err
	}
	b.reader.r.Reset(b.text)
	r, err := req.SetStream(&b.reader)
	if err != nil {
		return err
	}
	*req = *r
	if b.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	b.used.Store(true)
	return nil
}

// A bodyReader is a body on its way. It has no WriteTo on purpose: the SDK closes
// what it sends as soon as the answer begins, WriteTo would give that as an error
// to the transport, which may just be looking for the end, and the connection
// would be lost, one of twenty or so.
type bodyReader struct{ r bytes.Reader }

func (r *bodyReader) Read(p []byte) (int, error)               { return r.r.Read(p) }
func (r *bodyReader) Seek(to int64, whence int) (int64, error) { return r.r.Seek(to, whence) }
func (r *bodyReader) Len() int                                 { return r.r.Len() }

// payloadHash is the step of a request that gives the hash of the body to the
// signer.
type payloadHash body

// ID is the step's name.
func (*payloadHash) ID() string { return "zapcw.PayloadHash" }

// HandleFinalize looks whether it is still the body that goes out.
func (h *payloadHash) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	if req, ok := in.Request.(*smithyhttp.Request); ok && req.GetStream() == io.Reader(&h.reader) {
		ctx = v4.SetPayloadHash(ctx, h.hash)
	}
	return next.HandleFinalize(ctx, in)
}
