"""Which typed documents fit where others are wanted."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import pytest
from docarray import BaseDoc, DocList
from docarray.typing import ImageUrl, NdArray
from pydantic import ConfigDict, create_model

from mproc_flow.model.schema import misfits


class Colour(Enum):
    RED = 'red'


class Inner(BaseDoc):
    name: str


class InnerNumber(BaseDoc):
    name: int


class Tree(BaseDoc):
    """Contains itself."""

    label: str
    children: list[Tree] = []  # noqa: RUF012


class OtherTree(BaseDoc):
    """Contains itself, too."""

    label: int
    children: list[OtherTree] = []  # noqa: RUF012


def document(name: str, **fields: Any) -> Any:
    """Make a class of documents; a field is a type, or a type and a default."""
    return create_model(name, __base__=BaseDoc, **fields)


def between(gives: type[BaseDoc], takes: type[BaseDoc]) -> list[str]:
    """Why one does not fit the other."""
    return list(misfits(gives.model_json_schema(), takes.model_json_schema()))


def test_a_field_that_is_required_and_lacking() -> None:
    given, wanted = document('Given', a=str), document('Wanted', a=str, b=int)
    assert between(given, wanted) == ["Given has no field 'b', which Wanted requires"]
    assert between(wanted, given) == []


def test_a_field_that_has_a_default_may_lack() -> None:
    assert between(document('Given'), document('Wanted', a=(int, 3), b=(str | None, None))) == []


def test_a_class_that_may_have_anything_may_have_it() -> None:
    class Open(BaseDoc):
        model_config = ConfigDict(extra='allow')

    assert between(Open, document('Wanted', a=str)) == []


@pytest.mark.parametrize(
    ('given', 'wanted'),
    [
        (str, str),
        (int, float),
        (bool, bool),
        (str, str | None),
        (str | None, str),
        (int | str, str | bytes),
        (bytes, str),
        (str, ImageUrl),
        (ImageUrl, str),
        (Colour, str),
        (str, datetime),
        (datetime, datetime),
        (NdArray, NdArray),
        (NdArray, list[float]),
        (NdArray | None, NdArray[3]),
        (list[int], list[float]),
        (list, list[int]),
        (Any, int),
        (int, Any),
        (dict[str, int], dict[str, Any]),
        (Inner, Inner),
        (Inner | InnerNumber, Inner),
        (DocList[Inner], DocList[Inner]),
        (Tree, Tree),
    ],
)
def test_what_fits(given: Any, wanted: Any) -> None:
    assert between(document('Given', a=(given, ...)), document('Wanted', a=(wanted, ...))) == []


@pytest.mark.parametrize(
    ('given', 'wanted', 'why'),
    [
        (int, str, "field 'a' is integer, but string is wanted"),
        (float, int, "field 'a' is number, but integer is wanted"),
        (bool, int, "field 'a' is boolean, but integer is wanted"),
        (str | None, int | None, "field 'a' is string, but integer is wanted"),
        (int | bool, str | bytes, "field 'a' is boolean or integer, but string is wanted"),
        (datetime, str, "field 'a' is date-time, but string is wanted"),
        (NdArray, str, "field 'a' is array, but string is wanted"),
        (Inner, DocList[Inner], "field 'a' is object, but array is wanted"),
        (Inner, InnerNumber, "field 'a.name' is string, but integer is wanted"),
        (Inner | None, InnerNumber | None, "field 'a.name' is string, but integer is wanted"),
        (DocList[Inner], DocList[InnerNumber], "field 'a[].name' is string, but integer is wanted"),
        (DocList[Inner], DocList[Tree], "Inner has no field 'a[].label', which Tree requires"),
        (list[str], list[int], "field 'a[]' is string, but integer is wanted"),
    ],
)
def test_what_does_not_fit(given: Any, wanted: Any, why: str) -> None:
    assert between(document('Given', a=(given, ...)), document('Wanted', a=(wanted, ...))) == [why]


def test_a_field_with_a_default_has_to_fit_as_well() -> None:
    assert between(document('Given', a=str), document('Wanted', a=(int, 3))) == [
        "field 'a' is string, but integer is wanted"
    ]


def test_classes_that_contain_themselves() -> None:
    found = between(document('Given', a=(Tree, ...)), document('Wanted', a=(OtherTree, ...)))
    assert found == ["field 'a.label' is string, but integer is wanted"]


def test_every_field_is_told() -> None:
    found = between(document('Given', a=str), document('Wanted', a=int, b=int, c=int))
    assert len(found) == 3
