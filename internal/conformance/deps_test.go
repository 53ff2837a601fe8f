//go:build deps

package conformance

// What zap's tests import, for go.mod to know.
import (
	_ "github.com/stretchr/testify/assert"
	_ "github.com/stretchr/testify/require"
	_ "go.uber.org/zap"
	_ "go.yaml.in/yaml/v3"
)
