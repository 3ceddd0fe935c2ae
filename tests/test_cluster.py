"""The hands: loopback only, the scheduler a config or the environment names, and a dead worker that fails one tile."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from distributed import Client, LocalCluster

from jobs.cluster import Here, Workers, hands
from jobs.config import Cluster
from jobs.tile import Failed

LOCAL = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "threads_per_worker": 1, "silence_logs": "ERROR"}


def task(name: str) -> SimpleNamespace:
    return SimpleNamespace(name=name)


def name_of(job: SimpleNamespace, *rest: int) -> tuple[str, int, int]:
    return job.name, sum(rest), os.getpid()


def dies(job: SimpleNamespace) -> None:
    if job.name == "poison":
        os.kill(os.getpid(), signal.SIGKILL)


def listeners() -> set[str]:
    me = psutil.Process()
    processes = [me, *me.children(recursive=True)]
    return {c.laddr.ip for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}


def test_no_workers_means_this_process():
    with hands(Cluster(workers=0)) as workers:
        assert isinstance(workers, Here)
        assert [r for _, r in workers.each(name_of, [task("a")], [(1, 2)])] == [("a", 3, os.getpid())]


def test_a_local_cluster_listens_on_loopback_alone():
    with hands(Cluster(workers=1)) as workers:
        found = list(workers.each(name_of, [task("a"), task("b")], [(1,), (2,)]))
        assert sorted(r[:2] for _, r in found) == [("a", 1), ("b", 2)]
        assert all(r[2] != os.getpid() for _, r in found)
        assert listeners() <= {"127.0.0.1", "::1"}
        assert "127.0.0.1" in listeners()


@pytest.mark.parametrize("by", ["config", "environment"])
def test_the_scheduler_named_is_the_one_used(monkeypatch, by):
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", **LOCAL) as cluster:
        address = cluster.scheduler_address
        if by == "environment":
            monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        asked = Cluster(scheduler=address) if by == "config" else Cluster(workers=0)
        with hands(asked) as workers:
            assert isinstance(workers, Workers)
            assert workers.client.scheduler.address == address


def test_a_tile_that_kills_its_workers_fails_alone(tmp_path: Path):
    with hands(Cluster(workers=1)) as workers:
        found = {t.name: r for t, r in workers.each(dies, [task("poison"), task("good")], [(), ()])}
    assert isinstance(found["poison"], Failed)
    assert found["poison"].tile == "poison"
    assert found["good"] is None


def test_workers_that_are_gone_are_replaced(monkeypatch):
    monkeypatch.setattr("jobs.cluster.LOOK_S", 0.1)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", **LOCAL) as cluster, Client(cluster) as client:
        workers = Workers(client, lambda: cluster.scale(1))
        assert [r for _, r in workers.each(name_of, [task("a")], [(1, 2)])] == [("a", 3, os.getpid())]


def test_a_scheduler_without_workers_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("jobs.cluster.LOOK_S", 0.1)
    monkeypatch.setattr("jobs.cluster.PATIENCE_S", 0.3)
    with LocalCluster(n_workers=0, processes=False, protocol="tcp", **LOCAL) as cluster, Client(cluster) as client:
        found = [r for _, r in Workers(client).each(name_of, [task("a"), task("b")], [(1,), (2,)])]
    assert [f.tile for f in found] == ["a", "b"]
    assert all(f.reason.startswith("no worker at ") for f in found)


def holds_a_turn(job: SimpleNamespace, turn: Callable[[], AbstractContextManager[object]]) -> tuple[float, float]:
    with turn():
        begun = time.time()
        time.sleep(0.2)
        return begun, time.time()


@pytest.mark.parametrize("workers", [0, 2])
def test_turns_are_counted_over_all_workers(workers: int) -> None:
    with hands(Cluster(workers=workers)) as pool:
        turn = pool.turns(1)
        found = sorted(r for _, r in pool.each(holds_a_turn, [task("a"), task("b"), task("c")], [(turn,)] * 3))
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(found))


def test_no_limit_no_turns() -> None:
    with hands(Cluster(workers=0)) as pool, pool.turns(None)(), pool.turns(None)():
        pass
