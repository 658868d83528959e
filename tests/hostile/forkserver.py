"""A process that has imported everything, and forks one that runs the command line wherever it is asked to.

So a run takes as long as its work, and hundreds can be killed within minutes. It reads one JSON document in each line
of its input, and answers each with one: what is asked with ``argv`` is answered with ``pid``, and what is asked with
``pid`` with ``code``, as ``subprocess`` has it, or with null for one that was not done in time.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink", "hostile.fsync"}
OUTSIDE = 99


def serve():
    """Answer until the input ends."""
    import pipeline.__main__
    import pipeline.cli
    import pipeline.cli.stage_command
    import pipeline.recipes.results
    import pipeline.recipes.running
    import pipeline.recipes.table

    for name in pipeline.cli.stage_command.STAGES:
        pipeline.cli.stage_command.stage_class(name)
    import platformdirs  # noqa: F401 - what the program imports late
    import pooch  # noqa: F401 - the same
    import requests  # noqa: F401 - the same
    import rich.progress  # noqa: F401 - the same

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = {"pid": start(asked)} if "argv" in asked else {"code": wait(asked["pid"], asked["seconds"])}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def wait(pid, seconds):
    """Return the exit code of a child; one that is not done in time is killed, and has none."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def start(asked):
    """Fork a child, and return its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        prepare(asked)
        code = run(asked)
    except BaseException:  # noqa: BLE001 - nothing of a child may reach the server's own loop
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def prepare(asked):
    """Make a child as a process of its own is: its folder, its output, its bounds."""
    os.setsid()
    os.chdir(asked["cwd"])
    os.environ.update(asked["environment"])
    tempfile.tempdir = None
    for number, name in enumerate(["/dev/null", asked["out"], asked["error"]]):
        opened = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked.get("memory"):
        status = Path("/proc/self/status").read_text("utf-8")
        used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData"))
        resource.setrlimit(resource.RLIMIT_DATA, (used + asked["memory"], -1))
    if asked.get("file_size"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python has it
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_size"], -1))
    if asked.get("datasets"):
        add(asked["datasets"])
    watch(asked)


def add(datasets):
    """Have data sets in the registry that come from servers of the test."""
    from pipeline.data.registry import REGISTRY, Dataset
    from pipeline.data.sources import openml
    from pipeline.data.sources.mirror import Mirror
    from pipeline.data.sources.openml import OpenML

    for name, one in datasets.items():
        sources = [*map(OpenML, one.get("openml", [])), *map(Mirror, one["mirrors"])]
        openml._API = one.get("api", openml._API)
        openml._MAX_TABLE = one.get("max_table", openml._MAX_TABLE)
        REGISTRY[name] = Dataset(name, one["files"], tuple(sources), n_classes=10)


def watch(asked):
    """Count what changes files, die at the one that is asked for, and see that none is outside of what is allowed."""
    count, at, allowed = 0, asked.get("at"), asked.get("allowed")
    fsync = os.fsync
    log = os.open(asked["events"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if asked.get("events") else None

    def audited(descriptor):
        sys.audit("hostile.fsync", descriptor)
        fsync(descriptor)

    def hook(event, arguments):
        nonlocal count
        changed = changes(event, arguments)
        if changed is None:
            return
        count += 1
        if at is not None and count == at:
            os.kill(os.getpid(), asked["signal"])
        if log is not None:
            os.write(log, f"{event} {changed}\n".encode())
        outside = [path for path in changed if allowed and not is_within(path, allowed)]
        if outside:
            os.write(2, f"{event} outside: {outside}\n".encode())
            os._exit(OUTSIDE)

    if at is not None or allowed or asked.get("events"):
        os.fsync = audited
        sys.addaudithook(hook)


def changes(event, arguments):
    """Return the paths that an event changes, or None where it changes nothing."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND):
            return None
        return [os.fsdecode(path)]
    if event not in CHANGES:
        return None
    return [os.fsdecode(path) for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike)]


def is_within(path, allowed):
    """Tell whether a path is in one of some folders; one that is relative belongs to a descriptor or this folder."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - with its dots taken away, and links followed no further
    return str(whole) == os.devnull or any(whole.is_relative_to(folder) for folder in allowed)


def run(asked):
    """Run the command line, and return its exit code."""
    import pipeline.__main__

    sys.argv = ["digits", *asked["argv"]]
    try:
        if asked.get("script"):
            exec(compile(Path(asked["script"]).read_text("utf-8"), asked["script"], "exec"), {"__name__": "attack"})  # noqa: S102
        else:
            pipeline.__main__.main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    return 0


if __name__ == "__main__":
    serve()
