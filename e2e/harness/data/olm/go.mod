// Pins the CustomResourceDefinition of ClusterServiceVersion, which comes in a Go module of OLM; nothing is built of it.
module mailstack.dev/e2e/olm

go 1.26.0

require github.com/operator-framework/api v0.9.1
