"""What the bench makes of what it measured, and where it puts it."""

import json

from bench import __main__ as bench
from bench import faults, figures, objects
from bench.figures import Figure, Row
from harness import paths
from mailstack_operator.kube.objects import Object, section


def found(**values: float) -> figures.Found:
    """A round: zero is within every bound."""
    return {figure: values.get(figure.name, 0.0) for figure in Figure}


def test_the_table_shows_minimum_median_and_maximum_of_each_size() -> None:
    rounds = {300: [found(CPU=2.0)], 100: [found(CPU=3.25), found(CPU=2.25), found(CPU=2.5)]}
    head, _, first, *_ = figures.table(figures.rows(rounds))
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
    assert all(figure.value.goal <= figure.value.bound for figure in Figure)


def test_the_page_has_a_place_for_the_table() -> None:
    page = bench.PAGE.read_text()
    written = bench.replaced(page, "| table |")
    assert f"{bench.BEGIN}\n\n| table |\n\n{bench.END}" in written
    assert bench.replaced(written, "| table |") == written


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


def test_make_bench_is_this_program() -> None:
    assert "$(PYTHON) -m bench" in (paths.repository() / "Makefile").read_text()
