"""docs/results.md, which users write their queries by, holds for every database."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import create_engine, text

from distributor.monitors.row import COLUMNS
from distributor.session.result import Verdict
from distributor.store.database import parse_url
from distributor.store.schema import metadata
from distributor.store.store import Store
from tests.results import a_result, an_attempt

PAGE = Path(__file__).parents[2].joinpath("docs", "results.md").read_text(encoding="utf-8")


def test_its_queries_run(url: str) -> None:
    with Store.open(url) as store:
        run_id = store.begin_run("x")
        store.add(run_id, an_attempt(0), a_result())
        store.add(run_id, an_attempt(1), a_result(Verdict.MISSED))
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        answers = [
            [tuple(row) for row in connection.execute(text(query))]
            for query in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
        ]
    engine.dispose()
    verdicts, worst, shares = answers
    assert verdicts == [(1, "missed", 1), (1, "schedulable", 1)]
    assert [(row[1], row[3], float(row[4]), float(row[5])) for row in worst] == [
        (0, "busy", 2000.0, -8000.0),
        (1, "busy", 2000.0, -8000.0),
    ]
    assert [(tasks, float(share)) for tasks, share in shares] == [(2, 0.5)]


def test_it_names_every_column() -> None:
    sections = dict(re.findall(r"### (\w+)\n(.*?)(?=\n##)", PAGE, re.DOTALL))
    assert sections.keys() == metadata.tables.keys() - {"distributor_schema"}
    for name, section in sections.items():
        heads = "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))
        assert set(re.findall(r"`(\w+)`", heads)) == set(metadata.tables[name].columns.keys())


def test_it_names_every_column_of_a_file_in_order() -> None:
    section = PAGE.partition("### CSV and JSON lines")[2].partition("###")[0]
    heads = "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))
    assert tuple(re.findall(r"`(\w+)`", heads)) == COLUMNS
