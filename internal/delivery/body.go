package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"sync/atomic"
	"unsafe"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
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
	text    []byte  // as it is sent
	packed  bool    // by gzip
	token   *string // in the text
	invalid int     // bytes of the events that were not UTF-8
	stream  *stream
	hash    string      // of the text in hex, once it was sent
	used    atomic.Bool // the SDK asked for it
}

var (
	_ smithyhttp.ClientProtocol     = (*body)(nil)
	_ middleware.FinalizeMiddleware = (*hashing)(nil)
)

// spare is for the next put. There is one: puts that go side by side are for hard
// times, and memory that is free is memory all the same. A sync.Pool would lose it
// again and again, since it is always another processor's.
var spare atomic.Pointer[body]

func newBody(group, stream string, tok *string, r *request, packed bool) *body {
	b := spare.Swap(nil)
	if b == nil {
		b = new(body)
	}
	b.token, b.packed, b.hash = tok, packed, ""
	b.used.Store(false)
	if packed {
		b.text, b.invalid = appendPacked(slices.Grow(b.text[:0], r.size/8), group, stream, tok, r.evs)
		return b
	}
	// The SDK's syntax takes some bytes an event more than the service counts,
	// and quotes in the text take one each.
	b.text, b.invalid = appendPut(slices.Grow(b.text[:0], r.size+20*r.evs.Len()+r.size/32), group, stream, tok, r.evs, nil)
	return b
}

// free keeps the buffer for the next put, unless a text full of quotes or worse
// made it much larger than others will be.
func (b *body) free() {
	b.ClientProtocol, b.stream = nil, nil
	if cap(b.text) <= 2*batch.MaxBytes {
		spare.Store(b)
	}
}

// takesBodies tells whether the client is the SDK's, and speaks the protocol
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

// option puts the body in the place of the input's events, of which the SDK
// sees none. They must not be nil, though, or it finds the input invalid.
func (b *body) option(o *cloudwatchlogs.Options) {
	b.ClientProtocol = o.Protocol
	o.Protocol = b
	o.APIOptions = append(slices.Clip(o.APIOptions), b.early)
}

// early puts the body before the step that would compute its hash anew with
// every attempt. A client without that step signs in a way of its own.
func (b *body) early(stack *middleware.Stack) error {
	const compute = "ComputePayloadHash"
	if _, ok := stack.Finalize.Get(compute); !ok {
		return nil
	}
	return stack.Finalize.Insert((*hashing)(b), compute, middleware.Before)
}

var noEvents = []types.InputLogEvent{}

// SerializeRequest has the SDK write the head of the request, as for an operation
// without input.
func (b *body) SerializeRequest(ctx context.Context, op *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	head := *op
	head.Input = nil
	op = &head
	if err := b.ClientProtocol.SerializeRequest(ctx, op, in, req); err != nil {
		return err
	}
	b.stream = &stream{bytes.NewReader(b.text)}
	r, err := req.SetStream(b.stream)
	if err != nil {
		return err
	}
	*req = *r
	if b.packed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	b.used.Store(true)
	return nil
}

// A stream is a body on its way. It has no WriteTo on purpose: the SDK closes what
// it sends as soon as the answer begins, WriteTo would give that as an error to
// the transport, which may just be looking for the end, and the connection would
// be lost, one of twenty or so.
type stream struct{ r *bytes.Reader }

func (s *stream) Read(p []byte) (int, error)               { return s.r.Read(p) }
func (s *stream) Seek(to int64, whence int) (int64, error) { return s.r.Seek(to, whence) }
func (s *stream) Len() int                                 { return s.r.Len() }

// hashing is the step of a request that gives the hash of the body to the
// signer.
type hashing body

// ID is the step's name.
func (*hashing) ID() string { return "zapcw.PayloadHash" }

// HandleFinalize looks whether it is still the body that goes out.
func (b *hashing) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	if req, ok := in.Request.(*smithyhttp.Request); ok && req.GetStream() == io.Reader(b.stream) {
		if b.hash == "" {
			sum := sha256.Sum256(b.text)
			b.hash = hex.EncodeToString(sum[:])
		}
		ctx = v4.SetPayloadHash(ctx, b.hash)
	}
	return next.HandleFinalize(ctx, in)
}

// appendPut appends the body of a put, and tells how many bytes of the events
// were not UTF-8. With a packer out is but the end, and the packer has the rest.
func appendPut(b []byte, group, stream string, token *string, evs batch.List, p *packer) (out []byte, invalid int) {
	b = append(b, `{"logGroupName":"`...)
	b = jsonenc.AppendEscaped(b, group)
	b = append(b, `","logStreamName":"`...)
	b = jsonenc.AppendEscaped(b, stream)
	if token != nil {
		b = append(b, `","sequenceToken":"`...)
		b = jsonenc.AppendEscaped(b, *token)
	}
	b = append(b, `","logEvents":[`...)
	// Between two texts there is always the same, but for the time, and that is
	// often the same too.
	var buf [64]byte
	head := append(buf[:0], `"},{"timestamp":`...)
	times := len(head)
	first, last := true, int64(0)
	for e := range evs.All() {
		if first || e.Time != last {
			head = append(strconv.AppendInt(head[:times], e.Time, 10), `,"message":"`...)
			last = e.Time
		}
		if first {
			b = append(b, head[len(`"},`):]...)
			first = false
		} else {
			b = append(b, head...)
		}
		var bad int
		text := e.Text()
		for p != nil && len(b)+len(text) > maxPiece {
			n := batch.Head(text, maxPiece)
			b, bad = jsonenc.AppendCounted(b, unsafe.String(unsafe.SliceData(text), n))
			invalid += bad
			b, text = p.take(b), text[n:]
		}
		b, bad = jsonenc.AppendCounted(b, unsafe.String(unsafe.SliceData(text), len(text)))
		invalid += bad
	}
	if !first {
		b = append(b, `"}`...)
	}
	return append(b, `]}`...), invalid
}
