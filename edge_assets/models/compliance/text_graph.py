"""The head of the ONNX graph: descriptions in, words and their numbers out, as in `words`.

ONNX has neither a replacement nor a split by patterns, so a separator is replaced by splitting at
it and joining the pieces with spaces in a loop. Rarer separators are looked for only while a text
holds something else than plain words: `RegexFullMatch` tells.

StringNormalizer gets the locale "C": with its default, sessions cannot be made on systems that lack
en_US, which slim images do. In this locale it changes ASCII letters only, as `words` does.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_assets.models.compliance.words import COMMON, PAD, QUOTE, RARE, UNKNOWN, USUAL

OPSETS = {"": 20, "ai.onnx.ml": 3}
"""StringSplit and StringConcat came with opset 20."""
IR_VERSION = 10
INPUT, WORDS, NUMBERS, SHOWN = "description", "split", "numbers", "words"
_PLAIN = "[a-z0-9 ']*"
_NO_QUOTE = "([^']|'+[^ '])*"  # before a space


def text_graph(places: Mapping[str, int], shown: int) -> onnx.ModelProto:
    """The graph with the input `description` text [rows, 1] and the outputs, by `words.places_of`:

    `numbers` int64 [rows, longest + 1], as `words.numbers_of` gives them, and `words` text
    [rows, shown]: the first words, filled up with "". Texts may hold whatever UTF-8 can hold.
    """
    nodes = [
        helper.make_node("Reshape", [INPUT, "flat"], ["text_in_a_row"]),
        helper.make_node(
            "StringNormalizer",
            ["text_in_a_row"],
            ["text_lower"],
            case_change_action="LOWER",
            locale="C",
        ),
        # no text is empty from here on: an empty one has no pieces, not even an empty piece
        helper.make_node("StringConcat", ["text_lower", "space"], ["text_padded"]),
    ]
    nodes += _replaced("text_padded", "text_common", [(mark, "space") for mark in COMMON])
    usual = [*((mark, "space") for mark in USUAL), (QUOTE, "apostrophe")]
    nodes += _replaced_if_any("text_common", "text_usual", usual)
    rare = [(mark, "space") for mark in RARE]
    nodes += _replaced_if_any("text_usual", "text_rare", rare)
    nodes += _replaced_if_any("text_rare", "text_spaced", [("' ", "space")], _NO_QUOTE)
    nodes += [
        helper.make_node("StringSplit", ["text_spaced"], ["pieces", "piece_counts"]),
        # one empty word more: a table of empty texts has a column, too
        helper.make_node("Shape", ["text_spaced"], ["rows"]),
        helper.make_node("Concat", ["rows", "one"], ["one_a_row"], axis=0),
        helper.make_node("Expand", ["empty", "one_a_row"], ["last"]),
        helper.make_node("Concat", ["pieces", "last"], [WORDS], axis=1),
        helper.make_node(
            "LabelEncoder",
            [WORDS],
            [NUMBERS],
            domain="ai.onnx.ml",
            keys_strings=["", *places],
            values_int64s=[PAD, *places.values()],
            default_int64=UNKNOWN,
        ),
        # positions beyond the last column take the last, which is empty
        helper.make_node("Shape", ["pieces"], ["longest"], start=1),
        helper.make_node("Min", ["positions", "longest"], ["shown_positions"]),
        helper.make_node("Gather", [WORDS, "shown_positions"], [SHOWN], axis=1),
    ]
    constants = [
        numpy_helper.from_array(np.array([-1], np.int64), "flat"),
        numpy_helper.from_array(np.array([1], np.int64), "one"),
        numpy_helper.from_array(np.array(1, np.int64), "next"),
        numpy_helper.from_array(np.array(0, np.int64), "first"),
        numpy_helper.from_array(np.arange(shown, dtype=np.int64), "positions"),
        _string("space", " ", 1),
        _string("apostrophe", "'", 1),
        _string("empty", "", 2),
        _string("nothing", "", 1),
    ]
    graph = helper.make_graph(
        nodes,
        "text",
        [_text(INPUT, ["rows", 1])],
        [
            helper.make_tensor_value_info(NUMBERS, TensorProto.INT64, ["rows", "length"]),
            _text(SHOWN, ["rows", shown]),
        ],
        constants,
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _replaced_if_any(
    text: str, made: str, marks: Sequence[tuple[str, str]], plain: str = _PLAIN
) -> list[onnx.NodeProto]:
    """As `_replaced`, but only if one of the texts holds more than the pattern `plain` has."""

    def name(part: str) -> str:
        return f"{made}_{part}"

    replaced = helper.make_graph(
        _replaced(text, name("without"), marks),
        name("then"),
        [],
        [_text(name("without"), ["rows"])],
    )
    kept = helper.make_graph(
        [helper.make_node("Identity", [text], [name("kept")])],
        name("else"),
        [],
        [_text(name("kept"), ["rows"])],
    )
    return [
        helper.make_node("RegexFullMatch", [text], [name("plain")], pattern=plain),
        helper.make_node("Not", [name("plain")], [name("other")]),
        helper.make_node("Cast", [name("other")], [name("others")], to=TensorProto.INT32),
        helper.make_node("ReduceMax", [name("others")], [name("most")], keepdims=0),
        helper.make_node("Cast", [name("most")], [name("any")], to=TensorProto.BOOL),
        helper.make_node("If", [name("any")], [made], then_branch=replaced, else_branch=kept),
    ]


def _replaced(text: str, made: str, marks: Sequence[tuple[str, str]]) -> list[onnx.NodeProto]:
    """Replaces each mark by the named constant, one after another."""
    nodes = []
    for place, (mark, by) in enumerate(marks):
        result = made if place == len(marks) - 1 else f"{made}_{place}"
        nodes += _replace(text, result, mark, by)
        text = result
    return nodes


def _replace(text: str, made: str, mark: str, by: str) -> list[onnx.NodeProto]:
    """Splits at `mark` to [rows, pieces], and joins the pieces of each row from left to right."""

    def name(part: str) -> str:
        return f"{made}.{part}"

    body = helper.make_graph(
        [
            helper.make_node("Add", [name("turn"), "next"], [name("place")]),
            helper.make_node("Gather", [name("parts"), name("place")], [name("part")], axis=1),
            # rows with fewer pieces are filled up with "", which nothing stands before
            helper.make_node("Greater", [name("counts"), name("place")], [name("there")]),
            helper.make_node("Where", [name("there"), by, "nothing"], [name("joint")]),
            helper.make_node("StringConcat", [name("before"), name("joint")], [name("so_far")]),
            helper.make_node("StringConcat", [name("so_far"), name("part")], [name("after")]),
            helper.make_node("Identity", [name("go_on")], [name("go_on_then")]),
        ],
        name("join"),
        [
            helper.make_tensor_value_info(name("turn"), TensorProto.INT64, []),
            helper.make_tensor_value_info(name("go_on"), TensorProto.BOOL, []),
            _text(name("before"), ["rows"]),
        ],
        [
            helper.make_tensor_value_info(name("go_on_then"), TensorProto.BOOL, []),
            _text(name("after"), ["rows"]),
        ],
    )
    return [
        helper.make_node("StringSplit", [text], [name("parts"), name("counts")], delimiter=mark),
        helper.make_node("Gather", [name("parts"), "first"], [name("start")], axis=1),
        helper.make_node("Shape", [name("parts")], [name("width")], start=1),
        helper.make_node("Sub", [name("width"), "one"], [name("joints")]),
        helper.make_node("Squeeze", [name("joints")], [name("turns")]),
        helper.make_node("Loop", [name("turns"), "", name("start")], [made], body=body),
    ]


def _string(name: str, value: str, axes: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.full((1,) * axes, value, dtype=object), name)


def _text(name: str, shape: Sequence[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.STRING, list(shape))
