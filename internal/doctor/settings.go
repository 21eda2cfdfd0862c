package doctor

import "context"

func settingChecks() []Check {
	return []Check{
		{Name: "key_set", Looks: "`HANDOFF_KEYSET` or `HANDOFF_KEYSET_FILE` is a key set", run: checkKeySet},
		{Name: "calls_out", Looks: "`HANDOFF_ALLOWED_NETWORKS` and `HANDOFF_EGRESS_PROXY` can be read", run: checkOutbound},
	}
}

func checkKeySet(_ context.Context, v *visit) []Finding {
	box, err := v.Box()
	if err != nil {
		return fail(err.Error(), "", "give this command the key set that serve and worker have; where there is none yet, make one with `handoff keyset` and keep it")
	}
	v.box = box
	return ok("the key set can be read")
}

func checkOutbound(_ context.Context, v *visit) []Finding {
	poster, err := v.Outbound()
	if err != nil {
		return fail(err.Error(), "", "write networks as 10.1.0.0/16 and a proxy as http://host:port")
	}
	v.poster = poster
	return ok("the settings of calls out can be read")
}
