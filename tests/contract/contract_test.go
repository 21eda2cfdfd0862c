package contract_test

import "testing"

// One server serves all, each with an account of its own.
func TestContract(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, test := range map[string]func(*testing.T, *server){
		"Bruno":                 testBruno,
		"Bruno has everything":  testBrunoIsComplete,
		"every operation":       testOperations,
		"the Go client":         testGoClient,
		"the TypeScript client": testTypeScript,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}
