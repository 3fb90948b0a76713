package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// startEtcd returns the client URL. Nothing is synced to disk: the data does not outlive the tests.
func startEtcd(o options) string {
	client := fmt.Sprintf("http://127.0.0.1:%d", o.etcdPort)
	dir := filepath.Join(o.dir, "etcd")
	if o.assets != "" {
		child(o, "etcd", "--data-dir", dir, "--listen-client-urls", client, "--advertise-client-urls", client,
			"--listen-peer-urls", "http://127.0.0.1:0", "--unsafe-no-fsync", "--log-level", "error")
		return client
	}
	c := embed.NewConfig()
	c.Dir = dir
	c.LogLevel = "error"
	c.UnsafeNoFsync = true
	c.ListenClientUrls = []url.URL{parsed(client)}
	c.AdvertiseClientUrls = c.ListenClientUrls
	c.ListenPeerUrls = []url.URL{parsed("http://127.0.0.1:0")}
	e, err := embed.StartEtcd(c)
	must(err)
	<-e.Server.ReadyNotify()
	return client
}

func parsed(address string) url.URL {
	u, err := url.Parse(address)
	must(err)
	return *u
}

// startAPIServer returns when /readyz says ok.
func startAPIServer(o options, etcd string) (*rest.Config, *kubernetes.Clientset) {
	key, tokens, certs := filepath.Join(o.dir, "sa.key"), filepath.Join(o.dir, "tokens.csv"), filepath.Join(o.dir, "certs")
	writeKey(key)
	must(os.WriteFile(tokens, []byte(o.token+`,admin,admin,"system:masters"`+"\n"), 0o600))
	args := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", o.port),
		// It signs a certificate for itself there.
		"--cert-dir=" + certs,
		"--token-auth-file=" + tokens, "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		"--service-cluster-ip-range=10.96.0.0/16",
		// Pods need no token, and nobody lifts the taint of a new node.
		"--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
		// Endpoints of 127.0.0.1 are not allowed.
		"--endpoint-reconciler-type=none",
	}
	if o.audit {
		policy := filepath.Join(o.dir, "audit.yaml")
		rules := "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
		must(os.WriteFile(policy, []byte(rules), 0o600))
		args = append(args, "--audit-policy-file="+policy, "--audit-log-path="+filepath.Join(o.dir, "audit.log"))
	}
	if o.assets != "" {
		child(o, "kube-apiserver", args...)
	} else {
		cmd := apiserver.NewAPIServerCommand()
		cmd.SetArgs(args)
		go func() { must(cmd.Execute()); must(fmt.Errorf("the API server ended")) }()
	}
	cfg := &rest.Config{Host: fmt.Sprintf("https://127.0.0.1:%d", o.port), BearerToken: o.token, QPS: 500, Burst: 1000,
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(certs, "apiserver.crt")}}
	return cfg, whenReady(cfg)
}

func whenReady(cfg *rest.Config) *kubernetes.Clientset {
	var last error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		client, err := kubernetes.NewForConfig(cfg)
		if last = err; err != nil {
			continue
		}
		answer, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background())
		if last = err; err == nil && string(answer) == "ok" {
			return client
		}
	}
	must(fmt.Errorf("the API server is not ready after 2 minutes: %v", last))
	return nil
}

// child runs a program that ends with this process.
func child(o options, name string, args ...string) {
	log, err := os.Create(filepath.Join(o.dir, name+".log"))
	must(err)
	cmd := exec.Command(filepath.Join(o.assets, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(cmd.Start())
	go func() { must(fmt.Errorf("%s ended (%v), see %s", name, cmd.Wait(), log.Name())) }()
}

// writeKey makes the key that signs the tokens of service accounts.
func writeKey(path string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	der, err := x509.MarshalECPrivateKey(key)
	must(err)
	must(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
}

func writeKubeconfig(o options, cfg *rest.Config) {
	ca, err := os.ReadFile(cfg.TLSClientConfig.CAFile)
	must(err)
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: real, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: admin, user: {token: %q}}]
contexts: [{name: real, context: {cluster: real, user: admin}}]
current-context: real
`, cfg.Host, base64.StdEncoding.EncodeToString(ca), o.token)
	must(os.WriteFile(filepath.Join(o.dir, "kubeconfig"), []byte(text), 0o600))
}
