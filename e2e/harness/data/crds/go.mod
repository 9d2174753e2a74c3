// Pins the CustomResourceDefinitions of the Prometheus operator, which come in its Go module; nothing is built of it.
module mailstack.dev/e2e/crds

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.86.1
