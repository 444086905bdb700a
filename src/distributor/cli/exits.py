"""Exit values of the command line."""

from __future__ import annotations

#: Some set is undecided, or machines could not be had.
EXIT_UNDECIDED = 1
#: Bad input, or anything else that kept a command from its work.
EXIT_BAD_INPUT = 2
#: Ended by Ctrl-C (128 + SIGINT).
EXIT_INTERRUPTED = 130
#: Ended by SIGTERM (128 + SIGTERM).
EXIT_TERMINATED = 143
#: Whoever read the output has gone (128 + SIGPIPE).
EXIT_BROKEN_PIPE = 141
