#!/bin/sh
# The study of docs/study.md: 1,001 task sets, by rate-monotonic priorities and by earliest
# deadline first, run on sealed machines, with theory beside. Some ten minutes on two cores.
#
# Usage: PATH=$PWD/.venv/bin:$PATH examples/study.sh [FOLDER]
set -eu
mkdir -p "${1:-study}"
cd "${1:-study}"
run=0
for priorities in rm edf; do
    run=$((run + 1))
    distributor generate --tasks 5 --utilization 0.4:1.0:0.05 --sets 77 --seed 2026 \
        --periods log-uniform:10ms-100ms --priorities "$priorities" --duration 500ms \
        -o "$priorities.json"
    distributor run "$priorities.json" --quiet --store study.db
    distributor plot schedulability "$run" --store study.db -o "study-$priorities.svg"
    distributor report "$run" --store study.db -o "study-$priorities.html"
    # What theory says once a release and a preemption cost what they cost in these machines.
    distributor theory "$priorities.json" --release-ns 9833 --preemption-ns 68341 |
        tail -n 1
done
