"""A sweep: how many terms of the Leibniz series fit into a period?

Ten lengths of `pi` beside a task that takes 3 of every 10 ms, at three periods: 30 sets,
made one at a time as machines come free.
`distributor run examples/pi_sweep.py --machines 4`
"""

from distributor.blocks import BlockTaskSet, busy, numberofjobs, period, pi, priority

tasksets = BlockTaskSet(
    [busy.Value(3000), period.Value(10), priority.Value(0), numberofjobs.Value(10)],
    [pi.Variants(10), period.Values([20, 50, 100]), priority.Value(1), numberofjobs.Value(2)],
    name="pi",
)
