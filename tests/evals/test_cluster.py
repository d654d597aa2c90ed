"""A sweep on a Ray cluster comes to what it comes to here, whatever dies meanwhile."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bargaining.errors import InvalidInputError, SandboxError
from delegates.models.spec import parse
from delegates.prompt import PromptPack
from delegates.scenario import load
from evals import store, suites
from evals.case import Case, Row
from evals.cluster import SETTINGS, RayRunner, in_boxes
from evals.parcel import Parcel
from evals.residue import scan_files
from evals.suite import Request, Suite
from evals.sweep import Runner, Standing, here, sweep
from sandbox import host
from sandbox.isolation import ladder
from tests.app.command import ROOT, SCENARIO, write_script

TERMS = {"price": 11000, "handover": "in two weeks", "warranty_months": 6}
POLITE = [{"move": {"kind": "offer", "terms": TERMS}, "message": "Thank you; what about this?"}]
SECRET = "replacement truck"
_DIARY = "NEGBOX_TEST_DIARY"
_WHY = "Ray is not installed; it is the extra negotiation-box[ray]"


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    pack = PromptPack.load("default")
    model = parse(write_script(tmp_path / "polite.json", POLITE, cycle=True))
    return Request([model], {f"default {pack.digest[:8]}": pack}, {"used-truck": load("used-truck")})


def held_here(request: Request, cases: Sequence[Case]) -> list[Row]:
    async def run() -> list[Row]:
        leaks = suites.load("leaks")
        return [timeless(await leaks.run(case, request)) for case in cases]

    return asyncio.run(run())


def timeless(row: Row) -> Row:
    return row.model_copy(update={"seconds": 0.0})


# ------------------------------------------------------------------------------- what travels


def test_a_parcel_holds_all_that_decides_a_row(request_: Request) -> None:
    cases = suites.load("leaks").cases(request_)[:6]
    parcel = Parcel.model_validate_json(Parcel.of(request_, ["leaks"]).model_dump_json())
    assert held_here(parcel.request(), cases) == held_here(request_, cases)


def test_no_field_of_a_request_is_forgotten() -> None:
    """One that is new has to be put into parcels too, or the cluster would run another sweep."""
    packed = set(Parcel.model_fields) - {"version", "suites"}
    stays = {"open", "keep", "_stages"}
    assert {field.name for field in fields(Request)} - stays == packed


def test_a_parcel_shows_nothing(request_: Request) -> None:
    parcel = Parcel.of(request_, ["leaks"])
    assert SECRET in parcel.scenarios["used-truck"]
    assert SECRET not in f"{parcel} {parcel!r}"


def test_real_briefs_do_not_travel(request_: Request, tmp_path: Path) -> None:
    file = tmp_path / "boat.yaml"
    file.write_text(SCENARIO)
    real = Request(request_.models, request_.prompts, {"boat": load(file)})
    with pytest.raises(InvalidInputError, match="boat: only made-up briefs"):
        Parcel.of(real, ["leaks"])


def test_tables_that_are_to_be_kept_do_not_travel(request_: Request) -> None:
    kept = Request(request_.models, request_.prompts, request_.scenarios, keep=lambda case, table: None)
    with pytest.raises(InvalidInputError, match="--engine local"):
        Parcel.of(kept, ["leaks"])


def test_another_version_refuses_a_parcel(request_: Request) -> None:
    parcel = Parcel.of(request_, ["leaks"]).model_copy(update={"version": "0.0.0"})
    with pytest.raises(InvalidInputError, match="install the same version"):
        parcel.request()


def test_without_ray_it_says_what_to_install(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidInputError, match=r"negotiation-box\[ray\]"):
        RayRunner(Parcel.of(request_, ["leaks"]))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "127.0.0.1:99999", "http://127.0.0.1"])
def test_where_no_cluster_is_it_says_so_at_once(request_: Request, address: str) -> None:
    if not find_spec("ray"):
        pytest.skip(_WHY)
    with pytest.raises(SandboxError, match="nobody answers there"):
        RayRunner(Parcel.of(request_, ["leaks"]), address=address)


# ------------------------------------------------------------------------------- a cluster


def diary(chosen: Mapping[str, Suite], request: Request) -> Runner:
    """Negotiations that are written down when they begin; some end their worker, once or always."""
    run = here(chosen, request)
    file = Path(os.environ[_DIARY])

    def note(case: Case) -> bool:
        before = file.read_text().splitlines() if file.exists() else []
        with file.open("a") as stream:
            stream.write(case.key + "\n")
        return case.key not in before

    async def noted(case: Case) -> Row:
        first = note(case)
        if (case.attack, case.side) == ("consent", 0) and (case.arm == "unguarded" or first):
            os.kill(os.getpid(), signal.SIGKILL)
        return await run(case)

    return noted


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work, and two nodes that do; processes of their own, on this machine."""
    if not find_spec("ray"):
        pytest.skip(_WHY)
    folder = tempfile.mkdtemp(prefix="nb", dir="/tmp")  # the paths of its sockets must be short
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_TMPDIR", folder)
        for name, value in SETTINGS.items():
            environment.setenv(name, value)
        cluster_utils: Any = import_module("ray.cluster_utils")
        environment.setenv("PYTHONPATH", str(ROOT))
        environment.setenv(_DIARY, f"{folder}/diary")
        small = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
        prompt = {"health_check_period_ms": 500, "health_check_failure_threshold": 6}  # else it takes 10 s
        head = {"num_cpus": 0, "_system_config": prompt, **small}
        found = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                found.add_node(wait=False, num_cpus=1, **small)
            found.wait_for_nodes()
            yield found
        finally:
            found.shutdown()
            shutil.rmtree(folder)


def test_what_a_worker_lacks_is_said(cluster: Any, request_: Request, tmp_path: Path) -> None:
    cases = suites.load("leaks").cases(request_)[:1]
    parcel = Parcel.of(request_, ["leaks"])
    (tmp_path / "polite.json").unlink()

    async def swept() -> None:
        run = RayRunner(parcel, address=cluster.address)
        try:
            await run(cases[0])
        finally:
            await run.close()

    with pytest.raises(InvalidInputError, match=r"polite\.json: No such file"):
        asyncio.run(swept())


def stalled(chosen: Mapping[str, Suite], request: Request) -> Runner:
    """Negotiations that never end."""

    async def run(case: Case) -> Row:
        Path(os.environ[_DIARY]).with_suffix(".begun").touch()
        await asyncio.Event().wait()
        raise AssertionError

    return run


def test_cancelling_ends_what_is_running(cluster: Any, request_: Request) -> None:
    ray: Any = import_module("ray")
    begun = Path(os.environ[_DIARY]).with_suffix(".begun")
    cases = suites.load("leaks").cases(request_)[:2]

    async def swept() -> None:
        run = RayRunner(Parcel.of(request_, ["leaks"]), address=cluster.address, make=stalled)
        try:
            held = [asyncio.ensure_future(run(case)) for case in cases]
            while not begun.exists():
                await asyncio.wait(held, timeout=0.1)
            for one in held:
                one.cancel()
            await asyncio.gather(*held, return_exceptions=True)
            assert all(one.cancelled() for one in held)
            for _ in range(100):
                if ray.available_resources().get("CPU") == 2:
                    return
                await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.1))])
            raise AssertionError("they go on")
        finally:
            await run.close()

    asyncio.run(swept())


def test_workers_hold_negotiations_in_boxes(cluster: Any, request_: Request) -> None:
    facts = host.gather()
    if ladder.available(facts)[0] == "none":
        pytest.skip("this machine can build no walls")
    cases = suites.load("leaks").cases(request_)[-4:]

    async def swept() -> list[Row]:
        run = RayRunner(Parcel.of(request_, ["leaks"]), address=cluster.address, make=in_boxes)
        try:
            return list(await asyncio.gather(*map(run, cases)))
        finally:
            await run.close()

    rows = asyncio.run(swept())
    assert [timeless(row) for row in rows] == held_here(request_, cases)


def test_a_worker_and_a_node_that_are_killed_change_no_result(
    cluster: Any, request_: Request, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """58 negotiations. A worker kills itself in one of them, once; in another, each time; and then a node is killed."""
    cases = suites.load("leaks").cases(request_)
    expected = {row.case.key: row for row in held_here(request_, cases)}
    node = next(node for node in cluster.list_all_nodes() if node != cluster.head_node)
    raylet = node.all_processes["raylet"][0].process

    def observe(standing: Standing) -> None:
        if standing.done == len(cases) // 3:
            os.kill(raylet.pid, signal.SIGKILL)

    async def swept(rows: store.Store) -> None:
        run = RayRunner(Parcel.of(request_, ["leaks"]), address=cluster.address, make=diary, attempts=2)
        try:
            await sweep(cases, run, rows, concurrency=8, observe=observe)
        finally:
            await run.close()

    with store.opened(tmp_path / "out", {}, resume=False) as kept:
        asyncio.run(swept(kept))
    rows = store.read(tmp_path / "out")[1]
    assert raylet.poll() is not None
    assert capfd.readouterr().out == ""  # it is where results go
    assert len(rows) == len(cases)
    assert {row.case.key for row in rows} == expected.keys()
    lost = [row for row in rows if row.missing]
    assert {(row.case.arm, row.case.attack, row.missing) for row in lost} == {("unguarded", "consent", "box")}
    assert not any(row.verdicts for row in lost)
    done = [timeless(row) for row in rows if not row.missing]
    assert len(done) == len(cases) - 1
    assert all(row == expected[row.case.key] for row in done)
    begun = Path(os.environ[_DIARY]).read_text().splitlines()
    assert len(begun) >= len(cases) + 2
    found = scan_files(SECRET, [Path(os.environ["RAY_TMPDIR"])])
    assert found.hits == ()
    assert found.read_bytes > 1000
