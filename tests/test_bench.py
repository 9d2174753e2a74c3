"""What the bench makes of what it measured, and where it puts it."""

import json
import re

import pytest

from bench import faults, figures, objects, page
from bench.changes import port
from bench.changes.figures import ChangesFigure
from bench.figures import Figure, Measured, Row
from bench.path import kubelet, servers
from bench.path.figures import PathFigure
from bench.path.rounds import Round, Sent
from bench.users.figures import UsersFigure
from bench.users.rounds import Asked, Work
from harness import paths
from mailstack_operator.kube.objects import Object, section

PARTS: dict[str, type[Measured]] = {
    "loop": Figure,
    "changes": ChangesFigure,
    "path": PathFigure,
    "users": UsersFigure,
}


def found(**values: float) -> figures.Found:
    """A round: zero is within every bound."""
    return {figure: values.get(figure.name, 0.0) for figure in Figure}


def test_the_table_shows_minimum_median_and_maximum_of_each_size() -> None:
    rounds = {300: [found(CPU=2.0)], 100: [found(CPU=3.25), found(CPU=2.25), found(CPU=2.5)]}
    head, _, first, *_ = figures.table(figures.rows(Figure, rounds), figures.number_of("MailStacks"))
    assert head == "| Figure | 100 MailStacks | 300 MailStacks | Goal | Bound |"
    assert first.startswith("| Processor time until settled : floor | 2.25 / 2.5 / 3.25 | 2 | 2.5 |")


def test_a_run_fails_by_the_median_of_its_rounds() -> None:
    over = Figure.WALL.value.bound + 1
    assert Row(Figure.WALL, 100, [1.0, 1.0, over]).is_within_bound
    assert not Row(Figure.WALL, 100, [1.0, over, over]).is_within_bound


def test_what_a_start_costs_is_judged_only_where_it_is_shared_by_many() -> None:
    over = Figure.MEMORY_EACH.value.bound + 1
    assert Row(Figure.MEMORY_EACH, 100, [over]).is_within_bound
    assert not Row(Figure.MEMORY_EACH, 1000, [over]).is_within_bound


def test_no_goal_is_above_its_bound() -> None:
    assert all(each.measure.goal <= each.measure.bound for part in PARTS.values() for each in part)


@pytest.mark.parametrize("part", PARTS)
def test_the_page_has_a_place_for_the_table_of_each_part(part: str) -> None:
    text, (begin, end) = page.PAGE.read_text(), page.marks(part)
    written = page.replaced(text, part, "| table |")
    assert f"{begin}\n\n| table |\n\n{end}" in written
    assert len(written.splitlines()) < len(text.splitlines())
    assert page.replaced(written, part, "| table |") == written


def test_a_round_of_the_path_is_judged_by_bare_servers_and_by_late_mail() -> None:
    ours, tcp, bare = Sent(2.0, 3.0, 1.0, 80, 1), Sent(4.0, 4.0, 1.5, 90, 2), Sent(4.0, 2.0, 1.0, 100, 41)
    assert Round(ours, tcp, bare).figures() == {
        PathFigure.ACCEPTED: 0.5,
        PathFigure.DELIVERED: 1.5,
        PathFigure.CPU: 1.0,
        PathFigure.LOG: 0.8,
        PathFigure.LATE: 1,
        PathFigure.TCP_ACCEPTED: 1.0,
        PathFigure.TCP_DELIVERED: 2.0,
        PathFigure.TCP_CPU: 1.5,
        PathFigure.TCP_LATE: 2,
    }


@pytest.mark.parametrize(("since", "seconds"), [(0.0, 2.5), (3.0, 1.5)])
def test_a_port_is_away_from_the_last_answer_to_the_next(since: float, seconds: float) -> None:
    asked = [(1.0, True), (1.5, False), (2.0, True), (3.0, True), (3.5, False), (4.0, False), (4.5, True), (5.0, True)]
    assert port.away(asked, since) == seconds


def test_many_users_are_judged_by_the_least_in_the_same_round() -> None:
    least, many = Asked(1.0, 1.0, 1.0, 1.0, 1.0, 10.0), Asked(1.5, 1.0, 2.0, 1.25, 0.5, 12.0)
    assert [*many.figures(least).values()] == [1.5, 1.0, 2.0, 1.25, 0.5, 1.2]
    assert Work(2000, 0.5, 0.25).of(1000) == (0.25, 0.125)


def test_the_path_runs_every_container_of_the_pod_but_the_probe() -> None:
    """With its limits, capabilities and mounts, and the digest that its annotation holds."""
    started = [each.name for each in kubelet.containers(servers.stateful_set(), paths.cache())]
    assert started == ["spool", "names", "users", "dovecot", "postfix"]
    postfix = [*kubelet.containers(servers.stateful_set(), paths.cache())][-1]
    assert {"--cpus=1", "--memory=1g", "--cap-drop=ALL", "--cap-add=SETUID", "--read-only"} <= {*postfix.options}
    assert f"--volume={paths.cache()}/queue:/var/spool/postfix" in postfix.options
    assert any(each.startswith("--env=POD_DIGEST=") and len(each) > 30 for each in postfix.options)


def test_the_floor_sends_every_child_and_one_status() -> None:
    """Under the name and owner of the MailStack whose turn it is."""
    sent = objects.requests(objects.FLOOR, 7, "uid-7")
    assert [path.partition("?")[0].rpartition("/")[2] for path, _ in sent][-1] == "status"
    owners = [json.loads(body)["metadata"].get("ownerReferences", []) for _, body in sent]
    assert {owner["uid"] for each in owners for owner in each} == {"uid-7"}
    assert all("mail-00007" in path for path, _ in sent)


def test_a_change_is_in_the_rehearsals_files_and_then_in_the_pods() -> None:
    change = objects.change(objects.FLOOR, 7, "uid-7", "new.example.org")
    assert "new.example.org" in change.after[1]
    assert "rehearsal" not in change.after[0]
    assert any("new.example.org" in body for _, body in change.before)
    assert "mail-00007-rehearsal" in change.pod[0]


def test_after_a_fault_what_is_missing_or_left_over_or_wrong_is_named() -> None:
    body = objects.mail_stack(objects.LOOP, 7)
    stack: Object = {**body, "metadata": {**section(body, "metadata"), "uid": "uid-7", "generation": 2}}
    made = [json.loads(each) for _, each in objects.requests(objects.LOOP, 7, "uid-7")[:-1]]
    reported: Object = {**stack, "status": {"observedGeneration": 2}}
    assert faults.wrong([reported], made) == []

    config, *rest = sorted(made, key=lambda child: child["kind"] != "ConfigMap")
    name = f"ConfigMap {config['metadata']['name']}"
    assert faults.wrong([stack], made) == ["MailStack mail-00007 has no status of its generation"]
    assert faults.wrong([reported], rest) == [name]
    assert faults.wrong([], [config]) == [name]
    assert faults.wrong([reported], [{**config, "data": {}}, *rest]) == [f"{name} has another content"]


@pytest.mark.parametrize("part", PARTS)
def test_make_bench_is_these_programs(part: str) -> None:
    makefile = (paths.repository() / "Makefile").read_text()
    assert f"$(BENCH) bench{'' if part == 'loop' else f'.{part}'} $(ROUND)" in makefile
    assert f" {part} " in re.findall(r"^BENCHES :=( .* )status faults$", makefile, re.MULTILINE)[0]
