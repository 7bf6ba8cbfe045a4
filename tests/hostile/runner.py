"""Grades notebooks of the corpus in a process of its own: entries come in, what is wrong goes out, a line each."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from grader.kernel import sandbox
from grader.kernel.warm import warmed
from tests.hostile import corpus, judging


def main() -> None:
    """Serve requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")  # not to be mixed up with what a notebook might write to descriptor 1
    with_bubblewrap = sandbox.bubblewrap_works
    entries = {one.name: one for one in corpus.load()}
    entries["quiet"] = corpus.combined([one for one in entries.values() if one.group])
    course = Path(sys.argv[1])
    judging.judge(corpus.Entry("honest", "", ""), course, "")  # what the grader imports is no notebook's doing
    with warmed([]) as inside, warmed([]) as alone:
        for line in sys.stdin:
            asked = json.loads(line)
            bubblewrap = asked["bubblewrap"]
            sandbox.bubblewrap_works = with_bubblewrap if bubblewrap else lambda: False  # type: ignore[assignment]
            warm = (inside if bubblewrap else alone) if asked["warm"] else None
            try:
                wrong = judging.judge(entries[asked["entry"]], course, asked["told"], warm)
            except Exception as error:
                wrong = [f"the grader failed: {type(error).__name__}: {error}"]
            print(json.dumps(wrong), file=answers, flush=True)


if __name__ == "__main__":
    main()
