package decode

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Parameter is what a configuration can say by one name: by a key of a map, or
// by a parameter of a URL.
type Parameter struct {
	Name string
	Read func(v any) error // v is what decoders give, a string in a URL; never nil
	Null func()            // what null does in a map; if nil, it is as if it were not there
	// NotInURL says why a URL cannot have it, and where it belongs. Empty if it can.
	NotInURL string
	Needed   bool // in a URL
}

// Members reads the members of a map, whose keys must be names of parameters.
func Members(path string, v any, parameters []Parameter) error {
	m, err := Map(path, "a map", v, names(parameters)...)
	if err != nil {
		return err
	}
	for _, p := range parameters {
		v, ok := m[p.Name]
		switch {
		case ok && v != nil:
			if err := p.Read(v); err != nil {
				return At(Join(path, p.Name), err)
			}
		case ok && p.Null != nil:
			p.Null()
		}
	}
	return nil
}

// Query reads the parameters of a URL; example is a good one.
func Query(query url.Values, parameters []Parameter, example string) error {
	known := slices.DeleteFunc(slices.Clone(parameters), func(p Parameter) bool { return p.NotInURL != "" })
	list := strings.Join(names(known), ", ")
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(names(parameters), name) {
			return fmt.Errorf("unknown parameter %q: known are %s", name, list)
		}
	}
	for _, p := range parameters {
		values, ok := query[p.Name]
		switch {
		case !ok && p.Needed:
			return fmt.Errorf("no parameter %q: want one, like %s; known are %s", p.Name, example, list)
		case !ok:
			continue
		case p.NotInURL != "":
			return fmt.Errorf("%s: %s", p.Name, p.NotInURL)
		case len(values) > 1:
			return fmt.Errorf("%s: given %d times: want it once", p.Name, len(values))
		case values[0] == "" && p.Needed:
			return fmt.Errorf("%s: empty: want a name", p.Name)
		case values[0] == "":
			return fmt.Errorf("%s: empty: want a value, or no such parameter for the default", p.Name)
		}
		if err := p.Read(values[0]); err != nil {
			return At(p.Name, err)
		}
	}
	return nil
}

// names are in order, as errors list them.
func names(parameters []Parameter) []string {
	all := make([]string, len(parameters))
	for i, p := range parameters {
		all[i] = p.Name
	}
	slices.Sort(all)
	return all
}
