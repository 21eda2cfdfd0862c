package main

import (
	"fmt"
	"slices"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const clusterName = "active"

func startTemporal(opts options, p ports) (temporal.Server, error) {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, opts.logLevel) {
		return nil, fmt.Errorf("--log-level %q is unknown: use debug, info, warn or error", opts.logLevel)
	}
	storage, err := openStorage(opts)
	if err != nil {
		return nil, err
	}

	server, err := temporal.NewServer(
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
		temporal.WithConfig(serverConfig(storage, p)),
		temporal.WithDynamicConfigClient(dynamicConfig()),
		temporal.WithLogger(log.NewZapLogger(log.BuildZapLogger(log.Config{Level: opts.logLevel, Format: "console"}))),
		temporal.WithStaticHosts(staticHosts(p)),
	)
	if err != nil {
		return nil, fmt.Errorf("configure Temporal server: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	return server, nil
}

// staticHosts replaces the gossip protocol of a real cluster, which would only slow down the start of a single node.
func staticHosts(p ports) map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(hostPort(p.frontend)),
		primitives.HistoryService:  static.SingleLocalHost(hostPort(p.history)),
		primitives.MatchingService: static.SingleLocalHost(hostPort(p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(hostPort(p.worker)),
	}
}

func serverConfig(storage *config.SQL, p ports) *config.Config {
	const disabled = "disabled"
	return &config.Config{
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		ClusterMetadata: &cluster.Config{
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: hostPort(p.frontend)},
			},
			CurrentClusterName:       clusterName,
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Global:              config.Global{Membership: config.Membership{BroadcastAddress: host}},
		NamespaceDefaults: config.NamespaceDefaults{
			Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
			},
		},
		Persistence: config.Persistence{
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: storage}},
			DefaultStore:     sqlite.PluginName,
			NumHistoryShards: 1,
			VisibilityStore:  sqlite.PluginName,
		},
		PublicClient: config.PublicClient{HostPort: hostPort(p.frontend)},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(p.frontend),
			string(primitives.HistoryService):  service(p.history),
			string(primitives.MatchingService): service(p.matching),
			string(primitives.WorkerService):   service(p.worker),
		},
	}
}

func service(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: host}}
}

func hostPort(port int) string {
	return fmt.Sprintf("%s:%d", host, port)
}

// dynamicConfig holds what a small server needs to be quick. The defaults poll the task queues of a shard 20 times a
// second, which alone puts 50 ms between a message and its workflow, and keep a backlogged task behind
// fresh ones for 5 seconds.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.MatchingBacklogNegligibleAge.Key():        "200ms",
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():            1000,
		dynamicconfig.TransferProcessorMaxPollRPS.Key():         1000,
		dynamicconfig.WorkflowPauseEnabled.Key():                true,
		// A worker that stops would otherwise be given tasks that it does not take any more, and commands would wait 5 s for another.
		dynamicconfig.EnableCancelWorkerPollsOnShutdown.Key(): true,

		// A search attribute added a moment ago must be usable at once.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		// The version check calls out to the internet.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
	}
}
