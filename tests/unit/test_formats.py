"""Task sets written to files and read back, and the schema that says what a file may hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor import BlockTaskSet, ConfigurationError, Overrun, RandomTaskSets, Task, TaskSet
from distributor.tasks.formats.document import tasksets_of
from distributor.tasks.formats.rtapp import from_rtapp, looks_like_rtapp, parse, to_rtapp
from distributor.tasks.formats.schema import schema
from distributor.tasks.load import load
from distributor.tasks.save import save
from distributor.tasks.source import describe_file, draw
from tests.results import TASKS

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(schema())
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A carriage return in a cell comes back as the end of a line.
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=5,
)
TASKSETS = st.builds(
    TaskSet,
    st.lists(TASKS, min_size=1, max_size=3),
    name=st.text("ab ,\"';-é", max_size=5),
    origin=st.none() | st.dictionaries(st.text("abc"), JSON_VALUES, max_size=2),
)


def read(path: Path) -> list[TaskSet]:
    tasksets = load(path)
    assert not isinstance(tasksets, TaskSet)
    return list(tasksets)


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
@MANY
@given(tasksets=st.lists(TASKSETS, min_size=1, max_size=3))
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str, tasksets: list[TaskSet]) -> None:
    file = tmp_path / f"sets.{suffix}"
    save(tasksets, file)
    again = read(file)
    assert again == tasksets
    assert [each.origin for each in again] == [each.origin for each in tasksets]
    if suffix == "json":
        VALIDATOR.validate(json.loads(file.read_text()))


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
def test_the_mark_that_spreadsheets_write_first_is_passed_over(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"sets.{suffix}"
    tasksets = [TaskSet(Task("busy", arg1=7, period_ms=5))]
    save(tasksets, file)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read(file) == tasksets
    drawn = draw(describe_file(file))
    assert not isinstance(drawn, TaskSet)
    assert list(drawn) == tasksets


def test_a_binary_of_ones_own_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "own").touch()
    taskset = TaskSet(
        Task(tmp_path / "own", arg1="007"), Task("busy", arg1="7", period_ns=1_500_000)
    )
    for suffix in ("json", "jsonl", "csv"):
        save(taskset, tmp_path / f"x.{suffix}")
        assert read(tmp_path / f"x.{suffix}") == [taskset]
    assert '"arg1": "007"' in (tmp_path / "x.json").read_text()
    assert '"period_us": 1500' in (tmp_path / "x.json").read_text()


def test_json_lines_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "sets.jsonl"
    good = '{"tasks": [{"binary": "hey"}]}\n'
    file.write_text(good + "\n" + good + '{"tasks": [{"binary": "hey", "priority": 300}]}\n')
    sets: Any = load(file)
    assert len(sets) == 3
    first = iter(sets)
    assert next(first) == next(first) == TaskSet(Task("hey"))
    with pytest.raises(ConfigurationError, match=r"sets\.jsonl, line 4, task 0: priority is 300"):
        next(first)
    assert next(iter(sets)) == TaskSet(Task("hey"))


def test_a_table_by_hand_needs_little(tmp_path: Path) -> None:
    file = tmp_path / "sets.csv"
    file.write_text(
        "set,binary,arg1,period_ms,priority\na,busy,10,2.5,0\na,busy,5,5,\nb,hey,,10,3\n"
    )
    assert read(file) == [
        TaskSet(
            Task("busy", arg1=10, period_ms=2.5, priority=0), Task("busy", arg1=5, period_ms=5)
        ),
        TaskSet(Task("hey", period_ms=10, priority=3)),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no task"),
        ("set,binary\n", "holds no task"),
        ("binary;arg1\nhey;1\n", "parameter 'binary;arg1' .cells are parted by commas"),
        ("set,binary,period\n1,hey,5\n", "line 1: there is no parameter 'period'"),
        ("set,binary,period_ms\n1,hey,x\n", "line 2: period_ms is a number, not 'x'"),
        ("binary,arg1,arg1\nhey,1,2\n", "line 1: there are two columns 'arg1'"),
        ("set,binary,priority\n1,hey,1\n1,hey,200\n", "line 3: priority is 200"),
        ("set,binary\n1,hey,3\n", "line 2: it has more or fewer cells"),
        ("set,binary,arg1\n1,hey\n", "line 2: it has more or fewer cells"),
        ("set,binary,origin\n1,hey,x\n", "line 2: Expecting value"),
    ],
)
def test_a_wrong_table_is_told_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        read(file)
    assert "\n" not in str(caught.value)


def of(document: Any) -> Iterable[TaskSet]:
    return tasksets_of(document, "x.json", Path())


def test_a_product_has_every_combination() -> None:
    document = {
        "product": {
            "name": "p",
            "tasks": [
                {"binary": "busy", "arg1": [10, 20], "period_ms": 5},
                {"binary": "hey", "period_ms": {"from": 10, "to": 30, "step": 10}},
            ],
        }
    }
    VALIDATOR.validate(document)
    sets = of(document)
    assert isinstance(sets, BlockTaskSet)
    assert len(sets) == 6
    assert [(s.tasks[0].arg1, s.tasks[1].period_ns // 10**6) for s in sets][:4] == [
        ("10", 10),
        ("10", 20),
        ("10", 30),
        ("20", 10),
    ]


def test_a_description_draws_the_same_sets() -> None:
    drawn = RandomTaskSets(tasks=[2, 3], utilization=0.5, sets=2, periods="automotive", seed=4)
    document = {"generate": drawn.description}
    VALIDATOR.validate(document)
    assert list(of(document)) == list(drawn)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (7, "x.json holds no object"),
        ({}, "holds one of tasksets, product, generate, not 0"),
        ({"tasksets": [], "product": {}}, "holds one of tasksets, product, generate, not 2"),
        ({"tasks": {"thread0": {}}}, "`distributor convert`"),
        ({"product": {"tasks": [{"binary": "hey", "priority": [1, 300]}]}}, None),
        ({"product": {"tasks": [{"binary": "hey", "priority": []}]}}, "has no value"),
        ({"product": {"tasks": [{"binary": "hey", "priority": {"from": 1}}]}}, "a range has whole"),
        ({"product": {"tasks": [{"binary": "hey", "arg1": {"from": 3, "to": 1}}]}}, "goes upward"),
        ({"product": {"tasks": [{"binary": "hey", "colour": 1}]}}, "no parameter 'colour'"),
        ({"generate": {"tasks": 5}}, "an object with `tasks` and `utilization`"),
        ({"generate": {"tasks": 5, "utilization": 0.5}}, "it has no seed"),
        ({"generate": {"tasks": 5, "utilization": 0.5, "seed": 1, "x": 1}}, "'x' is not known"),
        ({"generate": {"tasks": 5, "utilization": 9, "seed": 1}}, "do not come to a utilization"),
        ([{"name": 3, "tasks": [{"binary": "hey"}]}], "its name is a text"),
        ([{"tasks": [{"binary": "hey"}], "origin": 3}], "origin is a mapping"),
    ],
)
def test_a_wrong_document_is_told(document: Any, says: str | None) -> None:
    with pytest.raises(ConfigurationError, match=says):
        list(of(document))


@MANY
@given(
    parameter=st.sampled_from(sorted(schema()["$defs"]["task"]["properties"])),
    value=st.none()
    | st.booleans()
    | st.integers(-2, 200)
    | st.sampled_from([0.5, -0.5, 128, 129, 1023, 1024, 1025, 2**31, 2**31 + 1, 2**32, 2**64])
    | st.sampled_from(["kill", "late", "hey", "busy", "", "a\nb", "é", "x" * 4096])
    | st.just([])
    | st.just({}),
)
def test_the_schema_allows_what_the_code_allows(parameter: str, value: Any) -> None:
    task = {"binary": "hey"} if parameter not in ("binary", "pkg") else {}
    document = [{"tasks": [{**task, parameter: value}]}]
    try:
        list(of(document))
        allowed = True
    except ConfigurationError as error:
        allowed = "no built-in task and no file" in str(error)
    assert VALIDATOR.is_valid(document) == allowed, (parameter, value)


def test_the_schema_knows_the_parameters_of_a_task_and_no_others() -> None:
    documents: list[Any] = [
        [{"tasks": [{"binary": "hey", "colour": 1}]}],
        [{"tasks": [{"binary": "hey", "pkg": "hey"}]}],
        [{"tasks": [{"binary": "hey", "period_ms": 1, "period_us": 1000}]}],
        [{"tasks": [{"period_ms": 1}]}],
        [{"tasks": []}],
        [{"tasks": [{"binary": "hey"}] * 257}],
        [],
        {"tasksets": [{"tasks": [{"binary": "hey"}]}], "more": 1},
    ]
    for document in documents:
        assert not VALIDATOR.is_valid(document), document
        with pytest.raises(ConfigurationError):
            list(of(document))


def test_the_published_schema_is_the_codes() -> None:
    VALIDATOR.check_schema(schema())
    published = json.loads((ROOT / "docs/tasksets.schema.json").read_text())
    assert published == schema(), "run: distributor schema > docs/tasksets.schema.json"


RTAPP = """
{
    /* a use case, as rt-app's own examples are written */
    "tasks" : {
        "control" : {
            "instance" : 2, "loop" : 10, "policy" : "SCHED_FIFO", "priority" : 90,
            "run" : 2000, "timer" : { "ref" : "unique", "period" : 10000, "mode" : "absolute" },
        },
        "server" : {
            "loop" : -1, "policy" : "SCHED_DEADLINE", "delay": 500, "cpus": [1, 2],
            "dl-runtime" : 3000, "dl-period" : 20000, "dl-deadline" : 15000,
            "phases": { "p0": { "run" : 2500, "timer0" : { "ref" : "t", "period" : 20000,
                "mode": "absolute" } } }, // its only one
        },
    },
    "global" : { "duration" : 2, "calibration" : "CPU0", "default_policy" : "SCHED_OTHER",
        "logdir" : "/tmp, /* no comment */" }
}
"""


def test_rtapps_periodic_threads_become_tasks() -> None:
    document = parse(RTAPP)
    assert looks_like_rtapp(document)
    assert document["global"]["logdir"] == "/tmp, /* no comment */"
    taskset, notes = from_rtapp(document)
    control = Task("busy", arg1=2000, period_ms=10, priority=9, numberofjobs=10)
    server = Task(
        "busy",
        arg1=2500,
        period_ms=20,
        deadline_ms=15,
        executiontime_ms=3,
        offset_us=500,
        numberofjobs=100,
        cores=2,
        coreoffset=1,
    )
    assert list(taskset) == [control, control, server]
    assert notes == []


@pytest.mark.parametrize(
    ("thread", "note"),
    [
        ({"loop": -1}, "t: it runs without an end; taken as one job"),
        ({"policy": "SCHED_OTHER"}, "t: SCHED_OTHER is no real-time policy"),
        ({"policy": "SCHED_RR"}, "t: SCHED_RR; taken as SCHED_FIFO"),
        ({"mem": 4096}, "t: mem is left out"),
        ({"lock": "m"}, "t: lock is left out"),
        ({"util_min": 10}, "t: util_min is left out"),
        ({"cpus": [0, 2]}, "do not follow each other"),
        ({"timer": {"ref": "u", "period": 10000}}, "its timer is relative"),
        ({"sleep": 10}, "sleeps for 10 us beside its timer"),
        ({"timer": None, "sleep": 9000}, "taken as a period of 10000 us"),
    ],
)
def test_what_rtapp_says_beyond_is_told(thread: dict[str, Any], note: str) -> None:
    timer = {"ref": "unique", "period": 10000, "mode": "absolute"}
    told = {"loop": 5, "policy": "SCHED_FIFO", "run": 1000, "timer": timer, **thread}
    told = {key: value for key, value in told.items() if value is not None}
    taskset, notes = from_rtapp({"tasks": {"t": told}})
    (line,) = notes
    assert note in line
    assert taskset.tasks[0].period_ns == 10**7


@pytest.mark.parametrize(
    ("thread", "says"),
    [
        ({"run": 10}, "thread t has no timer"),
        ({"run": "x", "sleep": 1}, "thread t: run is a whole number, not 'x'"),
        ({"phases": {"a": {}, "b": {}}}, "other than one phase"),
        ({"timer": 7}, "timer is no object"),
        ([], "thread t is no object"),
    ],
)
def test_a_thread_that_is_no_periodic_task_is_refused(thread: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        from_rtapp({"tasks": {"t": thread}})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"global": None, "tasks": {}}, "`global` is no object"),
        ({"tasks": {"t": {"phases": {"p": 7}}}}, "its phase is no object"),
        ({"tasks": {"t": {"run": 1, "sleep": 1, "instance": 10**30}}}, "instances, over 256"),
    ],
)
def test_what_rtapp_never_writes_is_refused(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        from_rtapp(document)


def test_processors_far_apart_are_left_out() -> None:
    thread = {"run": 1, "sleep": 1, "cpus": [0, 2**62]}
    _, notes = from_rtapp({"tasks": {"t": thread}})
    assert any("do not follow each other" in note for note in notes)


def test_a_set_goes_to_rtapp_and_back() -> None:
    taskset = TaskSet(
        Task("busy", arg1=2000, period_ms=10, priority=3, numberofjobs=100, offset_ms=2),
        Task("busy", arg1=900, period_us=4500, priority=0, numberofjobs=222, cores=1, coreoffset=1),
        Task("busy", arg1=100, period_ms=50, executiontime_ms=2, deadline_ms=20, numberofjobs=20),
        Task("busy", arg1=50, period_ms=70, priority=60, numberofjobs=9, overrun=Overrun.LATE),
    )
    document, notes = to_rtapp(taskset)
    assert notes == ["a job that overruns its period is never killed or left out by rt-app"]
    again, more = from_rtapp(document)
    assert more == []
    for was, now in zip(taskset, again, strict=True):
        for name in ("period_ns", "deadline_ns", "offset_ns", "priority", "numberofjobs", "cores"):
            assert getattr(now, name) == getattr(was, name), name
    assert [task.wcet_ns for task in again] == [2_000_000, 900_000, 2_000_000, 50_000]


@pytest.mark.parametrize(
    ("task", "note"),
    [
        (Task("busy", arg1=1, period_ns=10_500, priority=0), "period of 10500 ns is rounded"),
        (Task("busy", arg1=1, priority=0, deadline_us=900), "a deadline that is not the period"),
        (Task("busy", arg1=1, priority=0, quota_mib=5), "its quota is left out"),
        (Task("busy", arg1=1, priority=0, criticaltime_ms=5), "its criticaltime is left out"),
        (Task("busy", arg1=100), "rt-app ends its budget after 100 us a period"),
        (Task("hey", executiontime_us=10, priority=0), "hey becomes a load"),
    ],
)
def test_what_rtapp_cannot_say_is_told(task: Task, note: str) -> None:
    _, notes = to_rtapp(TaskSet(task))
    assert any(note in line for line in notes)


def test_low_priorities_keep_their_order_in_rtapp() -> None:
    tasks = [Task("busy", arg1=1, priority=priority) for priority in (127, 0, 100)]
    document, _ = to_rtapp(TaskSet(tasks))
    low, high, middle = (thread["priority"] for thread in document["tasks"].values())
    assert 99 >= high > middle > low >= 1


def test_a_set_of_nothing_known_does_not_go_to_rtapp() -> None:
    with pytest.raises(ConfigurationError, match="no task of it has an execution time"):
        to_rtapp(TaskSet(Task("hey")))
