package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"go.uber.org/zap"
)

// maxOrder is the size of the largest order in bytes.
const maxOrder = 64 << 10

type order struct {
	ID    string `json:"id"`
	Items int    `json:"items"`
}

// placeOrder takes an order in JSON. Its lines in the log have the request's id.
func placeOrder(w http.ResponseWriter, r *http.Request) {
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
	logger.Info("order placed", zap.String("order", o.ID), zap.Int("items", o.Items))
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "order %s is placed\n", o.ID)
}
