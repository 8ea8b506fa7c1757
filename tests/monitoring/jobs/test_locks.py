from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from monitoring.jobs.locks import RecordLock, SurvivingQueue, shared_value

fork = multiprocessing.get_context("fork")


def in_child(work: Callable[[Any], None]) -> tuple[Any, Any]:
    """Run `work` with one end of a pipe in a forked process; return the process and our end."""
    ours, theirs = fork.Pipe()
    child = fork.Process(target=work, args=[theirs], daemon=True)
    child.start()
    return child, ours


def hear(pipe: Any) -> Any:
    assert pipe.poll(10), "the child said nothing"
    return pipe.recv()


def killed(child: Any) -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.join(10)
    assert child.exitcode == -signal.SIGKILL


def hold_for_ever(lock: Any) -> Callable[[Any], None]:
    def work(pipe: Any) -> None:
        with lock:
            pipe.send("held")
            signal.pause()

    return work


def test_a_held_lock_is_not_taken_by_another_process() -> None:
    lock = RecordLock()
    child, pipe = in_child(hold_for_ever(lock))
    assert hear(pipe) == "held"

    assert not lock.acquire(block=False)
    assert not lock.acquire(timeout=0.05)
    killed(child)


def test_a_lock_dies_with_its_holder() -> None:
    lock = RecordLock()
    child, pipe = in_child(hold_for_ever(lock))
    hear(pipe)
    killed(child)

    assert lock.acquire(timeout=5)
    lock.release()


def test_a_lock_waited_for_is_had_when_the_holder_is_killed() -> None:
    lock = RecordLock()
    holder, holders_pipe = in_child(hold_for_ever(lock))
    hear(holders_pipe)

    def wait(pipe: Any) -> None:
        with lock:
            pipe.send("mine")

    waiter, pipe = in_child(wait)
    assert not pipe.poll(0.1)
    killed(holder)
    assert hear(pipe) == "mine"
    waiter.join(5)


def test_a_lock_is_re_entrant_and_free_only_after_the_last_release() -> None:
    lock = RecordLock()
    lock.acquire()
    lock.acquire()
    lock.release()

    def try_it(pipe: Any) -> None:
        pipe.send(lock.acquire(block=False))

    assert hear(in_child(try_it)[1]) is False
    lock.release()
    assert hear(in_child(try_it)[1]) is True


def test_a_child_forked_while_its_parent_holds_the_lock_does_not_hold_it() -> None:
    lock = RecordLock()

    def release(pipe: Any) -> None:
        try:
            lock.release()
        except RuntimeError:
            pipe.send("not mine")

    with lock:
        assert hear(in_child(release)[1]) == "not mine"


def test_releasing_a_lock_not_held_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        RecordLock().release()


def test_a_shared_value_can_be_read_inside_its_own_lock() -> None:
    value = shared_value("f", -1)
    with value.get_lock():
        value.value -= 0.5
        assert value.value == -1.5


def test_a_shared_value_outlives_a_process_killed_inside_its_lock() -> None:
    value = shared_value("i", 0)
    child, pipe = in_child(hold_for_ever(value.get_lock()))
    hear(pipe)
    killed(child)

    value.value += 1
    assert value.value == 1


def test_a_queue_outlives_an_idle_reader_that_is_killed() -> None:
    queue = SurvivingQueue()

    def read(pipe: Any) -> None:
        pipe.send("reading")
        pipe.send(queue.get())

    idle, pipe = in_child(read)
    hear(pipe)
    killed(idle)
    _, pipe = in_child(read)
    hear(pipe)
    queue.put("work")
    assert hear(pipe) == "work"
    assert queue.qsize() == 0


def test_what_the_cure_is_for_the_librarys_own_queue_is_wedged_by_it() -> None:
    """When this fails, django-q2 has healed its queue and `monitoring.jobs.locks` can go."""
    from django_q.queues import Queue

    queue = Queue()
    holder, pipe = in_child(hold_for_ever(queue._rlock))
    hear(pipe)
    killed(holder)
    assert not queue._rlock.acquire(timeout=0.2)
