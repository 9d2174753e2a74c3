"""`spec.expose`: Services for other mail servers and for people, beside the ClusterIP Service NAME."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field

from mailstack_operator.api import cel
from mailstack_operator.api.metadata import MOST_ENTRIES, Annotations
from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.strings import LoadBalancerClass, Network

MOST_NETWORKS: Final = 256
NodePort: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
_NODE_PORT: Final = "Port of every node. Default: one that Kubernetes chooses."

_SAME_CLASS: Final = cel.Rule(
    "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || "
    "(has(self.loadBalancerClass) == has(oldSelf.loadBalancerClass) && "
    "(!has(self.loadBalancerClass) || self.loadBalancerClass == oldSelf.loadBalancerClass))",
    "loadBalancerClass cannot be changed: remove the whole section, apply, and add it again with the other class; the "
    "Service gets another address",
)


class ProxyProtocol(Model):
    """The PROXY protocol, versions 1 and 2, by which a load balancer tells the addresses of clients."""

    trusted_networks: Annotated[list[Network], AfterValidator(each_once)] = Field(
        min_length=1,
        max_length=MOST_NETWORKS,
        description="Networks of the load balancer, as the pods see its connections. Only these may connect to the "
        "ports of the PROXY protocol: a NetworkPolicy says so, because Postfix believes every header.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Exposure(Model):
    """A Service that leads from outside of the cluster to the mail pods."""

    model_config = ConfigDict(json_schema_extra=cel.rules(_SAME_CLASS))

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field(
        "LoadBalancer",
        description="LoadBalancer: an address outside of the cluster, which status.expose shows. NodePort: ports of "
        "every node. ClusterIP: an address in the cluster.",
    )
    external_traffic_policy: Literal["Local", "Cluster"] | None = Field(
        None,
        description="Local: the servers see the addresses of clients, and only nodes with a mail pod serve. Cluster: "
        "every node serves, and the servers see the nodes' addresses. Default: Local, but Cluster where the ports lead "
        "to different pods (clients, with submission and a listener of type Inet).",
    )
    annotations: Annotations = Field(
        default_factory=dict,
        max_length=MOST_ENTRIES,
        description="Annotations of the Service, such as those that its load balancer reads.",
    )
    load_balancer_class: LoadBalancerClass | None = Field(
        None, description="Class of the load balancer (loadBalancerClass). Default: the cluster's."
    )
    load_balancer_source_ranges: Annotated[list[Network], AfterValidator(each_once)] = Field(
        [],
        max_length=MOST_NETWORKS,
        description="Networks that the load balancer lets in, if it can tell. Default: all.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    session_affinity: Literal["None", "ClientIP"] = Field(
        "None", description="ClientIP: connections of one client go to the same pod."
    )
    ip_family_policy: Literal["SingleStack", "PreferDualStack", "RequireDualStack"] = Field(
        "PreferDualStack", description="Whether the Service has an address of IPv4, of IPv6, or of both."
    )

    proxy_protocol: ProxyProtocol | None = Field(
        None,
        description="The load balancer speaks the PROXY protocol: the Service leads to listeners of their own. Without "
        "it, a header is an error.",
    )

    @property
    def given_node_ports(self) -> dict[str, int]:
        """Those that the spec gives, by the name of the port."""
        return {}


class SmtpNodePorts(Model):
    """Ports of the nodes."""

    smtp: NodePort | None = Field(None, description=_NODE_PORT)


class ClientsNodePorts(Model):
    """Ports of the nodes."""

    submission: NodePort | None = Field(None, description=_NODE_PORT)
    submissions: NodePort | None = Field(None, description=_NODE_PORT)
    imap: NodePort | None = Field(None, description=_NODE_PORT)
    imaps: NodePort | None = Field(None, description=_NODE_PORT)
    sieve: NodePort | None = Field(None, description=_NODE_PORT)


class SmtpExposure(Exposure):
    """The Service NAME-smtp."""

    node_ports: SmtpNodePorts = Field(default_factory=SmtpNodePorts, description="Ports of the nodes, by port.")

    @property
    def given_node_ports(self) -> dict[str, int]:
        return self.node_ports.model_dump(exclude_none=True)


class ClientsExposure(Exposure):
    """The Service NAME-clients."""

    node_ports: ClientsNodePorts = Field(default_factory=ClientsNodePorts, description="Ports of the nodes, by port.")

    @property
    def given_node_ports(self) -> dict[str, int]:
        return self.node_ports.model_dump(exclude_none=True)


class Expose(Model):
    """Services beside the ClusterIP Service NAME, which stays."""

    smtp: SmtpExposure | None = Field(
        None, description="The Service NAME-smtp for other mail servers: port 25. Removing the field removes it."
    )
    clients: ClientsExposure | None = Field(
        None,
        description="The Service NAME-clients for mail programs: ports 465, 587, 143, 993 and 4190, as far as they are "
        "served. Removing the field removes it.",
    )
