// Package golden runs zapcw through what was recorded of the Python logger that
// it follows, case by case. What zapcw does otherwise on purpose stands in one
// table, by the number that the specification gives to the quirk.
//
//	go test -run '^TestGolden$' ./internal/golden
//
// reads testdata/golden.json and testdata/kinds.json, or instead of them the
// file that ZAPCW_GOLDEN names.
package golden
