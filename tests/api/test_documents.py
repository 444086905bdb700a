"""What the documents say is true: links, commands, programs and tables."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

import distributor
from distributor.cli.main import app
from distributor.session.event import EventType
from distributor.session.result import Clock, Verdict
from distributor.tasks.load import load
from distributor.tasks.taskset import TaskSet

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PINNED = (ROOT / "constraints.txt").read_text()
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def commands() -> dict[str, Any]:
    """Every command's path (``image build``) with its click command."""
    found = {}

    def walk(group: Any, path: str) -> None:
        for name, command in group.commands.items():
            found[f"{path}{name}"] = command
            if hasattr(command, "commands"):
                walk(command, f"{path}{name} ")

    walk(typer.main.get_command(app), "")
    return found


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
        if not re.match(r"\w+:", target):
            assert (document.parent / target).exists(), target


@each_document
def test_commands_and_their_options_exist(document: Path) -> None:
    known = commands()
    names = sorted(known, key=len, reverse=True)
    used = re.compile(r"(?:^ {4}|`|/)distributor +([a-z][^`#\n]*)", re.MULTILINE)
    for line in used.findall(document.read_text()):
        name = next((name for name in names if f"{line} ".startswith(f"{name} ")), None)
        assert name is not None, f"distributor {line}"
        options = {option for each in known[name].params for option in each.opts} | {"--help"}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= options, f"distributor {line}"


@each_document
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    used = set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", document.read_text(), re.M))
    assert used <= targets


def test_make_without_a_target_lists_them_all() -> None:
    told = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    listed = re.findall(r"^make ([a-z]+) +\S", told, re.M)
    assert listed == ["help", "demo", "test", "check", "bench", "clean"]


def test_the_readmes_task_sets_load(tmp_path: Path) -> None:
    file = tmp_path / "first.py"
    file.write_text(PROGRAMS[0])
    names = [taskset.name for taskset in load(file)]
    assert names == ["busy for 20000 us in 70 ms", "busy for 40000 us in 70 ms"]


def test_the_page_about_task_sets_is_true(tmp_path: Path) -> None:
    page = (ROOT / "docs/tasksets.md").read_text()
    (tmp_path / "mine").write_text("")
    for number, (kind, text) in enumerate(re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL)):
        file = tmp_path / f"{number}.{'py' if kind == 'python' else kind}"
        file.write_text(text)
        tasksets = load(file)
        assert not isinstance(tasksets, TaskSet)
        assert next(iter(tasksets)).jobs >= 1
    assert number == 5


@pytest.mark.integration
def test_the_readmes_script_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[1]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("schedulable") >= 5


def test_the_readmes_verdicts_and_clocks_are_all_there_are() -> None:
    rows = re.findall(r"^\| `([a-z]+)`", README, re.M)
    assert rows == [*Verdict, *Clock]


def test_the_protocols_events_are_all_there_are() -> None:
    protocol = (ROOT / "docs/protocol.md").read_text()
    table = protocol.partition("| type | meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([A-Z_]+)`", table)) >= set(EventType)


def test_the_version_is_one() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert distributor.__version__ == declared


def test_what_is_pinned_has_hashes_and_names_no_place() -> None:
    assert not re.search(r"https?:|--(extra-)?index-url|--find-links", PINNED)
    packages = re.split(r"\n(?=\S)", PINNED.strip())
    assert len(packages) > 10
    assert all(re.match(r"[\w.-]+==\S+ .*--hash=sha256:", each, re.DOTALL) for each in packages)


def test_what_is_declared_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert set(plain_names(declared)) <= set(
        plain_names(re.findall(r"^[\w.-]+(?===)", PINNED, re.M))
    )


def plain_names(requirements: list[str]) -> list[str]:
    """The names alone, as package indexes compare them."""
    names = [re.split(r"[^\w.-]", each)[0] for each in requirements]
    return [re.sub(r"[-_.]+", "-", name).lower() for name in names]
