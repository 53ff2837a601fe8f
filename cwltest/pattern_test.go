package cwltest

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	trail = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],` +
		`"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"cluster.name":"c"}`
	users = `{"user":{"id":1,"email":"John.Stiles@example.com"},"users":[{"id":2,"email":"John.Doe@example.com"},` +
		`{"id":3,"email":"Jane.Doe@example.com"}],"actions":["GET","PUT","DELETE"],"coordinates":[[0,1,2],[4,5,6],[7,8,9]]}`
	sizes = `{"level":"ERROR","items":4,"big":12345678901234567890,"small":1e-3,"list":[1000,-2.5],"ok":true,"no":false,` +
		`"text":"12","a-b_c":"x","deep":{"er":{"est":"end"}},"obj":{},"q":"say \"hi\" (now) && go","größe":1}`
	access = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
)

// The examples of the documentation, and what stands between them.
func TestPatternMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{``, "anything", true},
		{`  `, "anything", true},
		{`" "`, "anything", true},
		{`""`, "anything", true},
		{`ERROR`, "[ERROR 400] BAD REQUEST", true},
		{`ERROR`, "[error 400] bad request", false},
		{`ERROR ARGUMENTS`, "[ERROR 419] MISSING ARGUMENTS", true},
		{`ERROR ARGUMENTS`, "[ERROR 400] BAD REQUEST", false},
		{`?ERROR ?ARGUMENTS`, "INVALID ARGUMENTS", true},
		{`?ERROR ?ARGUMENTS`, "[WARN]", false},
		{`?ERROR ?ARGUMENTS REQUEST`, "[INFO] REQUEST FAILED", true},
		{`?ERROR ?ARGUMENTS REQUEST`, "[ERROR] ARGUMENTS", false},
		{`?ERROR -REQUEST`, "[INFO] x", true},
		{`"INTERNAL SERVER ERROR"`, "[ERROR 500] INTERNAL SERVER ERROR", true},
		{`"INTERNAL SERVER ERROR"`, "[ERROR 500] INTERNAL  SERVER ERROR", false},
		{`"say \"hi\" \\"`, `say "hi" \`, true},
		{`ERROR -ARGUMENTS`, "[ERROR 400] BAD REQUEST", true},
		{`ERROR -ARGUMENTS`, "[ERROR 419] MISSING ARGUMENTS", false},
		{`-"BAD REQUEST"`, "[ERROR 400] BAD REQUEST", false},
		{`größe`, "die größe", true},
		{`%AUTHORIZED%`, "[ERROR 401] UNAUTHORIZED REQUEST", true},
		{`%^[hc]at%`, "hat", true},
		{`%^[hc]at%`, "a hat", false},
		{`%[hc]at$%`, "a cat", true},
		{`%colou?r%`, "color", true},
		{`%^a{3,5}$%`, "aaaa", true},
		{`%^a{3, 5}$%`, "aa", false},
		{`%^a{,2}$%`, "aa", true},
		{`%^starting|^shutting down%`, "shutting down ...", true},
		{`%\[.\]%`, "[a]", true},
		{`%ab[0-9]*%`, "ab129", true},
		{`%10\.10\.0\.1%`, "10010,051", false},
		{`%\x28\d\x29%`, "(4)", true},
		{`%a.b%`, "a\nb", true},
		{`-%[0-9]% ERROR`, "ERROR", true},
		{`-%[0-9]% ERROR`, "ERROR 1", false},

		{`{ $.eventType = "UpdateTrail" }`, trail, true},
		{`{$.eventType="UpdateTrail"}`, trail, true},
		{`{ $.eventType = UpdateTrail }`, trail, true},
		{`{ $.eventType = updatetrail }`, trail, false},
		{`{ $.eventType = "Update*" }`, trail, true},
		{`{ $.eventType = *date*ail }`, trail, true},
		{`{ $.eventType = "*" }`, trail, true},
		{`{ $.sourceIPAddress != 123.123.* }`, trail, true},
		{`{ $.sourceIPAddress != 111.111.* }`, trail, false},
		{`{ $.arrayKey[0] = "value" }`, trail, true},
		{`{ $.arrayKey[2] = "value" }`, trail, false},
		{`{ $.eventType = %Trail% }`, trail, true},
		{`{ $.eventType != %Trail% }`, trail, false},
		{`{ $.arrayKey[*] = %val.{2}% }`, trail, true},
		{`{ $.objectList[*].id = 2 }`, trail, true},
		{`{ $.objectList[*].id = 3 }`, trail, false},
		{`{ $.* = %111\.111\.111\.1[0-9]{1,2}% }`, trail, true},
		{`{ $.['cluster.name'] = "c" }`, trail, true},
		{`{ $["cluster.name"] = c }`, trail, true},
		{`{ $.cluster.name = "c" }`, trail, false},
		{`{ $.SomeObject IS NULL }`, trail, true},
		{`{ $.eventType IS NULL }`, trail, false},
		{`{ $.SomeOtherObject IS NULL }`, trail, false},
		{`{ $.SomeOtherObject NOT EXISTS }`, trail, true},
		{`{ $.SomeObject NOT EXISTS }`, trail, false},
		{`{ $.objectList[5].id NOT EXISTS }`, trail, true},
		{`{ $.objectList = "*" }`, trail, false},
		{`{ $.SomeOtherObject != "x" }`, trail, false},
		{`{ $.SomeObject != "x" }`, trail, false},

		{`{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }`, users, true},
		{`{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch" && $.actions[2] = "nonmatch" }`, users, true},
		{`{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch") && $.actions[2] = "nonmatch" }`, users, false},
		{`{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }`, users, false},
		{`{ $.coordinates[1][2] = 6 }`, users, true},
		{`{ $.coordinates[*][2] = 9 }`, users, true},
		{`{(($.user.id = 1))}`, users, true},

		{`{ $.level = "ERROR" && $.items > 3 }`, sizes, true},
		{`{ $.level = "ERROR" && $.items > 4 }`, sizes, false},
		{`{ $.items >= 4 }`, sizes, true},
		{`{ $.items <= 4 }`, sizes, true},
		{`{ $.items < 4.5 }`, sizes, true},
		{`{ $.items != 5 }`, sizes, true},
		{`{ $.items = 4.0 }`, sizes, true},
		{`{ $.items = +4 }`, sizes, true},
		{`{ $.items = "4" }`, sizes, true},
		{`{ $.items = 4* }`, sizes, true},
		{`{ $.list[0] = 1e+3 }`, sizes, true},
		{`{ $.list[1] < -2 }`, sizes, true},
		{`{ $.small != 1e-3 }`, sizes, false},
		{`{ $.big > 1e19 }`, sizes, true},
		{`{ $.text = 12 }`, sizes, true},
		{`{ $.text > 3 }`, sizes, false},
		{`{ $.ok IS TRUE }`, sizes, true},
		{`{ $.ok is true }`, sizes, true},
		{`{ $.no IS TRUE }`, sizes, false},
		{`{ $.no IS FALSE }`, sizes, true},
		{`{ $.ok = true }`, sizes, true},
		{`{ $.a-b_c = x }`, sizes, true},
		{`{ $.deep.er.est = "e*d" }`, sizes, true},
		{`{ $.deep.*.est = end }`, sizes, true},
		{`{ $.obj = "*" }`, sizes, false},
		{`{ $.q = "say \"hi\" (now) && go" }`, sizes, true},
		{`{ $.größe = 1 }`, sizes, true},
		{`{ $.items > 3 }`, "no JSON", false},
		{`{ $.items NOT EXISTS }`, "no JSON", false},
		{`{ $.items > 3 }`, `{"items":4} trailing`, false},
		{`{ $.items > 3 }`, " {\"items\":4}\n", true},
		{`{ $[1].id = 2 }`, `[{"id":1},{"id":2}]`, true},

		{`[ip, user, username, timestamp, request, status_code, bytes]`, access, true},
		{`[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]`, access, true},
		{`[ip, user, username, timestamp = 10/Oct*, request = "GET *", status_code, bytes]`, access, true},
		{`[..., request =*.html*, status_code = 4*, bytes]`, access, true},
		{`[..., status_code = 5*, bytes]`, access, false},
		{`[ip, ..., bytes > 1000]`, access, true},
		{`[ip = 127.0.0.1, ...]`, access, true},
		{`[...]`, access, true},
		{`[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]`, access, true},
		{`[ip, user, username, timestamp, request =*.html*, status_code = 401 || status_code = 410, bytes]`, access, false},
		{`[a, b, c, d, e, f, g, h]`, access, false},
		{`[w1=ERROR, w2]`, "ERROR 09/25/2014 12:00:02 Failed to process request", true},
		{`[w1=ERROR]`, "ERROR 09/25/2014", false},
		{`[w1=ERROR]`, "ERROR", true},
		{`[w1=ERROR || w1=WARNING, w2]`, "WARNING 09/25/2014 12:00:02 Invalid user request", true},
		{`[w1!=ERROR && w1!=WARNING, w2]`, "WARNING 09/25/2014", false},
		{`[w1!=ERROR && (w1=INFO || w1=DEBUG), w2]`, "INFO 09/25/2014", true},
		{`[level, date, time, method, url=%/service/resource/[0-9]+$%, response_time]`, "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200", true},
		{`[level, date, time, method, url=%/service/resource/[0-9]+$%, response_time]`, "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310", false},
		{`[a = "x [y", b]`, `"x [y" rest`, true},
		{`[a = y, b = "z  \"w"]`, `y  z  "w`, true},
	} {
		matches, err := parsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		} else if matches(c.message) != c.want {
			t.Errorf("%s matches %s: %t", c.pattern, c.message, !c.want)
		}
	}
}

func TestPatternRefuses(t *testing.T) {
	for pattern, want := range map[string]string{
		`ERROR-1`:                              `double quotes around the term`,
		`a.b`:                                  `double quotes around the term`,
		`(x)`:                                  `has to stand in double quotes: "(x)"`,
		`?`:                                    `a term is missing at the end`,
		`"open`:                                `is not closed`,
		`"a"b`:                                 `a space, or double quotes`,
		`%open`:                                `is not closed`,
		`%%`:                                   `is empty`,
		`%something!%`:                         `a character '!', which is not supported`,
		`%a(b)%`:                               `a character '(', which is not supported`,
		`%ä%`:                                  `a character 'ä', which is not supported`,
		`%a\b%`:                                `a backslash before something that is not supported`,
		`%[a%`:                                 `is malformed: error parsing regexp: missing closing ]`,
		`%a{3000}%`:                            `is malformed`,
		`{`:                                    `a selector like $.name, or a parenthesis is missing at the end`,
		`{}`:                                   `is wanted before "}"`,
		`{ level = 1 }`:                        `a selector like $.name`,
		`{ $level = 1 }`:                       `. behind $`,
		`{ $ = 1 }`:                            `. behind $`,
		`{ $. = 1 }`:                           `the name of a member`,
		`{ $.a }`:                              `=, !=, <, >, <=, >=, IS or NOT EXISTS is wanted before "}"`,
		`{ $.a EXISTS }`:                       `IS or NOT EXISTS is wanted`,
		`{ $.a IS NOT x }`:                     `NULL, TRUE or FALSE behind IS`,
		`{ $.a NOT x }`:                        `EXISTS behind NOT`,
		`{ $.a == 1 }`:                         `a value is wanted before "= 1 }"`,
		`{ $.a = }`:                            `a value is wanted`,
		`{ $.a > "b" }`:                        `> wants a number, not "b"`,
		`{ $.a > b }`:                          `> wants a number, not "b"`,
		`{ $.a > 1* }`:                         `> wants a number, not "1*"`,
		`{ $.a < %b% }`:                        `< wants a number`,
		`{ $.a > 0x10 }`:                       `> wants a number`,
		`{ $.a > inf }`:                        `> wants a number`,
		`{ $.a = 1 `:                           `}, && or || is missing at the end`,
		`{ $.a = 1 $.b=2 }`:                    `}, && or || is wanted before "$.b=2 }"`,
		`{ $.a = 1 & x }`:                      `}, && or || is wanted`,
		`{ $.a = 1 && }`:                       `a selector like $.name`,
		`{ ($.a = 1 }`:                         `a closing parenthesis is wanted before "}"`,
		`{ $.a = 1) }`:                         `}, && or || is wanted before ") }"`,
		`{ $.a = 1 } x`:                        `nothing is wanted behind the brace: "x"`,
		`{ $.a[x] = 1 }`:                       `an index, * or a name in quotes`,
		`{ $.a[-1] = 1 }`:                      `an index, * or a name in quotes`,
		`{ $.a[0 = 1 }`:                        `] behind [`,
		`{ $.['a = 1 }`:                        `a name in quotes and ]`,
		`{ $.*.* = 1 }`:                        `a selector can have one wildcard only`,
		`{ $.a`:                                `an operator is missing at the end`,
		`{ $.*=1 && $.*=1 && $.*=1 && $.*=1 }`: `at most 3 selectors with a wildcard`,
		`{ $.a=%a% && $.a=%a% && $.a=%a% }`:    `at most 2 regular expressions`,
		`[`:                                    `the name of a field, or ..., is missing at the end`,
		`[]`:                                   `the name of a field`,
		`[a b]`:                                `a comma or ] is wanted before "b]"`,
		`[a,]`:                                 `the name of a field`,
		`[a`:                                   `a comma or ] is missing at the end`,
		`[a] x`:                                `nothing is wanted behind the bracket`,
		`[..., a, ...]`:                        `one ... only`,
		`[a=1 || b=2]`:                         `the conditions of a field are of a, not of b`,
		`[a=%1%,b=%1%,c=%1%]`:                  `at most 2 regular expressions`,
	} {
		_, err := parsePattern(pattern)
		if err == nil || err.code != "InvalidParameterException" || !strings.Contains(err.message, want) {
			t.Errorf("%s: %v, want %s", pattern, err, want)
		}
	}
}

func TestPatternsOfTerms(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{"", []string{"", "anything"}, nil},
		{"  ", []string{"x"}, nil},
		{"ERROR", []string{"ERROR", "an ERROR_1"}, []string{"error", ""}},
		{"a b", []string{"ab", "b a"}, []string{"a", "b"}},
		{`"a b"`, []string{"xa by"}, []string{"b a", "ab"}},
		{`"say \"hi\" \\"`, []string{`say "hi" \`}, []string{`say hi`}},
		{`"{ $.x }"`, []string{"{ $.x }"}, []string{"x"}},
		{"a -b", []string{"a"}, []string{"ab", "", "b"}},
		{`-"b c" -d`, []string{"a", "b"}, []string{"b c", "d"}},
		{"?a ?b", []string{"a", "b", "ab"}, []string{"c"}},
		{`?"a b" ?c`, []string{"a b", "c"}, []string{"a"}},
		{"größe_1", []string{"größe_1"}, []string{"größe"}},
	}
	for _, tt := range tests {
		match, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		for _, message := range tt.yes {
			if !match(message) {
				t.Errorf("%q does not match %q", tt.pattern, message)
			}
		}
		for _, message := range tt.no {
			if match(message) {
				t.Errorf("%q matches %q", tt.pattern, message)
			}
		}
	}
	for _, pattern := range []string{"a.b", "a:", `"a`, `"a\`, `"a"b`, "-", "?", "- a", "*", "\x00", "a \x00", "{ $.a = 1 }\x00", "[a]\x00"} {
		if _, err := parsePattern(pattern); err == nil || err.code != "InvalidParameterException" {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// A pattern is refused or it matches, whatever it and the event are; what it
// says of an event does not depend on white space around the pattern.
func FuzzPattern(f *testing.F) {
	for _, pattern := range []string{
		``, `a -b`, `?a ?"b c"`, `%a[b]{1,2}%`, `{ $.a = "b*" && ($.c[0] > 1e3 || $.['d.e'] IS NULL) }`, `{ $.a[*].b != %x% }`,
		`{ $.a NOT EXISTS }`, `[a, b = 4* || b > 3, ..., c]`, `[...]`, `{`, `[`, `%`, `"`,
	} {
		f.Add(pattern, `{"a":"bc","c":[1001],"d.e":null}`)
		f.Add(pattern, `x [y z] "4 5" 6`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if !utf8.ValidString(pattern) || len(pattern) > maxPattern {
			return
		}
		matches, err := parsePattern(pattern)
		again, err2 := parsePattern(" " + pattern + "\t")
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v, with white space %v", err, err2)
		}
		if err != nil {
			if err.code != "InvalidParameterException" || err.message == "" {
				t.Fatal(err)
			}
			return
		}
		if matches(message) != again(message) {
			t.Fatal("white space around the pattern matters")
		}
	})
}
