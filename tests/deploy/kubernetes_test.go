package deploy_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const manifests = "deploy/kubernetes"

// cluster is what kubectl apply -k would send.
type cluster struct {
	deployments []appsv1.Deployment
	jobs        []batchv1.Job
	services    []corev1.Service
	configs     []corev1.ConfigMap
	claims      []corev1.PersistentVolumeClaim
	budgets     []policyv1.PodDisruptionBudget
	scalers     []autoscalingv2.HorizontalPodAutoscaler
	policies    []networkingv1.NetworkPolicy
	others      []string // kinds
}

// strict decodes one object into the API's own type: an unknown or doubled field is an error, as for kubectl --validate=strict.
func strict[T any](t *testing.T, document []byte, into *[]T) {
	t.Helper()
	var object T
	require.NoError(t, yaml.UnmarshalStrict(document, &object), "%s", document)
	*into = append(*into, object)
}

func (c *cluster) add(t *testing.T, document []byte) {
	t.Helper()
	var head metav1.TypeMeta
	require.NoError(t, yaml.Unmarshal(document, &head))
	switch head.APIVersion + "/" + head.Kind {
	case "apps/v1/Deployment":
		strict(t, document, &c.deployments)
	case "batch/v1/Job":
		strict(t, document, &c.jobs)
	case "v1/Service":
		strict(t, document, &c.services)
	case "v1/ConfigMap":
		strict(t, document, &c.configs)
	case "v1/PersistentVolumeClaim":
		strict(t, document, &c.claims)
	case "policy/v1/PodDisruptionBudget":
		strict(t, document, &c.budgets)
	case "autoscaling/v2/HorizontalPodAutoscaler":
		strict(t, document, &c.scalers)
	case "networking.k8s.io/v1/NetworkPolicy":
		strict(t, document, &c.policies)
	case "v1/Namespace":
		strict(t, document, new([]corev1.Namespace))
	case "v1/ServiceAccount":
		strict(t, document, new([]corev1.ServiceAccount))
	case "v1/Secret":
		strict(t, document, new([]corev1.Secret))
		c.others = append(c.others, head.Kind)
	case "monitoring.coreos.com/v1/ServiceMonitor": // of the operator, whose types would bring its whole module
		c.others = append(c.others, head.Kind)
	default:
		t.Fatalf("%s %s: which type is it?", head.APIVersion, head.Kind)
	}
}

// render builds the kustomization with components, in an overlay as an operator has it.
func render(t *testing.T, components ...string) *cluster {
	t.Helper()
	base, err := filepath.Abs(filepath.Join(root, manifests))
	require.NoError(t, err)
	// kustomize takes no absolute paths.
	overlay := filepath.Join(t.TempDir(), "overlay")
	require.NoError(t, os.MkdirAll(overlay, 0o755))
	relative, err := filepath.Rel(overlay, base)
	require.NoError(t, err)
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: handoff\nresources: [" + relative + "]\ncomponents:\n"
	for _, component := range components {
		text += "  - " + filepath.Join(relative, "components", component) + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o600))
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay)
	require.NoError(t, err)
	c := &cluster{}
	for _, resource := range rendered.Resources() {
		document, err := resource.AsYAML()
		require.NoError(t, err)
		c.add(t, document)
	}
	return c
}

// pods are the templates by what they run.
func (c *cluster) pods() map[string]corev1.PodTemplateSpec {
	pods := map[string]corev1.PodTemplateSpec{}
	for _, d := range c.deployments {
		pods[d.Spec.Template.Spec.Containers[0].Args[0]] = d.Spec.Template
	}
	for _, j := range c.jobs {
		pods[j.Spec.Template.Spec.Containers[0].Args[0]] = j.Spec.Template
	}
	return pods
}

func TestEveryManifestIsStrictlyValid(t *testing.T) {
	t.Parallel()
	c := render(t, "media-volume", "monitoring")
	require.Len(t, c.deployments, 2)
	require.Len(t, c.jobs, 1)
	require.Len(t, c.services, 3)
	require.Len(t, c.budgets, 2)
	require.Len(t, c.scalers, 2)
	require.Len(t, c.claims, 1)
	require.Equal(t, []string{"ServiceMonitor"}, c.others)
	require.NotContains(t, render(t).others, "Secret", "a template of a secret would overwrite the real one")
	for document := range strings.SplitSeq(read(t, manifests+"/secret.example.yaml"), "\n---\n") {
		(&cluster{}).add(t, []byte(document))
		require.Contains(t, document, "REPLACE", "a template has no secret")
	}
	var misspelt []appsv1.Deployment
	require.Error(t, yaml.UnmarshalStrict([]byte("spec: {replica: 2}"), &misspelt), "an unknown field is refused")
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	pods := render(t, "media-volume").pods()
	require.Len(t, pods, 3)
	for name, pod := range pods {
		require.True(t, *pod.Spec.SecurityContext.RunAsNonRoot, name)
		require.Equal(t, int64(65532), *pod.Spec.SecurityContext.RunAsUser, "the image's, and the media volume's owner")
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type, name)
		require.False(t, *pod.Spec.AutomountServiceAccountToken, "%s has no business with the cluster", name)
		require.False(t, *pod.Spec.EnableServiceLinks, name)
		require.False(t, pod.Spec.HostNetwork || pod.Spec.HostPID || pod.Spec.HostIPC, name)
		require.Empty(t, pod.Spec.InitContainers)
		for _, c := range pod.Spec.Containers {
			checkImage(t, c.Image)
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, name)
			require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, name)
			require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, name)
			require.False(t, c.Resources.Limits.Memory().IsZero(), "%s has no limit of memory", name)
			require.False(t, c.Resources.Requests.Cpu().IsZero(), "%s asks for no CPU, which its autoscaler counts by", name)
		}
	}
}

func TestPodsGetWhatTheyKnow(t *testing.T) {
	t.Parallel()
	for _, components := range [][]string{nil, {"media-volume"}} {
		c := render(t, components...)
		var names []string
		for name := range c.configs[0].Data {
			names = append(names, name)
		}
		known := settings(t)
		for _, name := range names {
			require.Contains(t, known, name)
			for _, word := range []string{"DATABASE_URL", "KEY"} {
				require.False(t, strings.HasSuffix(name, word), "%s is secret", name)
			}
		}
		for command, pod := range c.pods() {
			container := pod.Spec.Containers[0]
			require.Equal(t, c.configs[0].Name, container.EnvFrom[0].ConfigMapRef.Name, "by the name with the hash")
			require.Equal(t, "handoff", container.EnvFrom[1].SecretRef.Name)
			checkEnvironment(t, command, append(slices.Clone(names), "DATABASE_URL"))
			if command == "migrate" {
				continue
			}
			i := slices.IndexFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == "keyset" })
			require.Equal(t, filepath.Dir(c.configs[0].Data["HANDOFF_KEYSET_FILE"]), container.VolumeMounts[i].MountPath)
			if media, ok := strings.CutPrefix(c.configs[0].Data["HANDOFF_MEDIA_URL"], "file://"); ok {
				require.True(t, slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == media && !m.ReadOnly }))
			}
		}
	}
}

func TestARolloutInterruptsNobody(t *testing.T) {
	t.Parallel()
	c := render(t)
	for _, d := range c.deployments {
		require.Nil(t, d.Spec.Replicas, "%s: the autoscaler's number would be overwritten at each apply", d.Name)
		require.Equal(t, 0, d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
		container := d.Spec.Template.Spec.Containers[0]
		require.Equal(t, "/readyz", container.ReadinessProbe.HTTPGet.Path)
		for _, probe := range []*corev1.Probe{container.LivenessProbe, container.StartupProbe} {
			require.Equal(t, "/livez", probe.HTTPGet.Path, "a restart heals neither the database nor Temporal")
		}
		// The checks behind /readyz have 2 s.
		require.Greater(t, container.ReadinessProbe.TimeoutSeconds, int32(2))
		require.True(t, slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == container.ReadinessProbe.HTTPGet.Port.StrVal }))
		grace := *d.Spec.Template.Spec.TerminationGracePeriodSeconds
		if d.Name == "handoff-serve" {
			require.GreaterOrEqual(t, grace, container.Lifecycle.PreStop.Sleep.Seconds+30)
			continue
		}
		require.GreaterOrEqual(t, grace, int64(45))
	}
	for _, b := range c.budgets {
		require.Equal(t, 1, b.Spec.MaxUnavailable.IntValue())
	}
	for _, s := range c.scalers {
		require.GreaterOrEqual(t, *s.Spec.MinReplicas, int32(2), "one pod is no availability")
	}
}

func TestSelectorsFindTheirPods(t *testing.T) {
	t.Parallel()
	c := render(t)
	find := func(selector map[string]string) (names []string) {
		for name, pod := range c.pods() {
			matches := len(selector) > 0
			for k, v := range selector {
				matches = matches && pod.Labels[k] == v
			}
			if matches {
				names = append(names, name)
			}
		}
		return names
	}
	for _, s := range c.services {
		found := find(s.Spec.Selector)
		require.Len(t, found, 1, s.Name)
		container := c.pods()[found[0]].Spec.Containers[0]
		for _, port := range s.Spec.Ports {
			require.True(t, slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == port.TargetPort.StrVal }), "%s: %s", s.Name, port.Name)
			require.False(t, s.Name == "handoff" && port.TargetPort.StrVal != "http", "metrics are not for whoever reaches the API")
		}
	}
	for _, b := range c.budgets {
		require.Len(t, find(b.Spec.Selector.MatchLabels), 1, b.Name)
	}
	for _, s := range c.scalers {
		require.True(t, slices.ContainsFunc(c.deployments, func(d appsv1.Deployment) bool { return d.Name == s.Spec.ScaleTargetRef.Name }), s.Name)
	}
}

// TestPodsReachNoInternalAddress: webhooks go to the internet, whatever a tenant configured, and to nothing of the cluster.
func TestPodsReachNoInternalAddress(t *testing.T) {
	t.Parallel()
	c := render(t)
	i := slices.IndexFunc(c.policies, func(p networkingv1.NetworkPolicy) bool { return p.Name == "handoff" })
	policy := c.policies[i].Spec
	require.Equal(t, []networkingv1.PolicyType{"Ingress", "Egress"}, policy.PolicyTypes)
	allowed := func(address string) bool {
		ip := netip.MustParseAddr(address)
		for _, rule := range policy.Egress {
			for _, peer := range rule.To {
				if peer.IPBlock == nil || !netip.MustParsePrefix(peer.IPBlock.CIDR).Contains(ip) {
					continue
				}
				if !slices.ContainsFunc(peer.IPBlock.Except, func(e string) bool { return netip.MustParsePrefix(e).Contains(ip) }) {
					return true
				}
			}
		}
		return false
	}
	for _, address := range []string{"8.8.8.8", "203.0.114.1", "2a03:2880::1"} {
		require.True(t, allowed(address), address)
	}
	for _, address := range []string{"10.96.0.1", "172.17.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "::1", "fd00::1", "fe80::1", "64:ff9b::a00:1"} {
		require.False(t, allowed(address), address)
	}
	for _, component := range []string{"serve", "worker", "migrate"} {
		require.Contains(t, policy.PodSelector.MatchExpressions[0].Values, component)
	}
}
