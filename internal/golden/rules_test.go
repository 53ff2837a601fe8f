package golden_test

import (
	"maps"
	"reflect"
)

// quirks are those that the case shows.
func (c *testCase) quirks() (shown []quirk) {
	all, some := make(rules), make(rules)
	for _, q := range quirks {
		all[q.id] = true
	}
	none, most := c.model(rules{}), c.model(all)
	show := func(shows func(q quirk) bool) (more bool) {
		for _, q := range quirks {
			if !some[q.id] && shows(q) {
				some[q.id], more = true, true
			}
		}
		return more
	}
	show(func(q quirk) bool {
		if q.shows != nil {
			return q.shows(c)
		}
		return !reflect.DeepEqual(none, c.model(rules{q.id: true})) || !reflect.DeepEqual(most, c.model(all.but(q.id)))
	})
	// A rule may matter only after another, and only as long as a third does
	// not do the same.
	for !reflect.DeepEqual(most, c.model(some)) && show(func(q quirk) bool {
		return q.shows == nil && !reflect.DeepEqual(c.model(some), c.model(some.and(q.id)))
	}) {
	}
	for _, q := range quirks {
		if some[q.id] {
			shown = append(shown, q)
		}
	}
	return shown
}

func (r rules) and(id string) rules {
	r = maps.Clone(r)
	r[id] = true
	return r
}

func (r rules) but(id string) rules {
	r = maps.Clone(r)
	delete(r, id)
	return r
}
