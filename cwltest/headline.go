package cwltest

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// headline is what the page knows of an event without reading all of it.
type headline struct {
	level    level
	function string
	caller   string
	head     int // bytes of the message that say this
}

// level is the level of an event.
type level uint8

const (
	levelNone level = iota
	levelDebug
	levelInfo
	levelWarning
	levelError
	levelCritical
	levelGap // no level but the notice of zapcw that events are missing
	numLevels
)

var levelNames = [numLevels]string{"", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "GAP"}

func (l level) String() string { return levelNames[l] }

// levelSet has a bit for each level.
type levelSet uint8

const allLevels levelSet = 1<<numLevels - 1

// parseLevels reads names with commas between them; "-" is no level, and the
// empty string is all of them.
func parseLevels(names string) levelSet {
	if names == "" {
		return allLevels
	}
	var set levelSet
	for name := range strings.SplitSeq(names, ",") {
		for l, known := range levelNames {
			if name == known || name == "-" && known == "" {
				set |= 1 << l
			}
		}
	}
	return set
}

// levelOf reads a level as zapcw, zap and other loggers write it.
func levelOf(name string) level {
	switch strings.ToUpper(name) {
	case "TRACE", "DEBUG":
		return levelDebug
	case "INFO", "NOTICE":
		return levelInfo
	case "WARN", "WARNING":
		return levelWarning
	case "ERROR", "ERR":
		return levelError
	case "CRITICAL", "DPANIC", "PANIC", "FATAL", "EMERGENCY", "ALERT":
		return levelCritical
	}
	return levelNone
}

const gapPrefix = "zapcw: "

// headlineOf reads the head of an event: the prefix, as zapcw's prefix
// encoders and other loggers write it,
//
//	LEVEL: function: caller: message
//	LEVEL [function file:line] message
//	LEVEL: function: [file:line] message
//
// of which each part may be missing, or the members of a JSON object.
func headlineOf(message string) headline {
	if strings.HasPrefix(message, gapPrefix) {
		return headline{level: levelGap, head: len(gapPrefix)}
	}
	if strings.HasPrefix(message, "{") {
		return headlineOfJSON(message)
	}
	var h headline
	rest := h.cutLevel(message)
	if word, after, ok := cutWord(rest); ok {
		h.function, rest = word, after
	}
	if h.level == levelNone { // #simple and #mini have no caller
		h.head = len(message) - len(rest)
		return h
	}
	if function, caller, after, ok := cutBracket(rest); ok && (function == "" || h.function == "") {
		h.function += function
		h.caller, rest = caller, after
	} else if word, after, ok := cutWord(rest); ok && h.function != "" {
		h.caller, rest = word, after
	}
	h.head = len(message) - len(rest)
	return h
}

// cutLevel takes a level off a text, with a colon behind it, or with a space if
// it is all capitals.
func (h *headline) cutLevel(text string) (rest string) {
	word, rest, ok := cutWord(text)
	if !ok {
		if word, rest, ok = strings.Cut(text, " "); !ok || word != strings.ToUpper(word) {
			return text
		}
	}
	if h.level = levelOf(word); h.level == levelNone {
		return text
	}
	return rest
}

// cutBracket takes "[file:line] " or "[function file:line] " off a text.
func cutBracket(text string) (function, caller, rest string, ok bool) {
	const most = 128
	end := strings.Index(text[:min(len(text), most)], "] ")
	if end < 0 || text[0] != '[' {
		return "", "", text, false
	}
	caller = text[1:end]
	if name, after, two := strings.Cut(caller, " "); two {
		function, caller = name, after
	}
	colon := strings.LastIndexByte(caller, ':')
	if colon <= 0 || strings.ContainsAny(caller, " []") || strings.Trim(caller[colon+1:], "0123456789") != "" || colon+1 == len(caller) {
		return "", "", text, false
	}
	return function, caller, text[end+2:], true
}

// cutWord takes a word and a colon off a text. What follows "http:" is not one.
func cutWord(text string) (word, rest string, ok bool) {
	const most = 64
	end := strings.IndexByte(text[:min(len(text), most+1)], ':')
	if end <= 0 || !strings.HasPrefix(text[end:], ": ") {
		return "", text, false
	}
	for i, c := range text[:end] {
		switch {
		case unicode.IsLetter(c):
		case i > 0 && (unicode.IsDigit(c) || strings.ContainsRune("_-./$#@", c)):
		default:
			return "", text, false
		}
	}
	return text[:end], text[end+2:], true
}

func headlineOfJSON(message string) headline {
	var h headline
	if !json.Valid([]byte(message)) {
		return h
	}
	r := reader{data: message}
	var location string
	for name := range r.members {
		var to *string
		var text string
		switch name {
		case "level", "severity", "levelname", "lvl":
			to = &text
		case "function", "func", "service", "logger":
			to = &h.function
		case "location":
			to = &location
		}
		if to == nil || *to != "" || r.peek() != '"' {
			r.skip()
			continue
		}
		if *to = r.string(); to == &text {
			h.level = levelOf(text)
		}
	}
	logger, caller := cutLocation(location)
	if h.function == "" {
		h.function = logger
	}
	h.caller = caller
	if len(h.function) > 64 {
		h.function = h.function[:64]
		for !utf8.ValidString(h.function) {
			h.function = h.function[:len(h.function)-1]
		}
	}
	return h
}

// cutLocation splits what zapcw's JSON encoder writes: logger.function:line.
func cutLocation(location string) (logger, caller string) {
	name, _, _ := strings.Cut(location, ":")
	if strings.HasSuffix(name, ".go") { // the function is not known
		return "", name
	}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name[:dot], name[dot+1:]
	}
	return "", name
}
