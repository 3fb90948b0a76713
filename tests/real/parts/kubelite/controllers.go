package main

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	hpametrics "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	"k8s.io/metrics/pkg/client/custom_metrics"
	"k8s.io/metrics/pkg/client/external_metrics"
)

// runControllers starts the controllers of kube-controller-manager that matter here: what makes pods, what lists them
// as endpoints, what cleans up.
func runControllers(ctx context.Context, cfg *rest.Config, client *kubernetes.Clientset) {
	meta, err := metadata.NewForConfig(cfg)
	must(err)
	shared := informers.NewSharedInformerFactory(client, 12*time.Hour)
	metaShared := metadatainformer.NewSharedInformerFactory(meta, 12*time.Hour)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	started := make(chan struct{})
	core, apps := shared.Core().V1(), shared.Apps().V1()

	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), core.Pods(), client)
	must(err)
	replicaSets := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), core.Pods(), client, replicaset.BurstReplicas)
	daemonSets, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(),
		client, flowcontrol.NewBackOff(time.Second, 15*time.Minute))
	must(err)
	slices := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(),
		shared.Discovery().V1().EndpointSlices(), 100, client, 0)
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, meta, mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(shared, metaShared), started)
	must(err)
	namespaces := namespace.NewNamespaceController(ctx, client, meta, client.Discovery().ServerPreferredNamespacedResources,
		core.Namespaces(), 5*time.Minute, v1.FinalizerKubernetes)
	autoscaler := newAutoscaler(ctx, cfg, client, mapper, shared)

	go deployments.Run(ctx, 5)
	go replicaSets.Run(ctx, 5)
	go daemonSets.Run(ctx, 2)
	go slices.Run(ctx, 5)
	go collector.Run(ctx, 5, 100*time.Millisecond)
	// New kinds are collected a second after they are known.
	go collector.Sync(ctx, client.Discovery(), time.Second)
	go namespaces.Run(ctx, 5)
	go autoscaler.Run(ctx, 2)
	shared.Start(ctx.Done())
	metaShared.Start(ctx.Done())
	close(started)
}

// newAutoscaler makes the controller of HorizontalPodAutoscalers. There is no metrics API: it says so in their status.
func newAutoscaler(ctx context.Context, cfg *rest.Config, client *kubernetes.Clientset, mapper *restmapper.DeferredDiscoveryRESTMapper,
	shared informers.SharedInformerFactory) *podautoscaler.HorizontalController {
	scales, err := scale.NewForConfig(cfg, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(client.Discovery()))
	must(err)
	resources, err := resourceclient.NewForConfig(cfg)
	must(err)
	external, err := external_metrics.NewForConfig(cfg)
	must(err)
	custom := custom_metrics.NewForConfig(cfg, mapper, custom_metrics.NewAvailableAPIsGetter(client.Discovery()))
	return podautoscaler.NewHorizontalController(ctx, client.CoreV1(), scales, client.AutoscalingV2(), mapper,
		hpametrics.NewRESTMetricsClient(resources, custom, external),
		shared.Autoscaling().V2().HorizontalPodAutoscalers(), shared.Core().V1().Pods(),
		15*time.Second, 5*time.Minute, 0.1, 5*time.Minute, 30*time.Second)
}
