"""Generations: exact, equal for equal content, whole or not there, a changed bit is noticed. Looks on top of them."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput
from detection.types import Cube, Grid, Planes, Scene
from jobs.observations import read_extra, read_looks, write_looks
from jobs.state import CHUNK_BYTES, DamagedGeneration, Generation, read_generation, sweep, write_generation

RNG = np.random.default_rng(7)
ARRAYS: dict[str, NDArray[Any]] = {
    "coefficients": RNG.normal(size=(4, 60, 50)).astype(np.float32),
    "onset": RNG.integers(-1, 20_000, (60, 50), dtype=np.int32),
    "none": np.empty((0, 3), np.float64),
    "one": np.array(3, np.int64),
}
ATTRIBUTES = {"parameters": "ab" * 32, "scenes": ["s1", "s2"], "checkpoint": None, "nested": {"b": 1.5, "a": [True]}}
WHOLE = hnp.integer_dtypes(endianness="?") | hnp.unsigned_integer_dtypes(endianness="?") | st.just(np.dtype(bool))
NUMBERS = WHOLE | hnp.floating_dtypes(sizes=(16, 32, 64), endianness="?")
ANY_ARRAY = hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7))
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,8}", fullmatch=True)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | FINITE | st.text(max_size=5), st.lists, max_leaves=4)


def same(left: NDArray[Any], right: NDArray[Any]) -> bool:
    """To the bit, NaN payloads and signs of zero included; the byte order in memory aside."""
    as_stored = left.astype(left.dtype.newbyteorder("<"))
    return (as_stored.dtype, left.shape, as_stored.tobytes()) == (right.dtype, right.shape, right.tobytes())


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which no power is cut: nothing waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, ANY_ARRAY, max_size=3), st.dictionaries(st.text(max_size=5), JSON, max_size=3))
@pytest.mark.usefixtures("quick")
def test_what_was_written_is_read_to_the_bit(tmp_path: Path, arrays: dict[str, NDArray[Any]], attributes: Any) -> None:
    generation = write_generation(tmp_path, "t", arrays, attributes)
    found, said = read_generation(tmp_path, generation)
    assert sorted(found) == sorted(arrays) and said == attributes
    assert all(same(arrays[name], found[name]) for name in arrays)
    assert write_generation(tmp_path, "t", dict(reversed(arrays.items())), attributes) == generation


@pytest.mark.parametrize("value", [0.0, -0.0, np.nan, -np.nan, np.inf])
def test_arrays_of_one_value_keep_its_bits(tmp_path: Path, value: float) -> None:
    array = np.full((5, 5), value, np.float32)
    found, _ = read_generation(tmp_path, write_generation(tmp_path, "t", {"a": array}, {}))
    assert same(array, found["a"])
    assert len(list(tmp_path.glob("*/a/c.0.0"))) == 1, "a chunk that is not there is never legal"


def test_memory_layout_does_not_matter(tmp_path: Path) -> None:
    array = RNG.normal(size=(30, 20)).astype(np.float32)
    layouts = [array, np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2], array.astype(">f4")]
    assert len({write_generation(tmp_path, "t", {"a": layout}, {}) for layout in layouts}) == 1
    assert len(visible(tmp_path)) == 1


def test_long_arrays_are_cut_and_still_equal_byte_for_byte(tmp_path: Path) -> None:
    slab = np.tile(RNG.normal(size=(1, 256, 256)).astype(np.float32), (150, 1, 1))
    assert slab.nbytes > 2 * CHUNK_BYTES
    first = write_generation(tmp_path / "1", "t", {"a": slab}, {})
    assert len(list((tmp_path / "1" / first.path / "a").glob("c.*"))) == 3
    assert write_generation(tmp_path / "2", "t", {"a": slab}, {}) == first
    assert same(slab, read_generation(tmp_path / "2", first)[0]["a"])


def test_the_name_says_the_content_and_the_sum_is_the_one_sha256sum_gives(tmp_path: Path) -> None:
    generation = write_generation(tmp_path, "r1c2", ARRAYS, ATTRIBUTES)
    assert generation.path == f"r1c2-{generation.sha256[:16]}.zarr"
    listing = "find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    said = subprocess.run(["bash", "-c", listing], cwd=tmp_path / generation.path, capture_output=True, check=True)
    assert said.stdout.decode().split()[0] == generation.sha256


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom jobs.state import write_generation\n"
        "a = np.arange(2_000_000, dtype=np.float32).reshape(2, 1000, 1000)\n"
        "print(write_generation(Path(sys.argv[1]), 't', {'a': a, 'b': a[0] > 7}, {'x': 1}).sha256)"
    )
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path / "other")]
    other = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, check=True, text=True)
    a = np.arange(2_000_000, dtype=np.float32).reshape(2, 1000, 1000)
    assert write_generation(tmp_path, "t", {"b": a[0] > 7, "a": a}, {"x": 1}).sha256 == other.stdout.strip()


def test_other_content_is_another_generation(tmp_path: Path) -> None:
    changed = {**ARRAYS, "one": np.array(4, np.int64)}
    names = {
        write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES).path,
        write_generation(tmp_path, "t", changed, ATTRIBUTES).path,
        write_generation(tmp_path, "t", ARRAYS, {**ATTRIBUTES, "checkpoint": 1}).path,
        write_generation(tmp_path, "u", ARRAYS, ATTRIBUTES).path,
    }
    assert visible(tmp_path) == sorted(names) and len(names) == 4


def test_only_the_arrays_asked_for_are_read(tmp_path: Path) -> None:
    generation = write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES)
    found, _ = read_generation(tmp_path, generation, verify=False, only=("one",))
    assert list(found) == ["one"]
    with pytest.raises(BadInput, match="no array 'two'"):
        read_generation(tmp_path, generation, only=("two",))


@pytest.mark.parametrize("tile", ["", ".hidden", "../up", "a/b", "a" * 101, "a b"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, tile: str) -> None:
    with pytest.raises(BadInput, match="letters, digits"):
        write_generation(tmp_path / "x", tile, {}, {})
    with pytest.raises(BadInput, match="letters, digits"):
        write_generation(tmp_path / "x", "t", {tile: np.zeros(1)}, {})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arrays", "attributes", "said"),
    [
        ({"a": np.array(["x"])}, {}, "numbers"),
        ({"a": np.array([None])}, {}, "numbers"),
        ({"a": np.zeros((1, 1, 1, 1, 1))}, {}, "5 dimensions"),
        ({}, {"a": {1, 2}}, "not JSON"),
        ({}, {"a": float("nan")}, "not JSON"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    tmp_path: Path, arrays: dict[str, NDArray[Any]], attributes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as error:
        write_generation(tmp_path, "t", arrays, attributes)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


# damage


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    generation = write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES)
    files = [path for path in (tmp_path / generation.path).rglob("*") if path.is_file()]
    assert len(files) == 1 + 2 * len(ARRAYS) - 1, "a group, four arrays, and no chunk of the empty one"
    for path in files:
        whole = path.read_bytes()
        for position in RNG.integers(0, len(whole), 5):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << int(RNG.integers(8))
            path.write_bytes(flipped)
            with pytest.raises(DamagedGeneration, match=r"damaged \(sha256"):
                read_generation(tmp_path, generation)
        path.write_bytes(whole)
    read_generation(tmp_path, generation)


def test_a_missing_or_a_strange_file_is_noticed(tmp_path: Path) -> None:
    generation = write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES)
    chunk = tmp_path / generation.path / "onset" / "c.0.0"
    whole = chunk.read_bytes()
    chunk.unlink()
    with pytest.raises(DamagedGeneration):
        read_generation(tmp_path, generation)
    chunk.write_bytes(whole)
    (chunk.parent / "more").touch()
    with pytest.raises(DamagedGeneration):
        read_generation(tmp_path, generation)


@pytest.mark.parametrize("path", ["t-0123456789abcdef.zarr", "../t-0123456789abcdef.zarr", ".", ""])
def test_a_missing_generation_is_said(tmp_path: Path, path: str) -> None:
    with pytest.raises(DamagedGeneration, match=r"missing; restore") as error:
        read_generation(tmp_path, Generation(path, "0" * 64))
    assert "\n" not in str(error.value)


def test_a_damaged_one_is_replaced_when_it_is_written_again(tmp_path: Path) -> None:
    generation = write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES)
    (tmp_path / generation.path / "onset" / "c.0.0").unlink()
    assert write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES) == generation
    read_generation(tmp_path, generation)
    assert [path.name for path in tmp_path.iterdir()] == [generation.path]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES)
    assert list(tmp_path.iterdir()) == []


# sweeping


def test_a_sweep_leaves_what_counts_and_what_is_not_ours(tmp_path: Path) -> None:
    kept, old = (write_generation(tmp_path, tile, ARRAYS, {}) for tile in ("kept", "old"))
    (tmp_path / ".kept-0123.tmp").mkdir()
    (tmp_path / ".kept-0123.tmp" / "zarr.json").touch()
    (tmp_path / "notes.txt").touch()
    assert sweep(tmp_path, {kept.path}) == (".kept-0123.tmp", old.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([kept.path, "notes.txt"])
    read_generation(tmp_path, kept)
    assert sweep(tmp_path / "absent", set()) == ()


def test_two_writers_of_the_same_make_one(tmp_path: Path) -> None:
    made: list[Generation] = []

    def write() -> None:
        made.extend(write_generation(tmp_path, "t", ARRAYS, ATTRIBUTES) for _ in range(10))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 30 and len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [made[0].path]


WRITE_AND_DIE = """
import json, os, random, signal, sys, time
from pathlib import Path
import numpy as np
import jobs.state as state
folder, chance, met, deaths = Path(sys.argv[1]), random.Random(11), 0, []
SIZE = 120

def die_at(call):  # the n-th time that the disk is asked for something that must last
    def counted(function):
        def wrapped(*arguments, **named):
            nonlocal met
            met += 1
            if met == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)
        return wrapped
    met = 0
    os.fsync, os.rename, os.mkdir, os.unlink = map(counted, (os.fsync, os.rename, os.mkdir, os.unlink))

for life in range(30):
    child = os.fork()
    if not child:
        if life < 15:
            die_at(1 + 8 * life)
        for turn in range(10_000):
            arrays = {"a": np.full((SIZE, SIZE), turn % 7, np.float32), "b": np.arange(SIZE * (turn % 3))}
            state.write_generation(folder, "t", arrays, {"turn": turn % 7})
            if turn % 3 == 2:
                state.sweep(folder, set())
    time.sleep(0.05 + 0.15 * chance.random() if life >= 15 else 0)
    if life >= 15:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    deaths.append(os.WTERMSIG(status))
    for path in folder.glob("*.zarr"):
        found = state._sha256(path)
        assert path.name == f"t-{found[:16]}.zarr", "half a generation is visible"
print(json.dumps(deaths))
"""


def test_thirty_kills_leave_no_half_generation(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WRITE_AND_DIE, str(tmp_path)]
    said = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == [signal.SIGKILL] * 30
    whole = [path.name for path in tmp_path.glob("*.zarr")]
    sweep(tmp_path, set(whole[:1]))
    assert [path.name for path in tmp_path.iterdir()] == whole[:1]


# looks


def cube() -> Cube:
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (12, 9))
    scenes = [
        Scene(86_400 * day, platform, f"s{day}-{platform}", "001") for day in (5, 6, 40) for platform in ("l8", "l9")
    ]
    values = RNG.normal(size=(6, 12, 9)).astype(np.float32)
    values[RNG.random(values.shape) < 0.4] = np.nan
    made = Cube.of(grid, scenes, Planes(("nbr",)), values[:, None])
    made.observation[0, :3][np.isnan(made.values[0, 0, :3])] = Observation.OUTSIDE
    return made


def test_looks_come_back_to_the_bit(tmp_path: Path) -> None:
    looks = cube()
    extra: dict[str, NDArray[Any]] = {"values": RNG.normal(size=(6, 2)), "nir": np.arange(3, dtype=np.int16)}
    generation = write_looks(tmp_path, "r1c2", looks, extra)
    found = read_looks(tmp_path, generation)
    assert (found.grid, found.scenes, found.planes) == (looks.grid, looks.scenes, looks.planes)
    assert same(looks.values, found.values) and same(looks.observation, found.observation)
    more = read_extra(tmp_path, generation)
    assert sorted(more) == ["nir", "values"] and all(same(extra[name], more[name]) for name in extra)
    assert generation.path.startswith("r1c2-looks-")
    assert write_looks(tmp_path, "r1c2", looks, extra) == generation


def test_looks_of_several_planes_come_back_to_the_bit(tmp_path: Path) -> None:
    grid, planes = Grid("EPSG:32719", 300_000, 8_600_040, 30, (4, 3)), Planes(("nbr", "doubt"), ("vv",))
    scenes = (Scene(1, "landsat-8", "a"), Scene(2, "sentinel-1a", "b"))
    looks = Cube.of(grid, scenes, planes, RNG.normal(size=(2, 2, 4, 3)).astype(np.float32))
    found = read_looks(tmp_path, write_looks(tmp_path, "t", looks, {}))
    assert (found.planes, found.scenes) == (planes, scenes)
    assert same(looks.values, found.values) and same(looks.observation, found.observation)


def test_no_looks_at_all_can_be_kept(tmp_path: Path) -> None:
    none = cube().take([])
    found = read_looks(tmp_path, write_looks(tmp_path, "t", none, {}))
    assert found.scenes == () and found.values.shape == (0, 1, 12, 9) and found.grid == none.grid


def test_damaged_looks_are_refused(tmp_path: Path) -> None:
    generation = write_looks(tmp_path, "t", cube(), {})
    chunk = next((tmp_path / generation.path / "values").glob("c.*"))
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(DamagedGeneration):
        read_looks(tmp_path, generation)
