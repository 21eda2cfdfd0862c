package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Ready is what /readyz answers.
type Ready struct {
	Status string            `json:"status" enum:"ok,degraded,unavailable"`
	Checks map[string]string `json:"checks" doc:"Each check with ok or failed; the server's log has the reason. Degraded means that intake goes on and commands may fail."`
}

// live is what /livez answers.
type live struct {
	Status string `json:"status" enum:"ok"`
}

func (s *server) healthRoutes() {
	open := route{scope: publicScope}
	s.plain(http.MethodGet, "/livez", open, func(c *gin.Context) { c.JSON(http.StatusOK, live{"ok"}) })
	s.plain(http.MethodGet, "/readyz", open, func(c *gin.Context) {
		answer, status := readiness(s.logged(c, s.Ready(c.Request.Context())))
		if s.Degraded != nil {
			answer.degrade(s.logged(c, s.Degraded(c.Request.Context())))
		}
		c.JSON(status, answer)
	})
}

func (s *server) logged(c *gin.Context, failures map[string]error) map[string]error {
	for name, err := range failures {
		if err != nil {
			s.Log.WarnContext(c.Request.Context(), "not ready", "check", name, "error", err)
		}
	}
	return failures
}

// degrade adds checks whose failure takes nobody out of service.
func (r *Ready) degrade(failures map[string]error) {
	for name, err := range failures {
		r.Checks[name] = "ok"
		if err == nil {
			continue
		}
		r.Checks[name] = "failed"
		if r.Status == "ok" {
			r.Status = "degraded"
		}
	}
}

// readiness keeps the reasons to itself: the route is open to everybody, and they name hosts.
func readiness(failures map[string]error) (Ready, int) {
	answer, status := Ready{Status: "ok", Checks: map[string]string{}}, http.StatusOK
	for name, err := range failures {
		answer.Checks[name] = "ok"
		if err != nil {
			answer.Checks[name], answer.Status, status = "failed", "unavailable", http.StatusServiceUnavailable
		}
	}
	return answer, status
}

// Health is /livez and /readyz alone, for a process without an API.
func Health(ready func(context.Context) map[string]error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, live{"ok"}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answer, status := readiness(ready(r.Context()))
		writeJSON(w, status, answer)
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
