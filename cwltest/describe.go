package cwltest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type describeGroupsInput struct {
	about
	Prefix      *string  `json:"logGroupNamePrefix"`
	Pattern     *string  `json:"logGroupNamePattern"`
	Class       string   `json:"logGroupClass"`
	Identifiers []string `json:"logGroupIdentifiers"`
	Limit       *int64   `json:"limit"`
	NextToken   *string  `json:"nextToken"`
}

type groupOutput struct {
	ARN               string `json:"arn"`
	Created           int64  `json:"creationTime"`
	Name              string `json:"logGroupName"`
	Class             string `json:"logGroupClass,omitempty"`
	GroupARN          string `json:"logGroupArn,omitempty"`
	KMSKeyID          string `json:"kmsKeyId,omitempty"`
	Protected         *bool  `json:"deletionProtectionEnabled,omitempty"`
	MetricFilterCount *int   `json:"metricFilterCount,omitempty"`
	Retention         int32  `json:"retentionInDays,omitempty"`
	StoredBytes       *int64 `json:"storedBytes,omitempty"`
}

func (s *Server) describeLogGroups(c *call, in *describeGroupsInput) (any, *apiError) {
	limit, err := checkLimit(in.Limit, maxDescribed)
	if err != nil {
		return nil, err
	}
	if in.Prefix != nil && in.Pattern != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	wanted := make(map[string]bool)
	for _, identifier := range in.Identifiers {
		wanted[groupOf(identifier)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	groups := s.in(c.req.Region).groups
	var names []string
	for _, name := range sortedNames(groups) {
		if strings.HasPrefix(name, value(in.Prefix)) && strings.Contains(name, value(in.Pattern)) &&
			(in.Class == "" || in.Class == groups[name].class) && (len(wanted) == 0 || wanted[name]) {
			names = append(names, name)
		}
	}
	names, next, err := page(names, strings.Compare, func(name string) string { return name },
		func(key string) (string, bool) { return key, true }, in.NextToken, limit)
	if err != nil {
		return nil, err
	}
	out := struct {
		Groups    []groupOutput `json:"logGroups"`
		NextToken string        `json:"nextToken,omitempty"`
	}{make([]groupOutput, 0, len(names)), next}
	for _, name := range names {
		g := groups[name]
		o := groupOutput{ARN: g.arn + ":*", Created: g.created, Name: name}
		if in.Pattern == nil {
			o.Class, o.GroupARN, o.KMSKeyID, o.Retention = g.class, g.arn, g.kmsKey, g.retention
			bytes := g.bytes
			o.Protected, o.MetricFilterCount, o.StoredBytes = &g.protected, new(int), &bytes
		}
		out.Groups = append(out.Groups, o)
	}
	return out, nil
}

type describeStreamsInput struct {
	about
	Prefix     *string `json:"logStreamNamePrefix"`
	OrderBy    string  `json:"orderBy"`
	Descending bool    `json:"descending"`
	Limit      *int64  `json:"limit"`
	NextToken  *string `json:"nextToken"`
}

type streamOutput struct {
	ARN         string `json:"arn"`
	Created     int64  `json:"creationTime"`
	First       *int64 `json:"firstEventTimestamp,omitempty"`
	Last        *int64 `json:"lastEventTimestamp,omitempty"`
	Ingested    *int64 `json:"lastIngestionTime,omitempty"`
	Name        string `json:"logStreamName"`
	StoredBytes int64  `json:"storedBytes"` // the service says 0 since 2019
	Token       string `json:"uploadSequenceToken,omitempty"`
}

// place is where a stream stands in a list.
type place struct {
	last int64 // 0 when the list is by name
	name string
}

func (s *Server) describeLogStreams(c *call, in *describeStreamsInput) (any, *apiError) {
	if err := in.checkGroup(); err != nil {
		return nil, err
	}
	limit, err := checkLimit(in.Limit, maxDescribed)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == "LastEventTime"
	switch {
	case !byTime && in.OrderBy != "" && in.OrderBy != "LogStreamName":
		return nil, violation(in.OrderBy, "orderBy", "Member must satisfy enum value set: [LogStreamName, LastEventTime]")
	case byTime && in.Prefix != nil:
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.group(c, &in.about)
	if err != nil {
		return nil, err
	}
	var places []place
	for name, st := range g.streams {
		if strings.HasPrefix(name, value(in.Prefix)) {
			p := place{name: name}
			if byTime {
				p.last = st.last
			}
			places = append(places, p)
		}
	}
	order := func(a, b place) int {
		n := cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.name, b.name))
		if in.Descending {
			return -n
		}
		return n
	}
	slices.SortFunc(places, order)
	places, next, err := page(places, order, place.key, placeOf, in.NextToken, limit)
	if err != nil {
		return nil, err
	}
	out := struct {
		Streams   []streamOutput `json:"logStreams"`
		NextToken string         `json:"nextToken,omitempty"`
	}{make([]streamOutput, 0, len(places)), next}
	for _, p := range places {
		out.Streams = append(out.Streams, g.streams[p.name].output())
	}
	return out, nil
}

func (st *stream) output() streamOutput {
	o := streamOutput{ARN: st.arn, Created: st.created, Name: st.name, Token: st.tokens.expected()}
	if st.ingested != 0 {
		first, last, ingested := st.first, st.last, st.ingested
		o.First, o.Last, o.Ingested = &first, &last, &ingested
	}
	return o
}

func (p place) key() string { return fmt.Sprintf("%d/%s", p.last, p.name) }

func placeOf(key string) (place, bool) {
	last, name, ok := strings.Cut(key, "/")
	n, err := strconv.ParseInt(last, 10, 64)
	return place{n, name}, ok && err == nil
}

// page cuts out of a sorted list what a token asks for, and makes the token
// for what follows; "" at the end. A token names the last item that was seen,
// so that items may come and go between the pages.
func page[T any](items []T, order func(a, b T) int, key func(T) string, parse func(string) (T, bool),
	token *string, limit int) ([]T, string, *apiError) {
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		last, ok := parse(string(raw))
		if err != nil || !ok {
			return nil, "", invalid("The specified nextToken is invalid.")
		}
		i, found := slices.BinarySearchFunc(items, last, order)
		if found {
			i++
		}
		items = items[i:]
	}
	if len(items) <= limit {
		return items, "", nil
	}
	return items[:limit], base64.RawURLEncoding.EncodeToString([]byte(key(items[limit-1]))), nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
