// Command kubelite is a Kubernetes control plane in one process, for tests: an embedded etcd, the real kube-apiserver, the
// few real controllers that recant depends on, and a stand-in for the nodes. Everything listens on 127.0.0.1, but for
// what the stand-in answers in the pods' name: that is for a network namespace in which the pods' addresses are local.
//
// It prints one line for each stage, "READY" last, and leaves DIR/kubeconfig for its administrator.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/klog/v2"
)

type options struct {
	dir        string
	port       int
	etcdPort   int
	token      string
	assets     string
	behaviours string
	serve      bool
	audit      bool
}

func main() {
	klog.InitFlags(flag.CommandLine)
	var o options
	flag.StringVar(&o.dir, "dir", "", "state `directory`; made if absent")
	flag.IntVar(&o.port, "port", 16443, "the API server's port")
	flag.IntVar(&o.etcdPort, "etcd-port", 16379, "etcd's client port")
	flag.StringVar(&o.token, "token", "recant-admin", "the administrator's bearer token")
	flag.StringVar(&o.assets, "assets", "", "run etcd and kube-apiserver from this `directory` instead of the built-in ones")
	flag.StringVar(&o.behaviours, "behaviours", "", "JSON `file`: how images behave; read again when it changes")
	flag.BoolVar(&o.serve, "serve", false, "answer HTTP on the pods' addresses (0.0.0.0, on each container port)")
	flag.BoolVar(&o.audit, "audit", false, "write DIR/audit.log: one line for each request, without bodies")
	flag.Parse()
	if o.dir == "" {
		must(fmt.Errorf("-dir is missing"))
	}
	must(os.MkdirAll(o.dir, 0o700))

	began := time.Now()
	stage := func(name string) { fmt.Printf("%s %.2fs\n", name, time.Since(began).Seconds()) }
	ctx := context.Background()
	etcd := startEtcd(o)
	stage("etcd")
	cfg, client := startAPIServer(o, etcd)
	stage("apiserver")
	writeKubeconfig(o, cfg)
	runControllers(ctx, cfg, client)
	runNode(ctx, client, newBehaviours(o.behaviours), o.serve)
	stage("READY")
	select {}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelite:", err)
		os.Exit(1)
	}
}
