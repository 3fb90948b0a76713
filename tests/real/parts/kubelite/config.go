package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// configs keeps what the ConfigMaps said that pods read, from when they started: a pod does not see later changes.
type configs struct {
	client *kubernetes.Clientset

	mu    sync.Mutex
	byPod map[types.UID]string
}

func newConfigs(client *kubernetes.Clientset) *configs {
	return &configs{client: client, byPod: map[types.UID]string{}}
}

// of is that text of a pod; or an error, as the kubelet words it, while one of its ConfigMaps is not there.
func (c *configs) of(ctx context.Context, pod *v1.Pod) (string, error) {
	c.mu.Lock()
	text, known := c.byPod[pod.UID]
	c.mu.Unlock()
	if known {
		return text, nil
	}
	for name, needed := range configMapsOf(pod) {
		found, err := c.client.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err) && !needed:
		case apierrors.IsNotFound(err):
			return "", fmt.Errorf("configmap %q not found", name)
		case err != nil:
			return "", err
		default:
			text += contentOf(found)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byPod[pod.UID] = text
	return text, nil
}

func (c *configs) forget(pod *v1.Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byPod, pod.UID)
}

// configMapsOf are the names of those that a pod reads, and whether it cannot do without.
func configMapsOf(pod *v1.Pod) map[string]bool {
	found := map[string]bool{}
	note := func(name string, optional *bool) {
		found[name] = found[name] || optional == nil || !*optional
	}
	for _, container := range pod.Spec.Containers {
		for _, from := range container.EnvFrom {
			if ref := from.ConfigMapRef; ref != nil {
				note(ref.Name, ref.Optional)
			}
		}
		for _, env := range container.Env {
			if env.ValueFrom != nil && env.ValueFrom.ConfigMapKeyRef != nil {
				note(env.ValueFrom.ConfigMapKeyRef.Name, env.ValueFrom.ConfigMapKeyRef.Optional)
			}
		}
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.ConfigMap != nil {
			note(volume.ConfigMap.Name, volume.ConfigMap.Optional)
		}
	}
	return found
}

func contentOf(config *v1.ConfigMap) string {
	var lines []string
	for key, value := range config.Data {
		lines = append(lines, key+": "+value+"\n")
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}
