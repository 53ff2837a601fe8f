package cwltest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// about is what every request says of whom it is about. A group is given by
// name or, where the operation has it, by a name or ARN.
type about struct {
	LogGroupName       *string `json:"logGroupName"`
	LogGroupIdentifier *string `json:"logGroupIdentifier"`
	LogStreamName      *string `json:"logStreamName"`
}

var _ input = (*about)(nil)

func (a *about) names() (group, stream string) {
	if a.LogGroupName != nil {
		group = *a.LogGroupName
	} else if a.LogGroupIdentifier != nil {
		group = groupOf(*a.LogGroupIdentifier)
	}
	if a.LogStreamName != nil {
		stream = *a.LogStreamName
	}
	return group, stream
}

// identify makes a name of an identifier.
func (a *about) identify() *apiError {
	if a.LogGroupIdentifier == nil {
		return nil
	}
	if a.LogGroupName != nil {
		return invalid("LogGroupName and LogGroupIdentifier are mutually exclusive.")
	}
	name := groupOf(*a.LogGroupIdentifier)
	a.LogGroupName = &name
	return nil
}

// checkGroup checks the group of a request that may give an identifier.
func (a *about) checkGroup() *apiError {
	if err := a.identify(); err != nil {
		return err
	}
	return checkGroupName(a.LogGroupName)
}

// checkStream checks the stream as well.
func (a *about) checkStream() *apiError {
	if err := a.checkGroup(); err != nil {
		return err
	}
	return checkStreamName(a.LogStreamName)
}

// checkNames is checkStream for requests that give the group by name.
func (a *about) checkNames() *apiError {
	if err := checkGroupName(a.LogGroupName); err != nil {
		return err
	}
	return checkStreamName(a.LogStreamName)
}

// groupOf returns the name in an ARN; what is none is a name.
func groupOf(identifier string) string {
	if _, name, ok := strings.Cut(identifier, ":log-group:"); ok && strings.HasPrefix(identifier, "arn:") {
		name, _, _ = strings.Cut(name, ":")
		return name
	}
	return identifier
}

// group returns the group that a request is about; s.mu is held.
func (s *Server) group(c *call, a *about) (*group, *apiError) {
	if g := s.in(c.req.Region).groups[*a.LogGroupName]; g != nil {
		return g, nil
	}
	return nil, notFound("log group")
}

// stream returns the stream that a request is about; s.mu is held.
func (s *Server) stream(c *call, a *about) (*group, *stream, *apiError) {
	g, err := s.group(c, a)
	if err != nil {
		return nil, nil, err
	}
	if st := g.streams[*a.LogStreamName]; st != nil {
		return g, st, nil
	}
	return nil, nil, notFound("log stream")
}

// changeGroup commits a change of the group that a request is about. What
// returns it looks at the group, which then is locked.
func (s *Server) changeGroup(c *call, a *about, what func(*group) (change, *apiError)) (any, *apiError) {
	s.lockChanges()
	defer s.unlockChanges()
	g, err := s.group(c, a)
	if err != nil {
		return nil, err
	}
	ch, err := what(g)
	if err != nil {
		return nil, err
	}
	ch.Region, ch.Group = c.req.Region, g.name
	return nil, s.commit(&ch)
}

type createGroupInput struct {
	about
	KMSKeyID  string            `json:"kmsKeyId"`
	Class     string            `json:"logGroupClass"`
	Protected bool              `json:"deletionProtectionEnabled"`
	Tags      map[string]string `json:"tags"`
}

func (s *Server) createLogGroup(c *call, in *createGroupInput) (any, *apiError) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	if strings.HasPrefix(*in.LogGroupName, "aws/") {
		return nil, invalid("Log groups starting with AWS/ are reserved for AWS.")
	}
	if len(in.Tags) > maxTags {
		return nil, invalid("A log group can have at most %d tags.", maxTags)
	}
	switch in.Class {
	case "", "STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS":
	default:
		return nil, violation(in.Class, "logGroupClass",
			"Member must satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY, ESSENTIALS]")
	}
	s.lockChanges()
	defer s.unlockChanges()
	if s.in(c.req.Region).groups[*in.LogGroupName] != nil {
		return nil, exists("log group")
	}
	return nil, s.commit(&change{
		Op: opCreateGroup, Time: time.Now().UnixMilli(), Region: c.req.Region, Group: *in.LogGroupName,
		Class: in.Class, KMSKey: in.KMSKeyID, Protected: in.Protected, Tags: in.Tags,
	})
}

func (s *Server) createLogStream(c *call, in *about) (any, *apiError) {
	if err := in.checkNames(); err != nil {
		return nil, err
	}
	return s.changeGroup(c, in, func(g *group) (change, *apiError) {
		if g.streams[*in.LogStreamName] != nil {
			return change{}, exists("log stream")
		}
		return change{Op: opCreateStream, Time: time.Now().UnixMilli(), Stream: *in.LogStreamName}, nil
	})
}

func (s *Server) deleteLogGroup(c *call, in *about) (any, *apiError) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	return s.changeGroup(c, in, func(g *group) (change, *apiError) {
		if g.protected {
			return change{}, &apiError{code: "ValidationException", message: "The log group has deletion protection enabled."}
		}
		return change{Op: opDeleteGroup}, nil
	})
}

func (s *Server) deleteLogStream(c *call, in *about) (any, *apiError) {
	if err := in.checkNames(); err != nil {
		return nil, err
	}
	return s.changeGroup(c, in, func(g *group) (change, *apiError) {
		if g.streams[*in.LogStreamName] == nil {
			return change{}, notFound("log stream")
		}
		return change{Op: opDeleteStream, Stream: *in.LogStreamName}, nil
	})
}

type retentionInput struct {
	about
	Days *int32 `json:"retentionInDays"`
}

func (s *Server) putRetentionPolicy(c *call, in *retentionInput) (any, *apiError) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	if in.Days == nil {
		return nil, missing("retentionInDays")
	}
	if !slices.Contains(retentions, *in.Days) {
		return nil, violation(fmt.Sprint(*in.Days), "retentionInDays",
			"Member must satisfy enum value set: ["+strings.Trim(strings.ReplaceAll(fmt.Sprint(retentions), " ", ", "), "[]")+"]")
	}
	return s.retain(c, &in.about, *in.Days)
}

func (s *Server) deleteRetentionPolicy(c *call, in *about) (any, *apiError) {
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	return s.retain(c, in, 0)
}

func (s *Server) retain(c *call, a *about, days int32) (any, *apiError) {
	return s.changeGroup(c, a, func(*group) (change, *apiError) {
		return change{Op: opRetain, Days: days}, nil
	})
}

type tagsInput struct {
	about
	ARN *string `json:"resourceArn"`
}

func (in *tagsInput) names() (group, stream string) { return groupOf(value(in.ARN)), "" }

func (s *Server) listTagsForResource(c *call, in *tagsInput) (any, *apiError) {
	if in.ARN == nil {
		return nil, missing("resourceArn")
	}
	in.LogGroupIdentifier = in.ARN
	if err := in.identify(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.group(c, &in.about)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(g.tags)
	if tags == nil {
		tags = map[string]string{}
	}
	return map[string]any{"tags": tags}, nil
}
