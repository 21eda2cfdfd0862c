package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"handoff/internal/health"
)

// live is what /livez answers.
type live struct {
	Status string `json:"status" enum:"ok"`
}

func (s *server) healthRoutes() {
	open := route{scope: publicScope}
	s.plain(http.MethodGet, "/livez", open, func(c *gin.Context) { c.JSON(http.StatusOK, live{"ok"}) })
	s.plain(http.MethodGet, "/readyz", open, func(c *gin.Context) {
		answer := s.Ready(c.Request.Context())
		c.JSON(answer.Code(), answer)
	})
}

// Health is /livez and /readyz alone, for a process without an API.
func Health(ready func(context.Context) health.Ready) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, live{"ok"}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answer := ready(r.Context())
		writeJSON(w, answer.Code(), answer)
	})
	return mux
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that has gone cannot be told.
	_ = json.NewEncoder(w).Encode(v)
}
