"""A process that does one task: it reads the job, prepares itself, and does a round for every number that it is sent.

One line of JSON goes out for each line that comes in; whatever else is printed goes to the terminal.
"""

import json
import sys
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from benchmarks.tasks import TASKS

_OF_A_POOL = ("internal_api", "version", "architecture", "num_threads")


def pools() -> list[dict[str, Any]]:
    """Return the libraries with threads of their own that are at work here, with kernel and threads."""
    found = [{name: pool.get(name) for name in _OF_A_POOL} for pool in threadpool_info()]
    return [pool for number, pool in enumerate(found) if pool not in found[:number]]


def main() -> None:
    """Serve until there are no more lines."""
    answers, sys.stdout = sys.stdout, sys.stderr
    job = json.loads(sys.stdin.readline())
    task = TASKS[job.pop("task")](folder=Path(job.pop("folder")), **job)
    print(json.dumps({"pools": pools()}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(task(int(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
