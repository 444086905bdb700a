"""What it costs to hand an empty task to somebody: to our queue and engine, to a pool of
processes, and to Dask's distributed scheduler; one after the other, each waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from benchmarks import Measured, measured
from benchmarks._outside import environment, run
from benchmarks.queue import through_engine

TASKS = 1000
DASK_S = 120
#: Dask's own way to run on this host: two processes of one thread, no dashboard.
DASK = f"""
import time
from dask.distributed import Client, LocalCluster

def nothing():
    pass

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            for _ in range(50):
                client.submit(nothing, pure=False).result()
            begun = time.perf_counter()
            for _ in range({TASKS}):
                client.submit(nothing, pure=False).result()
            print("each", (time.perf_counter() - begun) / {TASKS})
"""


def main() -> Iterator[Measured]:
    begun_s = time.perf_counter()
    through_engine(TASKS)
    ours_us = (time.perf_counter() - begun_s) / TASKS * 1e6
    pool_us = _pool_us()
    yield measured("empty_task_process_pool", pool_us, "us")
    yield measured("empty_task_ours_to_process_pool", ours_us, "us", pool_us)
    program = environment("distributed").parent / "empty_task.py"
    program.write_text(DASK, encoding="utf-8")
    told = run([str(program.parent / "bin/python"), str(program)], DASK_S)
    dask_us = float(told.rpartition("each")[2].split()[0]) * 1e6
    yield measured("empty_task_dask", dask_us, "us")
    yield measured("empty_task_ours_to_dask", ours_us, "us", dask_us)


def _nothing() -> None:
    pass


def _pool_us() -> float:
    with ProcessPoolExecutor(2) as pool:
        for _ in range(50):
            pool.submit(_nothing).result()
        begun_s = time.perf_counter()
        for _ in range(TASKS):
            pool.submit(_nothing).result()
        return (time.perf_counter() - begun_s) / TASKS * 1e6
