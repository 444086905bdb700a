"""The first example of a distributor: a script that hands over a job and waits.

Run it with `python examples/seed.py`; `distributor run examples/seed.py` runs its set, too.
"""

from distributor import Distributor, LoggingMonitor, Task, TaskSet
from distributor.blocks import hey, numberofjobs, period, priority


class MyTaskSet(TaskSet):
    """A task that says hey five times, every 100 ms."""

    def __init__(self) -> None:
        super().__init__(
            Task(hey.Value(1), priority.Value(3), period.Value(100), numberofjobs.Value(5)),
            name="my-task-set",
        )


tasksets = MyTaskSet()

if __name__ == "__main__":
    with Distributor(max_machine=1) as distributor:
        distributor.add_job(tasksets, LoggingMonitor())
        distributor.wait()
