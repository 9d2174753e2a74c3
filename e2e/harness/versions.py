"""The one place that pins what a cluster is made of.

`data/programs/go.mod` repeats them, because Go reads them there; `tests/harness` fails when the two differ.
The image tags of etcd, CoreDNS and pause are not pinned here: kubeadm names them (`node.demanded_images`).
"""

KUBERNETES = "1.36.3"
KIND = "0.33.0"
HELM = "4.2.4"
ETCD = "3.6.8"
COREDNS = "1.14.2"
#: The oldest whose promtool will do: that of Debian 13.
PROMETHEUS = "2.53.0"

#: Debian's release that the engine, the base image and the node come from.
DEBIAN = "trixie"
#: The release before it, whose Dovecot is 2.3; it stands beside the other in images only.
OLD_DEBIAN = "bookworm"
#: The Go that Kubernetes' go.mod asks for; an older toolchain fetches this one as a Go module.
GO = "1.26.0"
