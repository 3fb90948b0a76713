package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
)

// proxyPort is where each pod's proxy is scraped, as with Linkerd.
const proxyPort = 4191

// latencyMS are the upper bounds of Linkerd's latency histogram up to 5 s; clientS those of the Prometheus clients' default one.
var (
	latencyMS = []float64{1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000}
	clientS   = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
)

// traffic answers HTTP in every pod's name: which pod was meant is the address that the request came to. What was
// answered is counted twice over, as the pod's Linkerd proxy does and as the application does.
type traffic struct {
	behaviours *behaviours

	mu    sync.Mutex
	pods  map[string]*served
	ports map[int]bool
}

// served is one pod's image and configuration, and what has been answered in its name.
type served struct {
	image    string
	config   string
	byStatus map[int]*counted
}

type counted struct {
	total, sumMS float64
	// proxy and client are the histograms' buckets, not yet cumulated.
	proxy, client []float64
}

func newTraffic(b *behaviours) *traffic {
	t := &traffic{behaviours: b, pods: map[string]*served{}, ports: map[int]bool{}}
	t.listen(proxyPort, http.HandlerFunc(t.metrics))
	return t
}

// serve begins to answer for a pod, on the ports of its containers.
func (t *traffic) serve(pod *v1.Pod, ip, config string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pods[ip] == nil {
		t.pods[ip] = &served{image: pod.Spec.Containers[0].Image, config: config, byStatus: map[int]*counted{}}
	}
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if port := int(p.ContainerPort); !t.ports[port] {
				t.ports[port] = true
				t.listen(port, http.HandlerFunc(t.answer))
			}
		}
	}
}

func (t *traffic) forget(ip string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pods, ip)
}

func (t *traffic) listen(port int, handler http.Handler) {
	listener, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelite: traffic:", err)
		return
	}
	server := &http.Server{Handler: handler, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, http.LocalAddrContextKey, c.LocalAddr())
	}}
	go func() { _ = server.Serve(listener) }()
}

// podOf is the pod that a request came to, if it is there.
func (t *traffic) podOf(r *http.Request) (*served, string) {
	address, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if address == nil {
		return nil, ""
	}
	return t.pods[address.IP.String()], address.IP.String()
}

func (t *traffic) answer(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	pod, _ := t.podOf(r)
	t.mu.Unlock()
	if pod == nil {
		http.Error(w, "no such pod", http.StatusBadGateway)
		return
	}
	b := t.behaviours.of(pod.image, pod.config)
	tookMS := b.LatencyMS * (0.5 + rand.Float64())
	time.Sleep(time.Duration(tookMS * float64(time.Millisecond)))
	status := http.StatusOK
	if rand.Float64()*100 >= b.SuccessPct {
		status = b.ErrorStatus
	}
	t.mu.Lock()
	pod.count(status, tookMS)
	t.mu.Unlock()
	w.WriteHeader(status)
	_, _ = io.WriteString(w, pod.image+"\n")
}

func (s *served) count(status int, tookMS float64) {
	c := s.byStatus[status]
	if c == nil {
		c = &counted{proxy: make([]float64, len(latencyMS)), client: make([]float64, len(clientS))}
		s.byStatus[status] = c
	}
	c.total++
	c.sumMS += tookMS
	if i := sort.SearchFloat64s(latencyMS, tookMS); i < len(c.proxy) {
		c.proxy[i]++
	}
	if i := sort.SearchFloat64s(clientS, tookMS/1000); i < len(c.client) {
		c.client[i]++
	}
}

// metrics is what the pod's proxy and the application expose. The labels that name the pod are the scraper's to add.
func (t *traffic) metrics(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pod, _ := t.podOf(r)
	if pod == nil {
		http.Error(w, "no such pod", http.StatusBadGateway)
		return
	}
	var out strings.Builder
	requests := 0.0
	for status, c := range pod.byStatus {
		requests += c.total
		class := "success"
		if status >= 500 {
			class = "failure"
		}
		proxy := fmt.Sprintf(`direction="inbound",tls="true",status_code="%d"`, status)
		fmt.Fprintf(&out, "response_total{%s,classification=%q} %g\n", proxy, class, c.total)
		histogram(&out, "response_latency_ms", proxy, latencyMS, c.proxy, c.total, c.sumMS)
		client := fmt.Sprintf(`method="GET",path="root",status="%d"`, status)
		histogram(&out, "http_request_duration_seconds", client, clientS, c.client, c.total, c.sumMS/1000)
	}
	fmt.Fprintf(&out, "request_total{direction=\"inbound\",tls=\"true\"} %g\n", requests)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = io.WriteString(w, out.String())
}

func histogram(out *strings.Builder, name, labels string, bounds, counts []float64, total, sum float64) {
	below := 0.0
	for i, bound := range bounds {
		below += counts[i]
		fmt.Fprintf(out, "%s_bucket{%s,le=%q} %g\n", name, labels, strconv.FormatFloat(bound, 'g', -1, 64), below)
	}
	fmt.Fprintf(out, "%s_bucket{%s,le=\"+Inf\"} %g\n", name, labels, total)
	fmt.Fprintf(out, "%s_count{%s} %g\n%s_sum{%s} %g\n", name, labels, total, name, labels, sum)
}
