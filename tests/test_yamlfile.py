"""YAML with positions and limits: YAML 1.2 values, and never an exception but ConfigError."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import yamlfile
from jobs.yamlfile import ConfigError


def test_values_follow_yaml_1_2(tmp_path: Path) -> None:
    text = "a: NO\nb: 010\nc: 12:30:00\nd: 2024-01-01\ne: .5\nf: '7'\ng: ~\nh: TRUE\ni: 1e3\nj: -4\nk: |\n  x\n  y\n"
    values = ["NO", 10, "12:30:00", "2024-01-01", 0.5, "7", None, True, 1000.0, -4, "x\ny\n"]
    data = yamlfile.parse(text, tmp_path).data
    assert list(data.values()) == values
    assert [type(value) for value in data.values()] == [type(value) for value in values]


def test_positions_are_those_of_the_text(tmp_path: Path) -> None:
    document = yamlfile.parse("# é\na:\n  bé: [1, {c: x}]\nd:\n\ne: 1\n", tmp_path)
    assert document.keys[("a", "bé")] == (3, 3)
    assert document.values[("a", "bé", 1, "c")] == (3, 15)
    assert document.keys[("a", "bé", 1, "c")] == (3, 12)
    assert document.values[("d",)] == (4, 1)


def test_bom_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - x\r\n")
    document = yamlfile.read(file)
    assert document.data == {"a": 1, "b": ["x"]}
    assert document.keys[("a",)] == (1, 1)


def test_limits_hold_at_their_edges(tmp_path: Path) -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * (depth - 2) + "1" + "]" * (depth - 2) + "\n"

    yamlfile.parse(nested(yamlfile.MAX_DEPTH), tmp_path)
    with pytest.raises(ConfigError, match="nested deeper"):
        yamlfile.parse(nested(yamlfile.MAX_DEPTH + 1), tmp_path)
    file = tmp_path / "job.yaml"
    file.write_text("a: 1 " + "#" * (yamlfile.MAX_BYTES - 5), encoding="utf-8")
    yamlfile.read(file)
    file.write_text("a: 1 " + "#" * (yamlfile.MAX_BYTES - 4), encoding="utf-8")
    with pytest.raises(ConfigError, match="larger than 256 kB"):
        yamlfile.read(file)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.floats(-1e14, 1e14)
    | st.text("aé:# '\"\\-", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), plain, max_size=4))
def test_json_is_read_as_json(data: dict[str, Any]) -> None:
    document = yamlfile.parse(json.dumps(data), Path("x"))
    assert document.data == data
    assert document.problems == ()


@given(st.text(" \n\t:-?,[]{}#&*!|>'\"%@`\\~<=.0aé\x00\x85\u2028", max_size=30))
def test_no_text_ends_in_another_error(text: str) -> None:
    try:
        yamlfile.parse(text, Path("x"))
    except ConfigError as error:
        assert error.problems
