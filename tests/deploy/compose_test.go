package deploy_test

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// loadCompose reads docker-compose.yml as `docker compose` does, with the variables of an .env file and no others.
func loadCompose(t *testing.T, env ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithEnv(env), cli.WithProfiles([]string{"*"}))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// ours are the services that run our binary.
var ours = []string{"migrate", "serve", "worker"}

func TestComposeHasEveryPart(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	require.ElementsMatch(t, []string{
		"postgres", "temporal-schema", "temporal", "temporal-ui", "migrate", "serve", "worker", "prometheus", "grafana",
	}, slices.Collect(maps.Keys(project.Services)))
	for name, service := range project.Services {
		if !slices.Contains(ours, name) {
			checkImage(t, service.Image)
		}
		require.NotNil(t, service.Deploy, "%s has no limits", name)
		require.NotZero(t, service.Deploy.Resources.Limits.MemoryBytes, "%s has no limit of memory", name)
		require.NotEmpty(t, service.Restart, "%s: who starts it again?", name)
		for _, port := range service.Ports {
			address, err := netip.ParseAddr(port.HostIP)
			require.NoError(t, err, "%s publishes %s on every address", name, port.Published)
			require.True(t, address.IsLoopback(), "%s publishes %s on %s", name, port.Published, address)
		}
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				_, err := os.Stat(volume.Source)
				require.NoError(t, err, "%s mounts it", name)
			}
		}
	}
}

// TestComposeShowsTheDashboards: Grafana reads provisioning/dashboards/*.yaml and provisioning/datasources/*.yaml, and passes over what lies
// elsewhere without a word.
func TestComposeShowsTheDashboards(t *testing.T) {
	t.Parallel()
	mounts := map[string]string{}
	for _, volume := range loadCompose(t).Services["grafana"].Volumes {
		mounts[volume.Target] = filepath.Base(volume.Source)
	}
	require.Equal(t, "dashboards.yaml", mounts["/etc/grafana/provisioning/dashboards/handoff.yaml"])
	require.Equal(t, "datasources.yaml", mounts["/etc/grafana/provisioning/datasources/handoff.yaml"])
	path := regexp.MustCompile(`path: (\S+?)}`).FindStringSubmatch(read(t, "deploy/grafana/provisioning/dashboards.yaml"))
	require.Len(t, path, 2)
	require.Equal(t, "dashboards", mounts[path[1]], "the dashboards are not where Grafana is told to look")
}

func TestComposeStartsInOrder(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	for _, c := range []struct{ service, after, condition string }{
		{"temporal-schema", "postgres", types.ServiceConditionHealthy},
		{"temporal", "temporal-schema", types.ServiceConditionCompletedSuccessfully},
		{"temporal-ui", "temporal", types.ServiceConditionHealthy},
		{"migrate", "postgres", types.ServiceConditionHealthy},
		{"migrate", "temporal", types.ServiceConditionHealthy},
		{"serve", "migrate", types.ServiceConditionCompletedSuccessfully},
		{"worker", "migrate", types.ServiceConditionCompletedSuccessfully},
		{"grafana", "prometheus", types.ServiceConditionHealthy},
	} {
		dependency, ok := project.Services[c.service].DependsOn[c.after]
		require.True(t, ok, "%s waits for %s", c.service, c.after)
		require.Equal(t, c.condition, dependency.Condition, "%s waits for %s", c.service, c.after)
		if c.condition == types.ServiceConditionHealthy {
			require.NotNil(t, project.Services[c.after].HealthCheck, "%s is waited for", c.after)
		}
	}
}

// TestComposeAsksForHealthByAddress: localhost may be ::1 alone in a container, and our image has neither a shell nor curl.
func TestComposeAsksForHealthByAddress(t *testing.T) {
	t.Parallel()
	for name, service := range loadCompose(t).Services {
		if service.HealthCheck == nil || service.HealthCheck.Disable {
			continue
		}
		test := service.HealthCheck.Test
		require.Equal(t, "CMD", test[0], "%s", name)
		require.NotContains(t, strings.Join(test, " "), "localhost", "%s", name)
		// Slow machines build indexes and caches first.
		wait := time.Duration(*service.HealthCheck.Interval) * time.Duration(*service.HealthCheck.Retries)
		require.GreaterOrEqual(t, wait, time.Minute, "%s is given up after %s", name, wait)
		if slices.Contains(ours, name) {
			require.Equal(t, types.HealthCheckTest{"CMD", "/handoff", "healthcheck"}, test)
		}
	}
}

func TestComposeGivesOurProcessesWhatTheyKnow(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	for _, name := range ours {
		service := project.Services[name]
		checkEnvironment(t, service.Command[0], slices.Collect(maps.Keys(service.Environment)))
		require.True(t, strings.HasPrefix(*service.Environment["TEMPORAL_ADDRESS"], "passthrough:///"), "Docker's name server may not answer gRPC's resolver")
		require.True(t, service.ReadOnly)
		require.Equal(t, []string{"ALL"}, service.CapDrop)
		require.Equal(t, "no-new-privileges:true", service.SecurityOpt[0])
		require.GreaterOrEqual(t, time.Duration(*service.StopGracePeriod), 45*time.Second, "a worker may take that long")
		require.Equal(t, "handoff_keyset", service.Secrets[0].Source)
		require.Equal(t, "/run/secrets/"+service.Secrets[0].Source, *service.Environment["HANDOFF_KEYSET_FILE"])
	}
	require.Contains(t, project.Secrets, "handoff_keyset")
}

// TestComposeTakesAPasswordOfTheOperators finds a place where the default would be left.
func TestComposeTakesAPasswordOfTheOperators(t *testing.T) {
	t.Parallel()
	project := loadCompose(t, "POSTGRES_PASSWORD=p/a:s@s")
	for service, variable := range map[string]string{
		"postgres": "POSTGRES_PASSWORD", "temporal-schema": "SQL_PASSWORD", "temporal": "POSTGRES_PWD", "migrate": "PGPASSWORD", "serve": "PGPASSWORD",
		"worker": "PGPASSWORD",
	} {
		require.Equal(t, "p/a:s@s", *project.Services[service].Environment[variable], "%s", service)
	}
	require.NotContains(t, *project.Services["serve"].Environment["DATABASE_URL"], "p/a", "a URL would have to escape it")
}

// TestComposeExplainsEveryVariable reads the lines above each.
func TestComposeExplainsEveryVariable(t *testing.T) {
	t.Parallel()
	lines := strings.Split(read(t, "docker-compose.yml"), "\n")
	variable := regexp.MustCompile(`^ +[A-Z][A-Z0-9_]+: `)
	found := 0
	for i, line := range lines {
		if !variable.MatchString(line) {
			continue
		}
		found++
		above := i - 1
		for variable.MatchString(lines[above]) { // a comment may be for a few that belong together
			above--
		}
		require.Regexp(t, `^ +# `, lines[above], "line %d: nobody says what %s is for", i+1, strings.TrimSpace(line))
	}
	require.Greater(t, found, 25)
}
