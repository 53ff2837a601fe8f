package cwltest_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"example.com/zapcw/cwltest"
)

// TestEntity: an entity is kept as it was sent. If it is rejected its events are
// stored all the same; what is out of bounds is an error of the put.
func TestEntity(t *testing.T) {
	many := map[string]string{}
	for i := range 11 {
		many[fmt.Sprint("k", i)] = "v"
	}
	service := func(more ...string) map[string]string {
		m := map[string]string{"Type": "Service", "Name": "orders", "Environment": "prod"}
		for i := 0; i < len(more); i += 2 {
			if m[more[i]] = more[i+1]; more[i+1] == "-" {
				delete(m, more[i])
			}
		}
		return m
	}
	for _, tt := range []struct {
		name            string
		key, attributes map[string]string
		why             types.EntityRejectionErrorType
		code            string
	}{
		{"a service", service(), nil, "", ""},
		{"with attributes", service(), map[string]string{"PlatformType": "AWS::Lambda"}, "", ""},
		{"the longest", service("Name", strings.Repeat("ž", 512)), nil, "", ""},
		{"a resource", map[string]string{"Type": "AWS::Resource", "ResourceType": "AWS::S3::Bucket", "Identifier": "b"}, nil, "", ""},
		{"no type", service("Type", "-"), nil, types.EntityRejectionErrorTypeMissingRequiredFields, ""},
		{"no key attributes", nil, nil, types.EntityRejectionErrorTypeMissingRequiredFields, ""},
		{"no environment", service("Environment", "-"), nil, types.EntityRejectionErrorTypeMissingRequiredFields, ""},
		{"another type", service("Type", "Lambda"), nil, types.EntityRejectionErrorTypeInvalidTypeValue, ""},
		{"another key", service("Region", "eu"), nil, types.EntityRejectionErrorTypeInvalidKeyAttribute, ""},
		{"one key attribute", map[string]string{"Type": "Service"}, nil, "", "InvalidParameterException"},
		{"five key attributes", service("a", "b", "c", "d"), nil, "", "InvalidParameterException"},
		{"an empty name", service("Name", ""), nil, "", "InvalidParameterException"},
		{"a long name", service("Name", strings.Repeat("n", 513)), nil, "", "InvalidParameterException"},
		{"a long key", service(strings.Repeat("k", 33), "v"), nil, "", "InvalidParameterException"},
		{"many attributes", service(), many, "", "InvalidParameterException"},
		{"a long attribute", service(), map[string]string{"k": strings.Repeat("v", 513)}, "", "InvalidParameterException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := cwltest.NewServer(t)
			srv.CreateStream("/g", "s")
			entity := &types.Entity{KeyAttributes: tt.key, Attributes: tt.attributes}
			out, err := srv.Client().PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
				LogGroupName: aws.String("/g"), LogStreamName: aws.String("s"), Entity: entity,
				LogEvents: []types.InputLogEvent{{Message: aws.String("m"), Timestamp: aws.Int64(time.Now().UnixMilli())}},
			})
			requests := srv.Stats().Requests
			req := requests[len(requests)-1]
			if !reflect.DeepEqual(req.Entity, entity) {
				t.Errorf("the record has %+v, want %+v", req.Entity, entity)
			}
			if tt.code != "" {
				var api smithy.APIError
				if !errors.As(err, &api) || api.ErrorCode() != tt.code || len(srv.Messages("/g", "s")) != 0 {
					t.Errorf("got %v, want %s, and nothing stored", err, tt.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var why types.EntityRejectionErrorType
			if out.RejectedEntityInfo != nil {
				why = out.RejectedEntityInfo.ErrorType
			}
			if why != tt.why || req.RejectedEntity != tt.why || len(srv.Messages("/g", "s")) != 1 {
				t.Errorf("rejected as %q, %q in the record, want %q; the event is stored in any case", why, req.RejectedEntity, tt.why)
			}
		})
	}
}

// TestEntityByFault has a rejection by script, and entities that are no structures.
func TestEntityByFault(t *testing.T) {
	srv := cwltest.NewServer(t)
	srv.CreateStream(group, stream)
	srv.Fail(cwltest.Fault{RejectEntity: types.EntityRejectionErrorTypeUnsupportedLogGroupType, Times: 1})
	put := func(entity string) (status int, code string) {
		return send(t, srv, "PutLogEvents", fmt.Sprintf(`{"logGroupName": %q, "logStreamName": %q, "entity": %s, "logEvents": [{"timestamp": %d, "message": "m"}]}`,
			group, stream, entity, time.Now().UnixMilli()), nil)
	}
	if status, code := put(`null`); status != 200 || srv.Stats().Requests[0].RejectedEntity != types.EntityRejectionErrorTypeUnsupportedLogGroupType {
		t.Errorf("got %d, %s, want the entity rejected", status, code)
	}
	for _, entity := range []string{`"Service"`, `{"keyAttributes": ["Type"]}`, `{"keyAttributes": {"Type": 1}}`, `{"attributes": 5}`} {
		if _, code := put(entity); code != "SerializationException" {
			t.Errorf("%s: got %q, want SerializationException", entity, code)
		}
	}
}
