package handoff_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestErrorCodeIsThatOfTheFirstErrorInTheChain(t *testing.T) {
	t.Parallel()
	cause := errors.New("no rows")
	refusal := handoff.Errorf(handoff.CodeNotFound, "there is no conversation %d: %w", 7, cause)

	require.Equal(t, handoff.Code(""), handoff.ErrorCode(nil))
	require.Equal(t, handoff.CodeInternal, handoff.ErrorCode(cause))
	require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(refusal))
	require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(fmt.Errorf("claim: %w", refusal)))
	require.ErrorIs(t, refusal, cause)
	require.Equal(t, "there is no conversation 7: no rows", refusal.Message)
}

func TestErrorSaysCodeSentenceAndCause(t *testing.T) {
	t.Parallel()
	require.Equal(t, "conflict: Ana has it", handoff.Errorf(handoff.CodeConflict, "Ana has it").Error())
	err := &handoff.Error{Code: handoff.CodeUnavailable, Message: "try again", Err: errors.New("dial tcp")}
	require.Equal(t, "unavailable: try again: dial tcp", err.Error())
}
