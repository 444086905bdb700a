"""Tasks, task sets and blocks: what they take, and how they refuse the rest."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from distributor import BlockTaskSet, ConfigurationError, Overrun, Task, TaskSet
from distributor.blocks import busy, hey, numberofjobs, offset, period, pi, priority, quota


def test_blocks_and_keywords_say_the_same() -> None:
    assert Task(
        busy.Value(2000), period.Value(10), priority.Value(1), numberofjobs.Value(100)
    ) == Task("busy", arg1=2000, period_ms=10, priority=1, numberofjobs=100)


def test_defaults_are_those_of_the_protocol() -> None:
    task = Task("hey")
    assert (task.priority, task.period_ns, task.deadline_ns, task.numberofjobs) == (
        128,
        10**6,
        10**6,
        1,
    )
    assert task.criticaltime_ns is None
    assert task.overrun is Overrun.KILL


@pytest.mark.parametrize(
    ("parameters", "ns"),
    [
        ({"period_ms": 2.5}, 2_500_000),
        ({"period_us": 250}, 250_000),
        ({"period_ns": 7}, 7),
        ({"period_s": 1}, 10**9),
        ({"period_ms": 0.1}, 100_000),
        ({"period_ms": 33.3}, 33_300_000),
    ],
)
def test_times_take_their_unit(parameters: dict[str, float], ns: int) -> None:
    assert Task("hey", **parameters).period_ns == ns


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"priority": 200}, "priority is 200: it is 0 to 128"),
        ({"priority": "high"}, "priority is a whole number, not 'high'"),
        ({"priority": True}, "priority is a whole number"),
        ({"period_ms": 0}, "period is 0 ns: it is 1 to"),
        ({"offset_ms": -1}, "offset is -1000000 ns: it is 0 to"),
        ({"period_ms": float("nan")}, "period_ms is a number"),
        ({"period_ms": 1e-7}, "no whole number of nanoseconds"),
        ({"period_ms": 1, "period_us": 1000}, "period is given twice: as period_ms and as"),
        ({"numberofjobs": 0}, "numberofjobs is 0: it is 1 to"),
        ({"deadline_ms": 0}, "deadline is 0 ns"),
        ({"quota_mib": 0}, "quota_mib is a number of mebibytes above 0"),
        ({"overrun": "panic"}, "overrun is kill, skip, late, not 'panic'"),
        ({"colour": "red"}, "a task has no parameter 'colour'"),
        ({"arg1": "a\nb"}, "arg1 is printable ASCII"),
        ({"arg1": None}, "arg1 is a text or a number"),
        ({"cores": 0}, "cores is 0"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says.replace("(", r"\(")):
        Task("hey", **parameters)


def test_a_task_needs_a_binary() -> None:
    with pytest.raises(ConfigurationError, match="a task has no binary"):
        Task(period_ms=10)


def test_a_binary_is_a_builtin_or_a_file_with_a_name_that_fits(tmp_path: Path) -> None:
    assert Task("hey").builtin
    good = tmp_path / ("a" * 15)
    good.touch()
    assert Task(good).name == "a" * 15
    assert not Task(good).builtin
    long = tmp_path / ("a" * 16)
    long.touch()
    with pytest.raises(ConfigurationError, match="at most 15 characters"):
        Task(long)
    with pytest.raises(ConfigurationError, match=f"no file 'nosuch' in {Path.cwd()} "):
        Task("nosuch")
    with pytest.raises(ConfigurationError, match="no built-in task and no file '/nosuch' "):
        Task("/nosuch")
    shadow = tmp_path / "hey"
    shadow.touch()
    with pytest.raises(ConfigurationError, match="called as the built-in task"):
        Task(shadow)


def test_a_set_needs_a_task_and_only_tasks() -> None:
    with pytest.raises(ConfigurationError, match="at least one task"):
        TaskSet([])
    with pytest.raises(ConfigurationError, match="member 0 of a task set is no task"):
        TaskSet(["hey"])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match="at most 256"):
        TaskSet([Task("hey")] * 257)


def test_two_files_of_one_name_do_not_fit_into_one_set(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same").touch()
    with pytest.raises(ConfigurationError, match="one name on the wire"):
        TaskSet([Task(tmp_path / "one/same"), Task(tmp_path / "two/same")])


def test_the_horizon_is_when_all_should_be_over() -> None:
    task = Task("hey", period_ms=10, offset_ms=5, numberofjobs=3)
    assert task.horizon_ns == 35 * 10**6
    assert TaskSet([task, Task("hey", period_ms=100)]).horizon_ns == 100 * 10**6


@pytest.mark.parametrize(
    ("task", "wcet_ns"),
    [
        (Task("busy", arg1=2000, period_ms=10), 2_000_000),
        (Task("busy", arg1=2000, executiontime_ms=3, period_ms=10), 3_000_000),
        (Task("hey", arg1=2000, executiontime_us=5, period_ms=10), 5_000),
        (Task("hey", arg1=2000, period_ms=10), None),
        (Task("busy", arg1="ten", period_ms=10), None),
        (Task("busy", period_ms=10), None),
    ],
)
def test_the_wcet_is_what_is_declared_or_what_busy_burns(task: Task, wcet_ns: int | None) -> None:
    assert task.wcet_ns == wcet_ns
    assert task.utilization == (None if wcet_ns is None else wcet_ns / 10**7)


def test_a_sets_utilization_is_the_sum_where_all_are_known() -> None:
    half = Task("busy", arg1=5000, period_ms=10)
    tenth = Task("busy", arg1=1000, period_ms=10)
    assert TaskSet([half, tenth]).utilization == 0.6
    assert TaskSet([half, Task("hey")]).utilization is None


def test_an_origin_is_what_json_can_hold() -> None:
    made = TaskSet(Task("hey"), origin={"seed": 7})
    assert made.origin == {"seed": 7}
    assert made == TaskSet(Task("hey"))
    assert hash(made) == hash(TaskSet(Task("hey")))
    for wrong in ({"seed": object()}, {"seed": float("nan")}):
        with pytest.raises(ConfigurationError, match="does not fit into JSON"):
            TaskSet(Task("hey"), origin=wrong)
    with pytest.raises(ConfigurationError, match="origin is a mapping"):
        TaskSet(Task("hey"), origin=7)  # type: ignore[arg-type]


def test_a_block_of_many_values_is_no_block_of_a_task() -> None:
    with pytest.raises(ConfigurationError, match="BlockTaskSet"):
        Task(hey.Value(1), period.Values([1, 2]))  # type: ignore[arg-type]


def test_variants_are_the_product_the_last_changing_fastest() -> None:
    sets = BlockTaskSet([hey.Values([1, 2]), period.Values(range(10, 40, 10))], name="v")
    assert len(sets) == sets.variants == 6
    assert [(s.tasks[0].arg1, s.tasks[0].period_ns // 10**6) for s in sets] == [
        ("1", 10),
        ("1", 20),
        ("1", 30),
        ("2", 10),
        ("2", 20),
        ("2", 30),
    ]
    assert [s.name for s in sets][:2] == ["v-0", "v-1"]


def test_variants_spread_over_the_domain() -> None:
    args = [int(block["arg1"]) for block in pi.Variants(3)]
    assert args[0] == 1000
    assert args[-1] == 10_000_000
    with pytest.raises(ConfigurationError, match="variants"):
        quota.Variants(1000)


def test_a_billion_variants_cost_nothing_until_they_are_drawn() -> None:
    sets = BlockTaskSet(
        [hey.Values(range(10**5)), period.Values(range(1, 10**5)), offset.Values(range(10**5))]
    )
    assert sets.variants == 10**5 * (10**5 - 1) * 10**5
    first = list(itertools.islice(sets, 3))
    assert [s.tasks[0].offset_ns for s in first] == [0, 10**6, 2 * 10**6]


def test_values_may_come_from_an_endless_generator() -> None:
    sets = BlockTaskSet([hey.Value(1), period.Values(itertools.count(1))])
    assert sets.variants is None
    periods_ms = [s.tasks[0].period_ns // 10**6 for s in itertools.islice(sets, 3)]
    assert periods_ms == [1, 2, 3]


def test_a_random_block_repeats_by_its_seed() -> None:
    assert priority.Random(seed=7) == priority.Random(seed=7)
    assert {priority.Random(seed=s)["priority"] for s in range(50)} <= set(range(128))


def test_a_mistake_in_blocks_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match="priority is 300"):
        BlockTaskSet([hey.Value(1), priority.Values([300])])


def test_lists_ranges_and_generators_are_values() -> None:
    many = BlockTaskSet(
        {"binary": "busy", "arg1": [1, 2], "period_ms": range(10, 30, 10)},
        [hey.Value([5, 6]), period.Value(iter([40]))],
    )
    assert many.variants is None
    drawn = [
        (s.tasks[0].arg1, s.tasks[0].period_ns // 10**6, s.tasks[1].arg1, s.tasks[1].period_ns)
        for s in many
    ]
    assert len(drawn) == 8
    assert drawn[1] == ("1", 10, "6", 40 * 10**6)
    assert len(BlockTaskSet({"binary": ["hey", "namaste"], "arg1": range(1000)})) == 2000
    with pytest.raises(ConfigurationError, match="has no value"):
        BlockTaskSet({"binary": "hey", "arg1": []})


def test_a_variant_tells_its_number_and_what_was_drawn() -> None:
    sets = list(BlockTaskSet([pi.Values([1, 2]), priority.Random(), period.Random(seed=7)]))
    origins = [taskset.origin or {} for taskset in sets]
    assert [origin["index"] for origin in origins] == [0, 1]
    fresh, given = origins[0]["seeds"]
    assert given == {"task": 0, "parameter": "period", "seed": 7}
    assert fresh["parameter"] == "priority"
    assert priority.Random(seed=fresh["seed"])["priority"] == sets[0].tasks[0].priority
