"""`spec.networkPolicy`: who may connect to the mail pods, and where they may connect to."""

from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field

from mailstack_operator.api.model import Model, each_once
from mailstack_operator.api.strings import NamespaceName, Network

MOST_NETWORKS: Final = 256
Networks: TypeAlias = Annotated[list[Network], AfterValidator(each_once)]


class Egress(Model):
    """Where the mail pods may connect to."""

    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(
        [],
        max_length=32,
        description="Further TCP ports, of any address, such as those of a milter, or of an API server on another port "
        "than 443 and 6443.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class NetworkPolicy(Model):
    """NetworkPolicies of the mail pods. They have an effect only if the network of the cluster enforces them."""

    smtp_networks: Networks = Field(
        [],
        max_length=MOST_NETWORKS,
        description="Networks of clients that may connect to port 25. Default: all.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    clients_networks: Networks = Field(
        [],
        max_length=MOST_NETWORKS,
        description="Networks of clients that may connect to the ports for mail programs. Default: all.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    metrics_namespaces: Annotated[list[NamespaceName], AfterValidator(each_once)] = Field(
        [],
        max_length=32,
        description="Namespaces whose pods may read the metrics (port 9100). Default: all namespaces of the cluster.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    egress: Egress | None = Field(
        None,
        description="Restricts where the pods may connect to: the DNS, the API server, other mail servers, a source of "
        "users, each other, and the ports given here. Default: anywhere.",
    )
