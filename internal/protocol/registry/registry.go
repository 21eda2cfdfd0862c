// Package registry lists the protocols. A new one is a folder beside this one and one line here; the tests of this package are the
// suite that every protocol has to pass.
package registry

import (
	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/aksita"
	"handoff/internal/protocol/chatlayer"
	"handoff/internal/protocol/hitlchat"
	"handoff/internal/protocol/kapso"
	"handoff/internal/protocol/native"
	"handoff/internal/protocol/passthrough"
)

// All are the protocols, in the order of handoff.Protocols.
var All = []protocol.Protocol{
	hitlchat.Protocol,
	chatlayer.Protocol,
	aksita.Protocol,
	kapso.Protocol,
	passthrough.Protocol,
	native.Protocol,
}

// Of is the protocol of that name, and false for a name that none has.
func Of(name handoff.Protocol) (protocol.Protocol, bool) {
	for _, p := range All {
		if p.Name == name {
			return p, true
		}
	}
	return protocol.Protocol{}, false
}
