module recant.dev/tests/real/crds

go 1.26

// Nothing is compiled: the modules are only unpacked.
require (
	github.com/fluxcd/flagger v1.36.1
	github.com/fluxcd/kustomize-controller v1.9.5
	github.com/fluxcd/source-controller v1.9.5
	sigs.k8s.io/gateway-api v1.4.0
)
