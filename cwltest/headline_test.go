package cwltest

import "testing"

// What zapcw's formats and other loggers write in front of a message.
func TestHeadlines(t *testing.T) {
	for message, want := range map[string]headline{
		"":                                 {},
		"plain text":                       {},
		"note: to: self":                   {function: "note", head: 6},
		"orders: paid":                     {function: "orders", head: 8},
		"INFO: paid":                       {level: levelInfo, head: 6},
		"INFO: orders: paid":               {levelInfo, "orders", "", 14},
		"WARN: orders: pay: slow: very":    {levelWarning, "orders", "pay", 19},
		"error: orders: pay: x":            {levelError, "orders", "pay", 20},
		"ERROR 404 on /":                   {level: levelError, head: 6},
		"Error 404 on /":                   {},
		"ERRORS 3":                         {},
		"FATAL":                            {},
		"INFO [pay orders/pay.go:12] paid": {levelInfo, "pay", "orders/pay.go:12", 28},
		"INFO [orders/pay.go:12] paid":     {levelInfo, "", "orders/pay.go:12", 24},
		"INFO: pay: [pay.go:12] paid":      {levelInfo, "pay", "pay.go:12", 23},
		"INFO: pay: [pay pay.go:12] paid":  {levelInfo, "pay", "", 11},
		"INFO: pay: [pay.go] paid":         {levelInfo, "pay", "", 11},
		"INFO: pay: [a b c:1] paid":        {levelInfo, "pay", "", 11},
		"INFO: pay: [3:] paid":             {levelInfo, "pay", "", 11},
		"INFO: pay: [3:5]":                 {levelInfo, "pay", "", 11},
		"INFO: ":                           {level: levelInfo, head: 6},
		"https://example.com":              {},
		"zapcw: 3 events are missing":      {level: levelGap, head: 7},
		`{"level":"warn","func":"f","location":"l.g:3","m":1}`: {level: levelWarning, function: "f", caller: "g"},
		`{"level":"nothing known","logger":"f"}`:               {function: "f"},
		`{"level":3,"severity":"CRITICAL"}`:                    {level: levelCritical},
		`{"level":"INFO"`:                                      {},
	} {
		if got := headlineOf(message); got != want {
			t.Errorf("%q: %+v, want %+v", message, got, want)
		}
	}
}
