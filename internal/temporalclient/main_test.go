package temporalclient_test

import (
	"testing"

	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
