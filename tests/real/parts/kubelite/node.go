package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	nodeName = "node-0"
	// readyAnnotation with the value "false" on a pod keeps it from becoming ready.
	readyAnnotation = "recant.test/ready"
)

// node stands in for scheduler and kubelet: it binds every pod to one node, and says of its containers what the
// behaviour of their image is. A deleted pod is gone at once.
type node struct {
	client     *kubernetes.Clientset
	behaviours *behaviours
	configs    *configs
	traffic    *traffic
	addresses  atomic.Uint32
	busy       sync.Map
}

func runNode(ctx context.Context, client *kubernetes.Clientset, b *behaviours, serve bool) {
	n := &node{client: client, behaviours: b, configs: newConfigs(client)}
	if serve {
		n.traffic = newTraffic(b)
	}
	n.register(ctx)
	shared := informers.NewSharedInformerFactory(client, 0)
	pods := shared.Core().V1().Pods()
	_, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(pod any) { go n.look(ctx, pod.(*v1.Pod)) },
		UpdateFunc: func(_, pod any) { go n.look(ctx, pod.(*v1.Pod)) },
		DeleteFunc: func(pod any) { n.forget(pod) },
	})
	must(err)
	shared.Start(ctx.Done())
	// What only time changes: a container that becomes ready, or is restarted.
	go func() {
		for range time.Tick(250 * time.Millisecond) {
			for _, item := range pods.Informer().GetStore().List() {
				if pod := item.(*v1.Pod); !isReady(pod) || pod.Annotations[readyAnnotation] != "" {
					go n.look(ctx, pod)
				}
			}
		}
	}()
}

func (n *node) register(ctx context.Context) {
	size := v1.ResourceList{}
	must(json.Unmarshal([]byte(`{"cpu":"64","memory":"256Gi","pods":"5000"}`), &size))
	object := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}
	made, err := n.client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	must(err)
	made.Status = v1.NodeStatus{Capacity: size, Allocatable: size,
		Conditions: []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "StandIn"}}}
	_, err = n.client.CoreV1().Nodes().UpdateStatus(ctx, made, metav1.UpdateOptions{})
	must(err)
}

// look does the next thing for one pod, unless somebody is at it.
func (n *node) look(ctx context.Context, pod *v1.Pod) {
	if _, taken := n.busy.LoadOrStore(pod.UID, true); taken {
		return
	}
	defer n.busy.Delete(pod.UID)
	pods := n.client.CoreV1().Pods(pod.Namespace)
	var err error
	switch {
	case pod.DeletionTimestamp != nil:
		now := int64(0)
		err = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
	case pod.Spec.NodeName == "":
		to := v1.ObjectReference{Kind: "Node", Name: nodeName}
		err = pods.Bind(ctx, &v1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: to}, metav1.CreateOptions{})
	default:
		err = n.report(ctx, pod)
	}
	if err != nil {
		klog.V(2).Infof("node: %s/%s: %v", pod.Namespace, pod.Name, err)
	}
}

func (n *node) report(ctx context.Context, pod *v1.Pod) error {
	config, missing := n.configs.of(ctx, pod)
	status := n.status(pod, config, missing)
	if n.traffic != nil && status.PodIP != "" {
		n.traffic.serve(pod, status.PodIP, config)
	}
	if same(pod.Status, status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = n.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

func (n *node) forget(item any) {
	if gone, ok := item.(cache.DeletedFinalStateUnknown); ok {
		item = gone.Obj
	}
	pod, ok := item.(*v1.Pod)
	if !ok {
		return
	}
	n.configs.forget(pod)
	if n.traffic != nil {
		n.traffic.forget(pod.Status.PodIP)
	}
}

func (n *node) status(pod *v1.Pod, config string, missing error) v1.PodStatus {
	age := time.Since(pod.CreationTimestamp.Time)
	status := v1.PodStatus{Phase: v1.PodRunning, HostIP: "10.0.0.1", StartTime: &pod.CreationTimestamp}
	ready := pod.Annotations[readyAnnotation] != "false"
	for _, c := range pod.Spec.Containers {
		one := containerStatus(c, n.behaviours.of(c.Image, config), missing, age, pod.CreationTimestamp)
		if one.State.Waiting != nil && one.State.Waiting.Reason != "CrashLoopBackOff" {
			status.Phase = v1.PodPending
		}
		ready = ready && one.Ready
		status.ContainerStatuses = append(status.ContainerStatuses, one)
	}
	if status.Phase == v1.PodRunning {
		if status.PodIP = pod.Status.PodIP; status.PodIP == "" {
			i := n.addresses.Add(1)
			status.PodIP = fmt.Sprintf("10.244.%d.%d", i/250%250, i%250+2)
		}
		status.PodIPs = []v1.PodIP{{IP: status.PodIP}}
	}
	for _, kind := range []v1.PodConditionType{v1.PodScheduled, v1.PodInitialized} {
		status.Conditions = append(status.Conditions, condition(pod, kind, true))
	}
	for _, kind := range []v1.PodConditionType{v1.ContainersReady, v1.PodReady} {
		status.Conditions = append(status.Conditions, condition(pod, kind, ready))
	}
	return status
}

func containerStatus(c v1.Container, b behaviour, missing error, age time.Duration, created metav1.Time) v1.ContainerStatus {
	status := v1.ContainerStatus{Name: c.Name, Image: c.Image}
	wait := func(reason, message string) {
		status.State.Waiting = &v1.ContainerStateWaiting{Reason: reason, Message: message}
	}
	switch {
	case b.Fate == "missing" && age < time.Second:
		wait("ErrImagePull", c.Image+": not found")
	case b.Fate == "missing":
		wait("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q", c.Image))
	case missing != nil:
		wait("CreateContainerConfigError", missing.Error())
	case b.Fate == "crashes":
		restarts, pause := restartsBy(age)
		status.RestartCount = restarts
		wait("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container", pause))
	default:
		started := true
		status.ImageID, status.Started = c.Image, &started
		status.State.Running = &v1.ContainerStateRunning{StartedAt: created}
		status.Ready = b.Fate != "never-ready" && age.Seconds() >= b.ReadyS
	}
	return status
}

// restartsBy is how the kubelet backs off: 10 s, then twice as long each time, 5 minutes at most.
func restartsBy(age time.Duration) (restarts int32, pause time.Duration) {
	pause = 10 * time.Second
	for next := pause; age >= next; restarts++ {
		pause = min(2*pause, 5*time.Minute)
		next += pause
	}
	return restarts, pause
}

func condition(pod *v1.Pod, kind v1.PodConditionType, holds bool) v1.PodCondition {
	made := v1.PodCondition{Type: kind, Status: v1.ConditionTrue, LastTransitionTime: metav1.Now()}
	if !holds {
		made.Status, made.Reason, made.Message = v1.ConditionFalse, "ContainersNotReady", "containers with unready status"
	}
	for _, old := range pod.Status.Conditions {
		if old.Type == kind && old.Status == made.Status {
			made.LastTransitionTime = old.LastTransitionTime
		}
	}
	return made
}

func isReady(pod *v1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == v1.PodReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}

// same tells whether a new status says nothing new.
func same(old, new v1.PodStatus) bool {
	if old.Phase != new.Phase || old.PodIP != new.PodIP || len(old.ContainerStatuses) != len(new.ContainerStatuses) {
		return false
	}
	for i, c := range new.ContainerStatuses {
		o := old.ContainerStatuses[i]
		reason := func(c v1.ContainerStatus) string {
			if c.State.Waiting == nil {
				return ""
			}
			return c.State.Waiting.Reason
		}
		if o.Ready != c.Ready || o.RestartCount != c.RestartCount || reason(o) != reason(c) {
			return false
		}
	}
	was := map[v1.PodConditionType]v1.ConditionStatus{}
	for _, c := range old.Conditions {
		was[c.Type] = c.Status
	}
	for _, c := range new.Conditions {
		if was[c.Type] != c.Status {
			return false
		}
	}
	return true
}
