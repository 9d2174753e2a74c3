ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends iptables nftables conntrack kmod ipset \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY kube-proxy /usr/local/bin/kube-proxy
CMD ["kube-proxy"]
