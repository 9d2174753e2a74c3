"""Every invalid MailStack is refused with the field and what to do."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mailstack_operator.cli.main import main
from mailstack_operator.kube.objects import Json
from mailstack_operator.stack.parser import InvalidMailStack, parse
from tests.stacks import body

BAD = sorted((Path(__file__).parent / "data" / "bad").glob("*.yaml"))


def expected(path: Path) -> list[str]:
    """Parts of the message, from the head of the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# expect: ") for line in lines if line.startswith("# expect: ")]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_validate_names_the_mistake(path: Path) -> None:
    result = CliRunner().invoke(main, ["validate", "-f", str(path)])
    assert result.exit_code == 1
    for words in expected(path):
        assert words in result.output


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_it_is_said_who_refuses_it(path: Path) -> None:
    """The end-to-end tests have one or the other refuse it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    said = [line.removeprefix("# refused-by: ") for line in lines if line.startswith("# refused-by: ")]
    assert said in (["apply"], ["operator"])


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_render_renders_nothing_of_it(path: Path) -> None:
    result = CliRunner().invoke(main, ["render", "-f", str(path)])
    assert result.exit_code == 1
    assert "ConfigMap" not in result.output


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidMailStack) as error:
        parse(body({"spec.hostname": "mail_", "spec.domains": [], "metadata.name": "Mail"}))
    fields = [problem.split(":")[0] for problem in error.value.problems]
    assert fields == ["metadata.name", "spec.hostname", "spec.domains"]


@pytest.mark.parametrize("metadata", [None, [], {}, {"name": None}])
def test_a_missing_name_is_required(metadata: object) -> None:
    with pytest.raises(InvalidMailStack, match=r"metadata\.name: is required"):
        parse({**body(), "metadata": metadata})


@pytest.mark.parametrize("spec", [None, [], "mail", 3])
def test_a_spec_that_is_no_mapping_is_refused(spec: object) -> None:
    with pytest.raises(InvalidMailStack, match="spec: "):
        parse({**body(), "spec": spec})


def test_a_file_without_a_mailstack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump({"kind": "Secret"}))
    result = CliRunner().invoke(main, ["validate", "-f", str(path)])
    assert (result.exit_code, "no document of kind MailStack" in result.output) == (1, True)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"kind: [\xff")
    result = CliRunner().invoke(main, ["validate", "-f", str(path)])
    assert (result.exit_code, str(path) in result.output) == (1, True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("$", "without a name"),
        ("${x", "unbalanced"),
        ("a}", "unbalanced"),
        ("$(x", "unbalanced"),
        ("$myself", "itself"),
        ("${myself}", "itself"),
        ("${ myself }", "itself"),
        ("$(myself)", "itself"),
        ("a\nrelay_domains = example.com", "one line"),
        ("check_client_access static:{filter smtp:example.com}", "another delivery"),
        ("x\x00", "one line"),
    ],
)
def test_a_parameter_that_would_stop_or_divert_postfix_is_refused(value: str, words: str) -> None:
    with pytest.raises(InvalidMailStack, match=words):
        parse(body({"spec.postfix.parameters": {"myself": value}}))


@pytest.mark.parametrize("value", ["$myhostname ESMTP", "$$", "${a?{b}:{c}}", "$(data_directory)/x", "a (comment)", ""])
def test_postfix_own_macros_stay(value: str) -> None:
    parameters: Json = {"smtpd_banner": value}
    assert parse(body({"spec.postfix.parameters": parameters})).spec.postfix.parameters == parameters


@pytest.mark.parametrize(("value", "written"), [(52428800, "52428800"), (0, "0"), (-1, "-1"), ("yes", "yes")])
def test_an_unquoted_number_is_a_parameter(value: Json, written: str) -> None:
    parameters = parse(body({"spec.postfix.parameters": {"some_limit": value}})).spec.postfix.parameters
    assert parameters == {"some_limit": written}


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_no_parameter_because_it_may_have_been_yes(value: Json) -> None:
    with pytest.raises(InvalidMailStack, match=r"some_limit: must be a string: put yes and no in quotes"):
        parse(body({"spec.postfix.parameters": {"some_limit": value}}))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("spec.domains", ["bücher.example"], "write xn--bcher-kva.example, the xn-- form"),
        ("spec.domains", ["BÜCHER.example"], "write xn--bcher-kva.example, the xn-- form"),
        # The same letter as two characters (Unicode's NFD).
        ("spec.domains", ["bu\u0308cher.example"], "write xn--bcher-kva.example, the xn-- form"),
        ("spec.domains", ["straße.example"], "write xn--strae-oqa.example, the xn-- form"),
        ("spec.hostname", "mail.例え.example", "write mail.xn--r8jz45g.example, the xn-- form"),
        ("spec.postmasterAddress", "postmaster@bücher.example", "write postmaster@xn--bcher-kva.example,"),
        ("spec.submission", {"relayHost": "[smtp.bücher.example]:587"}, "write [smtp.xn--bcher-kva.example]:587,"),
        # What is wrong otherwise too gets no such proposal.
        ("spec.domains", ["bücher"], "in its xn-- form, such as"),
        ("spec.postmasterAddress", "müller@example.org", "in its xn-- form, such as"),
    ],
)
def test_an_internationalized_domain_is_shown_in_its_xn_form(field: str, value: Json, words: str) -> None:
    with pytest.raises(InvalidMailStack, match=re.escape(words)):
        parse(body({field: value, "spec.tls": {"secretName": "mail-tls"}}))
