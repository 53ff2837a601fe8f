package doctest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A row is an event or a result of Logs Insights, by field.
type row map[string]string

// discovered is an event as Logs Insights sees it: one that is JSON has its members
// as fields, with dots between the names of nested ones.
func discovered(timestamp int64, message string) row {
	r := row{"@timestamp": strconv.FormatInt(timestamp, 10), "@message": message}
	var members map[string]any
	if json.Unmarshal([]byte(message), &members) == nil {
		r.flatten("", members)
	}
	return r
}

func (r row) flatten(prefix string, members map[string]any) {
	for name, v := range members {
		switch v := v.(type) {
		case map[string]any:
			r.flatten(prefix+name+".", v)
		case string:
			r[prefix+name] = v
		default:
			r[prefix+name] = fmt.Sprint(v)
		}
	}
}

// insights runs the part of the query language of Logs Insights that the documents
// use: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
// A command that it does not know fails the test.
func insights(t *testing.T, query string, rows []row) []row {
	t.Helper()
	var show []string
	for _, command := range commands(query) {
		name, rest, _ := strings.Cut(command, " ")
		switch name {
		case "fields", "display":
			show = list(rest)
		case "parse":
			rows = parseRows(t, rest, rows)
		case "filter":
			rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !keeps(t, rest, r) })
		case "sort":
			sortRows(t, rest, rows)
		case "limit":
			n, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatalf("%v in %q", err, command)
			}
			rows = rows[:min(n, len(rows))]
		case "stats":
			rows, show = count(t, rest, rows)
		default:
			t.Fatalf("this test knows no command %q", command)
		}
	}
	if show == nil {
		return rows
	}
	var shown []row
	for _, r := range rows {
		s := make(row)
		for _, f := range show {
			if v, ok := r[f]; ok {
				s[f] = v
			}
		}
		shown = append(shown, s)
	}
	return shown
}

// commands cuts a query at its pipes, of which each begins a line.
func commands(query string) []string {
	var all []string
	for line := range strings.Lines(query) {
		all = append(all, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "|")))
	}
	return all
}

func list(text string) []string {
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

var (
	globParse  = regexp.MustCompile(`^(\S+) "([^"]+)" as (.+)$`)
	regexParse = regexp.MustCompile(`^(\S+) /(.+)/$`)
)

// parseRows adds the fields that a pattern finds. A row that does not match stays as it is.
func parseRows(t *testing.T, text string, rows []row) []row {
	t.Helper()
	var from, expression string
	var names []string
	if m := globParse.FindStringSubmatch(text); m != nil {
		pieces := strings.Split(regexp.QuoteMeta(m[2]), `\*`)
		names = list(m[3])
		if len(names) != len(pieces)-1 {
			t.Fatalf("parse %s: %d names for %d wildcards", text, len(names), len(pieces)-1)
		}
		from, expression = m[1], strings.Join(pieces, "(.*?)")
		if pieces[len(pieces)-1] == "" {
			expression += "$"
		}
	} else if m := regexParse.FindStringSubmatch(text); m != nil {
		from, expression = m[1], m[2]
	} else {
		t.Fatalf("parse %s: neither a glob nor a regular expression", text)
	}
	re, err := regexp.Compile("(?s)" + expression)
	if err != nil {
		t.Fatal(err)
	}
	if names == nil {
		names = re.SubexpNames()[1:]
	}
	var parsed []row
	for _, r := range rows {
		r = maps.Clone(r)
		if m := re.FindStringSubmatch(r[from]); m != nil {
			for i, name := range names {
				r[name] = m[i+1]
			}
		}
		parsed = append(parsed, r)
	}
	return parsed
}

var (
	isPresent = regexp.MustCompile(`^ispresent\((\S+)\)$`)
	isIn      = regexp.MustCompile(`^(\S+) in \[(.+)\]$`)
	isLike    = regexp.MustCompile(`^(\S+) like (?:"(.+)"|/(.+)/)$`)
	isEqual   = regexp.MustCompile(`^(\S+) = "(.+)"$`)
	isMore    = regexp.MustCompile(`^(\S+) > (\d+)$`)
)

// keeps reports whether a filter, conditions joined by and, lets a row through.
func keeps(t *testing.T, text string, r row) bool {
	t.Helper()
	for condition := range strings.SplitSeq(text, " and ") {
		keep := false
		if m := isPresent.FindStringSubmatch(condition); m != nil {
			_, keep = r[m[1]]
		} else if m := isIn.FindStringSubmatch(condition); m != nil {
			keep = slices.Contains(list(m[2]), strconv.Quote(r[m[1]]))
		} else if m := isLike.FindStringSubmatch(condition); m != nil {
			keep = m[2] != "" && strings.Contains(r[m[1]], m[2]) || m[3] != "" && regexp.MustCompile(m[3]).MatchString(r[m[1]])
		} else if m := isEqual.FindStringSubmatch(condition); m != nil {
			keep = r[m[1]] == m[2]
		} else if m := isMore.FindStringSubmatch(condition); m != nil {
			v, err := strconv.ParseFloat(r[m[1]], 64)
			least, _ := strconv.ParseFloat(m[2], 64)
			keep = err == nil && v > least
		} else {
			t.Fatalf("this test knows no condition %q", condition)
		}
		if !keep {
			return false
		}
	}
	return true
}

func sortRows(t *testing.T, text string, rows []row) {
	t.Helper()
	field, order, _ := strings.Cut(text, " ")
	sign := map[string]int{"asc": 1, "desc": -1, "": 1}[order]
	if sign == 0 {
		t.Fatalf("sort %s: no order", text)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		x, _ := strconv.ParseFloat(a[field], 64)
		y, _ := strconv.ParseFloat(b[field], 64)
		return sign * cmp.Or(cmp.Compare(x, y), cmp.Compare(a[field], b[field]))
	})
}

var isCount = regexp.MustCompile(`^count\(\*\) as (\w+) by (.+)$`)

func count(t *testing.T, text string, rows []row) (counts []row, show []string) {
	t.Helper()
	m := isCount.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("this test knows no stats %q", text)
	}
	by := list(m[2])
	n := make(map[string]int)
	first := make(map[string]row)
	for _, r := range rows {
		key := ""
		for _, f := range by {
			key += r[f] + "\x00"
		}
		n[key]++
		first[key] = r
	}
	for _, key := range slices.Sorted(maps.Keys(n)) {
		r := row{m[1]: strconv.Itoa(n[key])}
		for _, f := range by {
			r[f] = first[key][f]
		}
		counts = append(counts, r)
	}
	return counts, append(by, m[1])
}
