"""Logins with a token, beside those with a password of the source: OAUTHBEARER and XOAUTH2.

Dovecot asks a provider about each token; the source says who may log in, and the userdb is its own. Postfix asks no
userdb: without the source's word, a token of a user who is not here would let its owner send.

Sources: Dovecot's "OAuth2" in the documentation of 2.3 and 2.4; RFC 7628, RFC 7662. docs/oauth2.md describes it.
"""

from collections.abc import Iterator
from urllib.parse import quote

from mailstack_operator.api.oauth2 import ClientSecret, OAuth2
from mailstack_operator.kube.objects import Object
from mailstack_operator.stack import syntax
from mailstack_operator.stack.containers import WORLD_READABLE, mount, secret
from mailstack_operator.stack.needs import CA_KEY, Need
from mailstack_operator.stack.paths import DOVECOT_FOLDER
from mailstack_operator.stack.syntax import Block, DovecotPart, FileSetting, Include, Setting, block
from mailstack_operator.stack.users.source import Additions, Credentials, Spec
from mailstack_probe.contract import RUN, Copy, CredentialsOptions

MECHANISMS = "oauthbearer xoauth2"
_PASSWORDS = "plain login"
_NAME = "oauth2"
_FOLDER = f"{RUN}/{_NAME}"
# The URL with the client secret in it.
_URL_FILE = f"{_FOLDER}/url"
_CA_FILE = f"{_FOLDER}/ca.pem"
_SECRET, _CA_SECRET = f"{RUN}/secrets/{_NAME}", f"{RUN}/secrets/{_NAME}-ca"
_FILE_23 = f"{_NAME}.conf.ext"

# Seconds. Postfix gives up after 10.
_CONNECT = 3
_ANSWER = 5
# What RFC 7662 wants an answer to say of a good token.
_ACTIVE = {"active_attribute": "active", "active_value": "true"}


def needs(spec: Spec) -> Iterator[Need]:
    """The Secrets that it refers to."""
    if oauth2 := spec.users.oauth2:
        if given := oauth2.client_secret:
            yield Need("Secret", given.secret_name, (given.key,), "the client secret of oauth2", password=True)
        yield Need("Secret", oauth2.tls.ca_secret_name, (CA_KEY,), "the CA of the provider of oauth2")


def additions(spec: Spec) -> Additions:
    """What the source of users and the tokens add to Dovecot's pod."""
    added = spec.users.source.additions(spec)
    return added + _additions(spec, spec.users.oauth2) if spec.users.oauth2 else added


def has_introspection(spec: Spec) -> bool:
    """Whether the provider answers a token that it does not know, and not with an error as a userinfo endpoint does."""
    return spec.users.oauth2 is not None and spec.users.oauth2.introspection_mode == "Post"


def settings_23(spec: Spec) -> Iterator[DovecotPart]:
    """Who may log in, and the userdb of the source, in the settings of Dovecot 2.3. The provider is asked first, as
    2.4 does, so that the probe learns by a token of nobody whether it answers."""
    source = spec.users.source
    if not spec.users.oauth2:
        yield from source.settings_23(spec)
        return
    tokens = {"mechanisms": MECHANISMS}
    failures = {"result_failure": "return-fail", "result_internalfail": "return-fail"}
    path = f"{DOVECOT_FOLDER}/{_FILE_23}"
    yield block("passdb", driver="oauth2", args=path, result_success="continue", **tokens, **failures)
    yield block("passdb", *source.known_23(spec), **tokens, **failures)
    # A password is no token.
    yield from _limited(source.settings_23(spec), Setting("mechanisms", _PASSWORDS))


def settings_24(spec: Spec) -> Iterator[DovecotPart]:
    """The same for Dovecot 2.4, which asks its passdbs after the provider."""
    source, oauth2 = spec.users.source, spec.users.oauth2
    if not oauth2:
        yield from source.settings_24(spec)
        return
    tokens = {"mechanisms_filter": MECHANISMS}
    yield _provider_24(oauth2)
    yield from _limited(source.settings_24(spec), Setting("mechanisms_filter", _PASSWORDS))
    yield block("passdb known", *source.known_24(spec), result_internalfail="return-fail", **tokens)
    # Dovecot takes a token of whoever none of its passdbs knows.
    yield block("passdb nobody", driver="static", deny="yes", **tokens)


def _limited(parts: Iterator[DovecotPart], limit: Setting) -> Iterator[DovecotPart]:
    for part in parts:
        is_passdb = isinstance(part, Block) and part.name.split()[0] == "passdb"
        yield Block(part.name, (*part.body, limit)) if isinstance(part, Block) and is_passdb else part


def _provider_24(oauth2: OAuth2) -> Block:
    return block(
        "oauth2",
        _url_24(oauth2),
        introspection_mode=oauth2.introspection_mode.lower(),
        username_attribute=oauth2.username_attribute,
        username_validation_format="%{user | lower}",
        **_checked(oauth2),
        ssl_client_ca_file=_CA_FILE,
        http_client_connect_timeout=f"{_CONNECT}s",
        http_client_request_timeout=f"{_ANSWER}s",
    )


def _url_24(oauth2: OAuth2) -> DovecotPart:
    given = oauth2.client_secret
    return FileSetting("introspection_url", _URL_FILE) if given else _plain_url(oauth2)


def _plain_url(oauth2: OAuth2) -> Setting:
    return Setting("introspection_url", oauth2.introspection_url)


def _file_23(oauth2: OAuth2) -> str:
    settings = {
        "introspection_mode": oauth2.introspection_mode.lower(),
        "username_attribute": oauth2.username_attribute,
        **_checked(oauth2),
        "tls_ca_cert_file": _CA_FILE,
        "timeout_msecs": str(_ANSWER * 1000),
        # By default one waits for the other.
        "max_parallel_connections": "10",
    }
    url = Include(_URL_FILE) if oauth2.client_secret else _plain_url(oauth2)
    return syntax.HEADER + syntax.dovecot_conf([url, *(Setting(name, value) for name, value in settings.items())])


def _checked(oauth2: OAuth2) -> dict[str, str]:
    """What an answer must say beside the user."""
    active = _ACTIVE if oauth2.introspection_mode == "Post" else {}
    return {**active, **({"scope": oauth2.scope} if oauth2.scope else {})}


def _additions(spec: Spec, oauth2: OAuth2) -> Additions:
    ca_secret = secret(f"{_NAME}-ca", oauth2.tls.ca_secret_name, [CA_KEY], WORLD_READABLE)
    memory: Object = {"name": _NAME, "emptyDir": {"medium": "Memory"}}
    given = oauth2.client_secret
    secrets = (secret(f"{_NAME}-secret", given.secret_name, [given.key], WORLD_READABLE),) if given else ()
    return Additions(
        volumes=(*secrets, ca_secret, memory),
        config_mounts=(mount(_NAME, _FOLDER, read_only=True),),
        files={_FILE_23: _file_23(oauth2)} if spec.dovecot.version == "2.3" else {},
        credentials=(_credentials(spec, oauth2),),
    )


def _credentials(spec: Spec, oauth2: OAuth2) -> Credentials:
    ca = (Copy(f"{_CA_SECRET}/{CA_KEY}", _CA_FILE),)
    mounts = (mount(f"{_NAME}-ca", _CA_SECRET, read_only=True), mount(_NAME, _FOLDER))
    given = oauth2.client_secret
    if not given:
        return Credentials(_NAME, _FOLDER, CredentialsOptions(ca=ca), mounts)
    options = CredentialsOptions(ca=ca, **_secret_options(spec, oauth2, given))
    return Credentials(_NAME, _FOLDER, options, (mount(f"{_NAME}-secret", _SECRET, read_only=True), *mounts))


def _secret_options(spec: Spec, oauth2: OAuth2, given: ClientSecret) -> dict[str, str]:
    user = quote(oauth2.client_id or "", safe="")
    return {
        "password": f"{_SECRET}/{given.key}",
        "form": "url" if spec.dovecot.version == "2.4" else "setting",
        "connect": oauth2.introspection_url.replace("https://", f"https://{user}@", 1),
        "target": _URL_FILE,
    }
