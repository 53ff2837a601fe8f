package main

import (
	"expvar"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"example.com/zapcw"
)

// A site is everything that the service serves.
type site struct {
	logger   *zap.Logger
	level    zap.AtomicLevel // of the logger
	stats    func() zapcw.Stats
	patience time.Duration // of the health check
	stock    stock
	stream   func() []string // what is in it; nil if that is elsewhere
}

// handler serves paths for users, which are logged, and paths for operators, which
// are not. Expose only the former: whoever reaches the others can change what is
// logged.
func (s *site) handler() http.Handler {
	users := http.NewServeMux()
	users.HandleFunc("POST /orders", s.stock.placeOrder)

	metrics := prometheus.NewRegistry()
	metrics.MustRegister(&collector{s.stats})

	all := http.NewServeMux()
	all.Handle("/", logRequests(s.logger, users))
	all.Handle("/log/level", s.level)
	all.Handle("GET /healthz", &health{stats: s.stats, patience: s.patience, logger: s.logger})
	all.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	all.Handle("GET /debug/vars", expvar.Handler())
	if s.stream != nil {
		all.HandleFunc("GET /log/stream", s.printStream)
	}
	return all
}

// printStream shows the stream, with everything that was logged until now.
func (s *site) printStream(w http.ResponseWriter, _ *http.Request) {
	if err := s.logger.Sync(); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for _, event := range s.stream() {
		fmt.Fprintln(w, event)
	}
}
