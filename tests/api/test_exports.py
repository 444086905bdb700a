"""The public face: what `import distributor` and `distributor.blocks` offer."""

from __future__ import annotations

import importlib
import inspect
import pickle
import subprocess
import sys
from types import ModuleType

import pytest

import distributor
from distributor import errors

PUBLIC = ["distributor", "distributor.blocks"]


@pytest.mark.parametrize("module_name", PUBLIC)
def test_exports_are_listed_once_and_sorted(module_name: str) -> None:
    exported = importlib.import_module(module_name).__all__
    assert list(exported) == sorted(set(exported))


@pytest.mark.parametrize("module_name", PUBLIC)
def test_every_public_name_is_exported_and_every_export_exists(module_name: str) -> None:
    module = importlib.import_module(module_name)
    public = {
        name
        for name, value in vars(module).items()
        if not (name.startswith("_") or name.isupper() or name == "annotations")
        and not isinstance(value, ModuleType)
    }
    assert public == {name for name in module.__all__ if not name.startswith("__")}
    assert all(hasattr(module, name) for name in module.__all__)


def test_every_error_is_exported_and_has_one_root() -> None:
    tree = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert tree.keys() <= set(distributor.__all__)
    assert all(issubclass(error, distributor.DistributorError) for error in tree.values())


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, Exception):
            assert f" {name}" in drawn, name


def test_an_error_survives_the_way_between_processes() -> None:
    error = distributor.ConfigurationError("the period is 0", hint="give at least 1 ms")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.hint) == (str(error), error.hint)


def test_importing_starts_nothing_and_loads_no_command_line() -> None:
    program = (
        "import sys, threading, distributor\n"
        "assert threading.active_count() == 1\n"
        "assert not {'typer', 'distributor.cli.main'} & sys.modules.keys()\n"
        "distributor.Task\n"
        "assert not {'typer', 'distributor.cli.main'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_command_line_starts_without_what_its_command_does_not_need() -> None:
    program = (
        "import sys\n"
        "from distributor.cli.main import app\n"
        "app(['tasks'], standalone_mode=False)\n"
        "assert not {'sqlalchemy', 'numpy', 'distributor.public'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
