import os
import signal
import time

import pytest

from framesift.errors import NotAVideoError, VideoWorkerDiedError
from framesift.pose.workers import WorkerPool


def make_work(offset):
    """What the processes do: a number is added to, a word does harm."""

    def work(task, report):
        match task:
            case "raise":
                raise NotAVideoError("no video")
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(3)
            case "hoard":
                return len(bytearray(2 << 30))
            case "hang":
                time.sleep(60)
            case "pid":
                return os.getpid()
            case "report":
                report("half")
                report("nearly")
                return "done"
        return task + offset

    return work


def run(tasks, **limits):
    options = {"workers": 2, "memory_limit_mb": 512, "timeout_s": 60.0} | limits
    with WorkerPool(make_work, (100,), **options) as pool:
        return dict(pool.run(tasks))


def test_nothing_to_do_starts_nothing():
    assert run([]) == {}


def test_every_task_is_done_once():
    assert run(list(range(20))) == {i: i + 100 for i in range(20)}


@pytest.mark.parametrize(
    ("harm", "error", "said"),
    [
        ("raise", NotAVideoError, "no video"),
        ("crash", VideoWorkerDiedError, "SIGSEGV"),
        ("exit", VideoWorkerDiedError, "exit code 3"),
        ("hoard", VideoWorkerDiedError, "memory_limit_mb"),
    ],
)
def test_harm_costs_its_own_task_only(harm, error, said):
    outcomes = run([1, harm, 2, 3])
    assert isinstance(outcomes[harm], error)
    assert said in str(outcomes[harm])
    assert [outcomes[i] for i in (1, 2, 3)] == [101, 102, 103]


def test_what_a_task_reports_arrives_before_its_result():
    heard = []
    options = {"workers": 2, "memory_limit_mb": 512, "timeout_s": 60.0}
    with WorkerPool(make_work, (0,), **options, on_progress=lambda task, value: heard.append((task, value))) as pool:
        for task, outcome in pool.run([1, "report"]):
            if task == "report":
                assert (outcome, heard) == ("done", [("report", "half"), ("report", "nearly")])
    assert len(heard) == 2


def test_a_task_that_hangs_is_ended():
    # Not shorter: the limit holds for the others too, which wait for their process to start.
    outcomes = run([1, "hang"], timeout_s=8.0)
    assert "video_timeout_s" in str(outcomes["hang"])
    assert outcomes[1] == 101


def test_processes_serve_several_rounds_and_end_with_the_pool():
    with WorkerPool(make_work, (1,), workers=1, memory_limit_mb=512, timeout_s=60.0) as pool:
        [(_, first)] = pool.run(["pid"])
        [(_, second)] = pool.run(["pid"])
        assert first == second != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
