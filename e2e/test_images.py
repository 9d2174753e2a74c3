"""Any image: ids that differ, versions that do not match, programs that are missing, Dovecot without root."""

from pathlib import Path

import pytest

from conftest import CreateStack
from mailtest import inbox, manifests, pods
from mailtest.client import Client, letter
from mailtest.reader import Place, Walk
from mailtest.stack import Stack

ALICE, NOBODY = manifests.address("alice"), manifests.address("nobody")
SOCKET = "/var/spool/postfix/private/dovecot-lmtp"
BARE, SCRATCH = "mailstack/e2e-bare:1", "mailstack/e2e-scratch:1"
OVER_TCP = {"listener": {"type": "Inet"}}

# The numbers of `postfix` in an image; in the last, Dovecot's image has the same for dovecot and dovenull.
IDS = {"ids-100": "100:101", "ids-5555": "5555:5555", "ids-collide": "2424:2425"}

# Images without what they should hold: the field that names each, and what the status says.
HOLLOW: dict[str, tuple[str, str, str]] = {
    "postfix-bare": ("postfix", BARE, r"this image has no postfix: set spec\.postfix\.image"),
    "dovecot-bare": ("dovecot", BARE, r"this image has no dovecot: set spec\.dovecot\.image"),
    "postfix-scratch": ("postfix", SCRATCH, r"container spool: .*/bin/sh"),
    "dovecot-scratch": ("dovecot", SCRATCH, r"container names: .*/bin/sh"),
}


@pytest.fixture(scope="module")
def stacks(create_stack: CreateStack) -> dict[str, Stack]:
    """All of the module's, created at once."""
    specs: dict[str, dict[str, object]] = {
        **{name: {"postfix": {"image": f"mailstack/postfix:e2e-{name}"}} for name in IDS},
        **{name: {field: {"image": image}} for name, (field, image, _) in HOLLOW.items()},
        "rootless-unix": {"dovecot": {"rootless": {}}},
        "rootless-inet": {"dovecot": {"rootless": {"runAsUser": 4242}}, "delivery": OVER_TCP},
        "version": {"dovecot": {"version": "2.3"}},
    }
    return {name: create_stack(name, **spec) for name, spec in specs.items()}


@pytest.fixture(params=["rootless-unix", "rootless-inet"])
def rootless(stacks: dict[str, Stack], request: pytest.FixtureRequest) -> Stack:
    stack = stacks[request.param]
    stack.wait_ready()
    return stack


@pytest.mark.parametrize("name", HOLLOW)
def test_an_image_without_the_programs_is_named(stacks: dict[str, Stack], name: str) -> None:
    """Fault: the wrong image. The status says which field to change, or that the image cannot even run a shell."""
    stacks[name].wait_condition("Ready", "False", HOLLOW[name][2])


@pytest.mark.parametrize("name", IDS)
def test_the_ids_of_the_postfix_image_are_found_out(stacks: dict[str, Stack], client: Client, name: str) -> None:
    """Fault: `user = postfix` in Dovecot's image is another number, or nobody: Postfix could not reach the socket."""
    stack = stacks[name]
    stack.wait_ready()

    assert stack.run_in("dovecot", "stat", "--format=%u:%g %a", SOCKET).strip() == f"{IDS[name]} 600"
    inbox.deliver(client, stack, ALICE, f"through-{name}")
    assert client.ask(stack.host, NOBODY)[0].code == 550


def test_the_commands_of_the_pages(stacks: dict[str, Stack], tmp_path: Path) -> None:
    """Promise: each works as it stands there, and shows what the page shows; the MailStacks have other names here."""
    for name in ("rootless-unix", "version"):
        stacks[name].wait_ready()
    place = Place(stacks["version"].namespace, tmp_path, tmp_path)
    with Walk("docs/images.md", place, ("images", "rootless-unix")) as walk:
        assert "srw------- 1 2525 2525 " in walk.section("How the ids are matched")
        assert "CapEff:\t0000000000000000" in walk.section("Root, and Dovecot without root")
    with Walk("docs/dovecot-versions.md", place, ("dovecot-versions", "version")) as walk:
        assert walk.section("What to see").startswith("2.3.")


def test_the_queue_is_delivered_by_an_image_with_other_ids(stacks: dict[str, Stack], client: Client) -> None:
    """Fault: files of the queue that belong to a number which is not Postfix's any more: they would stay for ever."""
    stack = stacks["ids-100"]
    stack.wait_ready()
    assert client.ask(stack.host, ALICE)[0].code == 250
    stack.stop_lmtp()
    assert client.send(stack.host, letter(ALICE, "from-other-ids"))[0].code == 250
    assert len(stack.queue()) == 1

    stack.patch(postfix={"image": "mailstack/postfix:e2e-ids-5555"})
    stack.wait_ready()

    inbox.wait_for(client, stack.host, ALICE, "from-other-ids")


def test_a_version_that_is_not_the_images_is_named_before_the_pod_is_touched(
    stacks: dict[str, Stack], client: Client
) -> None:
    """Fault: settings of one version in front of the other. The right image then brings the version, and the mail
    of before is still there."""
    stack = stacks["version"]
    stack.wait_ready()
    before = pods.identities(stack)
    inbox.deliver(client, stack, ALICE, "of-two-three")

    stack.patch(dovecot={"version": "2.4", "image": "mailstack/dovecot:2.3"})
    held = r"this image holds Dovecot 2\.3\.[0-9.]+, and spec\.dovecot\.version says 2\.4: set the version or the image"
    stack.wait_condition("Stalled", "True", f"^ConfigRefused: .*{held}")
    assert pods.identities(stack) == before
    inbox.deliver(client, stack, ALICE, "meanwhile")

    stack.patch(dovecot={"image": None})
    stack.wait_ready()
    inbox.deliver(client, stack, ALICE, "of-two-four")
    assert inbox.subjects(client, stack.host, ALICE) == ["meanwhile", "of-two-four", "of-two-three"]


def test_a_rootless_dovecot_of_another_id_than_postfix_is_named(stacks: dict[str, Stack]) -> None:
    """Fault: the socket would belong to a number that is not Postfix's, and no mail would pass."""
    stack = stacks["ids-5555"]
    stack.wait_ready()
    before = pods.identities(stack)

    stack.patch(dovecot={"rootless": {"runAsUser": 4242}})

    words = r"postfix has uid 5555 in this image: set spec\.dovecot\.rootless\.runAsUser: 5555"
    stack.wait_condition("Stalled", "True", f"^ConfigRefused: .*{words}")
    assert pods.identities(stack) == before


def test_rootless_dovecot_delivers(rootless: Stack, client: Client) -> None:
    """Promise: without root it does all the same, on the same ports of the Service."""
    inbox.deliver(client, rootless, ALICE, "without-root")
    assert client.ask(rootless.host, NOBODY)[0].code == 550


def test_rootless_dovecot_has_no_capability(rootless: Stack) -> None:
    """Promise: an ordinary user, and nothing that the kernel would let it do beyond that."""
    uid = rootless.get()["spec"]["dovecot"]["rootless"]["runAsUser"]

    words = rootless.run_in("dovecot", "grep", "-hE", "^(Uid|Cap(Prm|Eff|Bnd)):", "/proc/1/status").split()

    nothing = "0" * 16
    assert words == ["Uid:", *[str(uid)] * 4, "CapPrm:", nothing, "CapEff:", nothing, "CapBnd:", nothing]
