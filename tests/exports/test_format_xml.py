"""XML: well-formed for any Unicode, and nothing that a parser would change."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.formats.xml_text import element_name
from tests.exports.format_reading import back, read_xml, written

TEXT = st.text(st.sampled_from("<>&\"'\r\n\t\0\x01\x7f\x85\ufffe\uffff]\u2028 ") | st.characters(exclude_categories=["Cs"]), max_size=12)


def batch(**columns: list[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@settings(deadline=None)
@given(values=st.lists(TEXT, min_size=1, max_size=10))
def test_any_text_comes_back(values: list[str]) -> None:
    assert [back("text", row["s"]) for row in read_xml(written("xml", [batch(s=values)]))] == values


def test_null_and_an_empty_text_differ() -> None:
    assert b'<row><s></s></row>\n<row><s xsi:nil="true"/></row>' in written("xml", [batch(s=["", None])])


def test_only_what_xml_cannot_hold_is_encoded() -> None:
    data = written("xml", [batch(s=["a\x01", "<a>&\r"])])
    assert b'<row><s encoding="base64">YQE=</s></row>\n<row><s>&lt;a&gt;&amp;&#13;</s></row>' in data


@pytest.mark.parametrize(
    ("column", "element"),
    [("id", "id"), ("two words", "two_x0020_words"), ("1st", "_x0031_st"), ("xmlThing", "_x0078_mlThing"), ("a_x0041_", "a_x005F_x0041_"), ("ключ", "ключ"), ("a:b", "a_x003A_b"), ("😀", "_x1F600_")],
)  # fmt: skip
def test_columns_are_named_as_sql_xml_maps_names(column: str, element: str) -> None:
    assert element_name(column) == element


@settings(deadline=None)
@given(column=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("_x04:1-"), min_size=1, max_size=8))
def test_any_column_name_comes_back(column: str) -> None:
    assert read_xml(written("xml", [batch(**{column: ["x"]})])) == [{column: "x"}]
