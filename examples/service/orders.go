package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"go.uber.org/zap"
)

// maxOrder is the size of the largest order in bytes.
const maxOrder = 64 << 10

type order struct {
	ID    string `json:"id"`
	Items int    `json:"items"`
}

// A stock is what can be ordered.
type stock struct {
	mu    sync.Mutex
	items int
}

// take takes items, all or none, and logs each.
func (s *stock) take(logger *zap.Logger, items int) error {
	s.mu.Lock()
	left := s.items - items
	if left >= 0 {
		s.items = left
	}
	s.mu.Unlock()
	if left < 0 {
		return fmt.Errorf("stock: %d of %d items are there", left+items, items)
	}
	for i := range items {
		logger.Debug("item taken", zap.Int("item", i+1), zap.Int("left", left+items-i-1))
	}
	return nil
}

// placeOrder takes an order in JSON. Its lines in the log have the request's id.
func (s *stock) placeOrder(w http.ResponseWriter, r *http.Request) {
	logger := loggerOf(r.Context())
	var o order
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o)
	if err == nil && (o.ID == "" || o.Items < 1) {
		err = fmt.Errorf(`id %q with %d items: want an id, and one item or more`, o.ID, o.Items)
	}
	if err != nil {
		logger.Info("order refused", zap.Error(err))
		http.Error(w, "order: "+err.Error(), http.StatusBadRequest)
		return
	}
	logger.Debug("order read", zap.Any("order", o))
	if err := s.take(logger, o.Items); err != nil {
		logger.Error("order failed", zap.String("order", o.ID), zap.Error(err))
		http.Error(w, "order: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	logger.Info("order placed", zap.String("order", o.ID), zap.Int("items", o.Items))
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "order %s is placed\n", o.ID)
}
