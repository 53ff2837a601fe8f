// Package browser looks at the page of package cwltest with a real browser, headless
// Chromium, and makes the screenshots in docs. It is a module of its own, so that what
// drives the browser never reaches users of zapcw.
//
//	go test ./...
//
// needs Debian's package chromium, or another Chromium or Chrome by the variable
// ZAPCW_CHROMIUM. Without one the tests are skipped, unless CI is set.
//
//	go test -run TestScreenshots -update
//
// makes docs/page-*.png anew.
package browser
