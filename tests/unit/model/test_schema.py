"""Which typed documents fit where others are wanted."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

import pytest
from docarray import BaseDoc, DocList
from docarray.typing import ImageUrl, NdArray
from pydantic import ConfigDict, create_model

from mproc_flow.model.schema import misfits, schema_of


class Colour(Enum):
    RED = 'red'


class Inner(BaseDoc):
    name: str


class InnerNumber(BaseDoc):
    name: int


class Tree(BaseDoc):
    """Contains itself."""

    label: str
    children: list['Tree'] = []  # noqa: RUF012


class OtherTree(BaseDoc):
    """Contains itself, too."""

    label: int
    children: list['OtherTree'] = []  # noqa: RUF012


def document(name: str, **fields: Any) -> Any:
    """Make a class of documents; a field is a type, or a type and a default."""
    return create_model(name, __base__=BaseDoc, **fields)


# What is in a list, docarray tells from 0.41 on.
TOLD = 'items' in (schema_of(document('Probe', a=(DocList[Inner], ...))) or {})['properties']['a']
LISTS = pytest.mark.skipif(not TOLD, reason='docarray 0.40.0')


def between(gives: type[BaseDoc], takes: type[BaseDoc]) -> list[str]:
    """Why one does not fit the other."""
    given, wanted = schema_of(gives), schema_of(takes)
    assert given is not None
    assert wanted is not None
    return list(misfits(given, wanted))


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
        pytest.param(DocList[Inner], DocList[Inner], marks=LISTS),
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
        pytest.param(Inner, DocList[Inner], "field 'a' is object, but array is wanted", marks=LISTS),
        (Inner, InnerNumber, "field 'a.name' is string, but integer is wanted"),
        (Inner | None, InnerNumber | None, "field 'a.name' is string, but integer is wanted"),
        pytest.param(
            DocList[Inner], DocList[InnerNumber], "field 'a[].name' is string, but integer is wanted", marks=LISTS
        ),
        pytest.param(DocList[Inner], DocList[Tree], "Inner has no field 'a[].label', which Tree requires", marks=LISTS),
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


def test_a_field_without_a_schema_may_be_anything() -> None:
    class Strange(BaseDoc):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        a: Callable[[], int]
        b: int

    assert between(document('Given', a=str, b=int), Strange) == []
    assert between(document('Given', a=str, b=str), Strange) == ["field 'b' is string, but integer is wanted"]
    assert between(document('Given', b=int), Strange) == ["Given has no field 'a', which Strange requires"]


def test_a_default_that_json_cannot_carry() -> None:
    assert between(document('Given', a=str), document('Wanted', a=(str, object()))) == []


def test_no_class_no_schema() -> None:
    assert schema_of(None) is None
