"""The variants of `spec.users`, and the model of a spec that has them."""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from pydantic import Field, create_model

from mailstack_operator.api.spec import MailStackSpec
from mailstack_operator.stack.users.ldap import Ldap
from mailstack_operator.stack.users.passwd_file import PasswdFile
from mailstack_operator.stack.users.source import Spec, Users, UserSource
from mailstack_operator.stack.users.sql import Sql

Variants: TypeAlias = tuple[type[UserSource], ...]

VARIANTS: Variants = (PasswdFile, Sql, Ldap)

_users_model: Callable[..., type[Users]] = create_model


@cache
def spec_model(variants: Variants) -> type[Spec]:
    """The model of a spec whose `users` has a field for each of the variants."""
    fields = {variant.tag: (variant | None, Field(None, description=variant.description)) for variant in variants}
    users = _users_model("Users", __base__=Users, **fields)
    description = Spec.model_fields["users"].description
    field = (users, Field(description=description))
    return create_model("MailStackSpec", __base__=Spec, __doc__=MailStackSpec.__doc__, users=field)
