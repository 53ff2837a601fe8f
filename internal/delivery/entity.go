package delivery

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"example.com/zapcw/internal/jsonenc"
)

// An Entity says which service events come from. It may be nil.
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Entity.html
type Entity struct{ Service, Environment string }

// append appends the entity as JSON.
func (e *Entity) append(b []byte) []byte {
	b = append(b, `{"keyAttributes":{"Type":"Service","Name":"`...)
	b = jsonenc.AppendEscaped(b, e.Service)
	b = append(b, `","Environment":"`...)
	b = jsonenc.AppendEscaped(b, e.Environment)
	return append(b, `"}}`...)
}

// input returns the entity for a client that is not the SDK's.
func (e *Entity) input() *types.Entity {
	if e == nil {
		return nil
	}
	return &types.Entity{KeyAttributes: map[string]string{"Type": "Service", "Name": e.Service, "Environment": e.Environment}}
}

// An entityError says that the service rejected the entity but accepted the events.
type entityError struct {
	entity Entity
	why    types.EntityRejectionErrorType
}

func (e *entityError) Error() string {
	return fmt.Sprintf("entity of service %q in environment %q rejected: %s", e.entity.Service, e.entity.Environment, e.why)
}

// tellRejectedEntity reports, once, that the service accepts events but not the entity.
func (s *Stream) tellRejectedEntity(r *request, out *cloudwatchlogs.PutLogEventsOutput) {
	if s.Entity == nil || out == nil || out.RejectedEntityInfo == nil || !s.entityRejected.CompareAndSwap(false, true) {
		return
	}
	err := &entityError{*s.Entity, out.RejectedEntityInfo.ErrorType}
	s.Recorder.RecordTrouble(&putError{r.evs.Len(), s.Group, s.Name, err}, true)
}

// hintEntity is Hint for an entity.
func hintEntity(err error) string {
	var e *entityError
	switch {
	case !errors.As(err, &e):
		return ""
	case e.why == types.EntityRejectionErrorTypeUnsupportedLogGroupType:
		return "leave Entity out: this group takes none"
	}
	return "check Entity"
}
