"""A key changes with what goes into a step, and with nothing else."""

from pathlib import Path

from harness import keys


def test_the_border_between_texts_counts() -> None:
    assert keys.of_texts("ab", "c") != keys.of_texts("a", "bc")


def test_content_name_and_executable_bit_count(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    seen = [keys.of_files(tmp_path)]
    file.write_text("two")
    seen.append(keys.of_files(tmp_path))
    file.chmod(0o755)
    seen.append(keys.of_files(tmp_path))
    file.rename(tmp_path / "other")
    seen.append(keys.of_files(tmp_path))
    assert len(set(seen)) == 4


def test_place_and_compiled_python_do_not_count(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "package").mkdir(parents=True)
        (tmp_path / place / "package" / "module.py").write_text("")
    (tmp_path / "there/package/__pycache__").mkdir()
    (tmp_path / "there/package/__pycache__/module.pyc").write_text("compiled")
    assert keys.of_files(tmp_path / "here/package") == keys.of_files(tmp_path / "there/package")
