package cwltest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// entityRejection is what rejectedEntityInfo says.
type entityRejection struct {
	ErrorType types.EntityRejectionErrorType `json:"errorType"`
}

// Bounds of an entity, see
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Entity.html
const (
	minKeyAttributes   = 2
	maxKeyAttributes   = 4
	maxKeyAttributeKey = 32
	maxAttributes      = 10
	maxAttributeKey    = 256
	maxAttributeValue  = 512
)

// identities says which key attributes each type of entity needs, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/adding-your-own-related-telemetry.html
var identities = map[string][]string{
	"Service":       {"Name", "Environment"},
	"RemoteService": {"Name"},
	"Resource":      {"ResourceType", "Identifier"},
	"AWS::Resource": {"ResourceType", "Identifier"},
	"AWS::Service":  {"Name"},
}

var keyAttributes = []string{"Type", "ResourceType", "Identifier", "Name", "Environment"}

// checkEntity applies the bounds for which a put is refused as a whole.
func checkEntity(e *types.Entity) *apiError {
	if e == nil {
		return nil
	}
	if e.KeyAttributes != nil && len(e.KeyAttributes) < minKeyAttributes {
		return violation(fmt.Sprintf("[%d attributes]", len(e.KeyAttributes)), "entity.keyAttributes",
			fmt.Sprintf("Member must have length greater than or equal to %d", minKeyAttributes))
	}
	if err := checkAttributes(e.KeyAttributes, "entity.keyAttributes", maxKeyAttributes, maxKeyAttributeKey); err != nil {
		return err
	}
	return checkAttributes(e.Attributes, "entity.attributes", maxAttributes, maxAttributeKey)
}

func checkAttributes(attributes map[string]string, name string, most, mostKey int) *apiError {
	if n := len(attributes); n > most {
		return violation(fmt.Sprintf("[%d attributes]", n), name, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		for _, v := range [...]struct {
			text string
			most int
		}{{key, mostKey}, {attributes[key], maxAttributeValue}} {
			switch n := utf8.RuneCountInString(v.text); {
			case n < 1:
				return violation(v.text, name, "Map value must satisfy constraint: [Member must have length greater than or equal to 1]")
			case n > v.most:
				return violation(v.text, name, fmt.Sprintf("Map value must satisfy constraint: [Member must have length less than or equal to %d]", v.most))
			}
		}
	}
	return nil
}

// rejectEntity says why an entity is rejected although the events are taken, or
// nothing.
func rejectEntity(e *types.Entity) types.EntityRejectionErrorType {
	if e == nil {
		return ""
	}
	kind, ok := e.KeyAttributes["Type"]
	if !ok {
		return types.EntityRejectionErrorTypeMissingRequiredFields
	}
	needed, ok := identities[kind]
	if !ok {
		return types.EntityRejectionErrorTypeInvalidTypeValue
	}
	for key := range e.KeyAttributes {
		if !slices.Contains(keyAttributes, key) {
			return types.EntityRejectionErrorTypeInvalidKeyAttribute
		}
	}
	for _, key := range needed {
		if _, ok := e.KeyAttributes[key]; !ok {
			return types.EntityRejectionErrorTypeMissingRequiredFields
		}
	}
	return ""
}

// entity consumes the entity of a put.
func (r *reader) entity() *types.Entity {
	if !r.structure("entity") {
		return nil
	}
	e := new(types.Entity)
	for name := range r.members {
		switch name {
		case "keyAttributes":
			e.KeyAttributes = r.texts("entity." + name)
		case "attributes":
			e.Attributes = r.texts("entity." + name)
		default:
			r.skip()
		}
	}
	return e
}

// texts consumes a map of strings or null.
func (r *reader) texts(name string) map[string]string {
	if !r.structure(name) {
		return nil
	}
	m := make(map[string]string)
	for key := range r.members {
		if text, ok := r.word(name); ok {
			m[strings.Clone(key)] = strings.Clone(text) // the record outlives the body
		}
	}
	return m
}

// structure reports whether an object follows; null is consumed.
func (r *reader) structure(name string) bool {
	switch r.peek() {
	case '{':
		return true
	case 'n':
		r.skip()
	default:
		r.fail(name, "a structure")
	}
	return false
}
