package cwlambda

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"example.com/zapcw"
	"example.com/zapcw/cwltest"
	"example.com/zapcw/internal/testkit"
)

// However a Core is wrapped, the flush finds its engine, is over in time, and
// leaves in memory what it could not deliver.
func TestWrappings(t *testing.T) {
	testkit.InWrappings(t, func(t *testing.T, srv *cwltest.Server, s *zapcw.Syncer, build func(...zap.Option) *zap.Logger) {
		logger := build()
		srv.Fail(cwltest.Fault{Break: cwltest.BlackHole})
		f := newFunction(logger, nil)
		begin := time.Now()
		_, _ = f.invoke(context.Background(), func(context.Context) (any, error) {
			logger.Info("m")
			return nil, nil
		})
		if took := time.Since(begin); took != defaultFlushTimeout {
			t.Errorf("took %s, want %s", took, defaultFlushTimeout)
		}
		if st := s.Stats(); st.Pending == 0 || st.Spilled != 0 {
			t.Errorf("%d events pending and %d spilled, want all pending", st.Pending, st.Spilled)
		}
	})
}
