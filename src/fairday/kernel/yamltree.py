"""YAML as a tree whose every part knows its line and column, and problems that say where.

Only the plain part of YAML is taken: no anchors, aliases or tags (so a small file cannot unfold into a large one), no
duplicated keys, at most ``MAX_BYTES`` and ``MAX_DEPTH`` levels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 1_000_000
MAX_DEPTH = 12

_NO_SIGN = re.compile("[\x00\ud800-\udfff]")
"""What an escape can name and no table keeps: NUL, and halves of surrogate pairs."""
_NARROW = "Write the narrow colon ': ' instead of '：'."


class Problem(msgspec.Struct, frozen=True, order=True):
    """Something to mend in a file.

    Attributes:
        file: the file's name as given.
        line, column: counted from 1.
        key: the path of the key, elements of lists counted from 1 (``what.floors[2].goods``); "" for the whole file.
        message: what is wrong.
        remedy: what to write instead, or "".
        code: a stable word for programs.
    """

    file: str
    line: int
    column: int
    key: str
    message: str
    remedy: str = ""
    code: str = "bad_value"

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}:{self.column}: {key}{self.message} {self.remedy}".rstrip()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that is not known: the nearest ones, or all of them where they are few."""
    names = list(known)
    near = get_close_matches(word.lower().replace("_", "-"), names, 2, 0.6) or get_close_matches(word, names, 2, 0.6)
    meant = f"Did you mean {' or '.join(near)}?" if near else ""
    listed = f"Write one of: {', '.join(names)}." if len(names) <= 12 else ""
    return f"{meant} {listed}".strip()


class Tree:
    """A YAML text composed into nodes, and the problems found on the way.

    ``root`` is None where the text could not be read at all; ``problems`` then says why.

    Args:
        file: the name problems carry.
        begin: what an empty file is told to begin with.
    """

    def __init__(self, text: str | bytes, file: str, begin: str = "scene: my-scene") -> None:
        self.file, self._begin = file, begin
        self.problems: list[Problem] = []
        self.root: Node | None = None
        if len(text) > MAX_BYTES:
            self._at(1, 1, "", "The file is larger than 1 MB.", "A page of text is enough: split it.", "too_large")
            return
        if isinstance(text, bytes):
            try:
                text = text.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                line = error.object.count(b"\n", 0, error.start) + 1
                self._at(line, 1, "", "The file is not UTF-8 text.", "Save it as UTF-8.", "not_utf8")
                return
        self.text = text.removeprefix("\ufeff")
        try:
            self.root = self._compose()
        except yaml.reader.ReaderError as error:
            line, column = _line_column(self.text, error.position)
            message = f"The character U+{error.character:04X} cannot stand in a file."
            self._at(line, column, "", message, "Delete it.", "bad_character")
        except yaml.MarkedYAMLError as error:
            self._syntax(error)

    def _compose(self) -> Node | None:
        loader = _Loader(self.text)
        try:
            loader.next_event()  # the stream's start
            if loader.check_event(yaml.StreamEndEvent):
                self._at(1, 1, "", "The file is empty.", f"Begin with {self._begin}.", "empty")
                return None
            root = loader.compose_document()
            if not loader.check_event(yaml.StreamEndEvent):
                mark = loader.next_event().start_mark
                self._at(mark.line + 1, 1, "", "A second document begins here.", "One a file.", "two_documents")
        finally:
            loader.dispose()
        for mark, message, remedy in loader.faults:
            self._at(mark.line + 1, mark.column + 1, "", message, remedy, "not_plain")
        return root

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = error.problem or error.context or "it cannot be read"
        if "could not find expected ':'" in said and error.context_mark:
            line, column = error.context_mark.line + 1, error.context_mark.column + 1
        if isinstance(error, _TooDeep):
            message, remedy = "This is nested too deeply.", f"At most {MAX_DEPTH} levels are needed."
        elif "'\\t'" in said:
            message, remedy = "A tab stands here.", "Indent with spaces."
        elif "mapping values are not allowed" in said:
            message, remedy = "A second ': ' stands in this value.", "Put the value in quotes."
        elif "could not find expected ':'" in said:
            wide = "：" in self.text.splitlines()[line - 1]
            message = "This key has no ': ' after it."
            remedy = _NARROW if wide else "Write key: value."
        else:
            message = f"This is not YAML: {said}."
            remedy = "Check the quotes, brackets and indentation here and in the line above."
        self._at(line, column, "", message, remedy, "bad_yaml")

    def _at(self, line: int, column: int, key: str, message: str, remedy: str, code: str) -> None:
        self.problems.append(Problem(self.file, line, column, key, message, remedy, code))

    # ---- reading nodes -------------------------------------------------------------------------------------------

    def problem(
        self,
        node: Node,
        key: str,
        message: str,
        remedy: str = "",
        *,
        code: str = "bad_value",
        offset: int | None = None,
    ) -> None:
        """Note a problem at a node, or at the ``offset``-th character of a scalar's value."""
        index = node.start_mark.index if offset is None else self._index(node, offset)
        line, column = _line_column(self.text, index)
        self._at(line, column, key, message, remedy, code)

    def mapping(
        self, node: Node, key: str, allowed: Iterable[str] | None, needed: Iterable[str] = ()
    ) -> dict[str, Node]:
        """The entries of a mapping; keys not in ``allowed`` (None: any), doubled and missing ones are noted."""
        if not isinstance(node, MappingNode):
            self.problem(node, key, f"A list of keys is expected here, not {_what(node)}.", self._colon(node))
            return {}
        known = None if allowed is None else list(allowed)
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            name = key_node.value if isinstance(key_node, ScalarNode) else ""
            path = join(key, name)
            if not isinstance(key_node, ScalarNode) or not name:
                self.problem(key_node, key, "A key is a word.", self._colon(key_node), code="bad_key")
            elif known is not None and name not in known:
                remedy = self._colon(key_node) or did_you_mean(name, known)
                self.problem(key_node, path, f"There is no key {name!r} here.", remedy, code="unknown_key")
            elif name in found:
                self.problem(key_node, path, "This key stands twice.", "Keep one of them.", code="doubled_key")
            else:
                found[name] = value
        for name in needed:
            if name not in found:
                self.problem(
                    node, join(key, name), f"The key {name!r} is missing.", f"Add {name}: …", code="missing_key"
                )
        return found

    def items(self, node: Node, key: str, most: int) -> list[tuple[Node, str]]:
        """The elements of a list with their key paths; a single value counts as a list of one."""
        if not isinstance(node, SequenceNode):
            if is_null(node):
                self.problem(node, key, "A list is expected here.", "Begin each element with '- '.", code="bad_type")
                return []
            return [(node, f"{key}[1]")]
        if len(node.value) > most:
            self.problem(node.value[most], key, f"At most {most} elements stand here.", code="too_many")
        return [(child, f"{key}[{i}]") for i, child in enumerate(node.value[:most], 1)]

    def text_of(self, node: Node, key: str, what: str, most: int = 200) -> str | None:
        """The text of a scalar as written (``no`` and ``10`` too), not blank and at most ``most`` characters."""
        if not isinstance(node, ScalarNode):
            self.problem(node, key, f"{what} is expected here, not {_what(node)}.", code="bad_type")
            return None
        value = str(node.value)
        if not value.strip() or is_null(node):
            self.problem(node, key, f"{what} is expected here.", code="bad_type")
            return None
        if len(value) > most:
            self.problem(node, key, f"This is longer than {most} characters.", code="too_long")
            return None
        return value

    def _colon(self, node: Node) -> str:
        """The usual slip of Chinese keyboards."""
        wide = isinstance(node, ScalarNode) and "：" in str(node.value)
        return _NARROW if wide else ""

    def _index(self, node: Node, offset: int) -> int:
        """Where the ``offset``-th character of a scalar's value stands, through quotes, escapes and folds."""
        text, end = self.text, node.end_mark.index
        at = node.start_mark.index
        style = node.style if isinstance(node, ScalarNode) else None
        if style in ("|", ">"):
            at = text.index("\n", at) + 1
        elif style in ("'", '"'):
            at += 1
        value = str(node.value)
        for wanted in value[:offset]:
            at = _after(text, at, end, wanted, style)
        if offset < len(value):
            at = _before(text, at, end, value[offset], style)
        return min(at, max(end - 1, node.start_mark.index))


def _before(text: str, at: int, end: int, wanted: str, style: str | None) -> int:
    """The index of a value's next character, past what stands before it in the file only: line ends and indentation."""
    while style == '"' and text.startswith("\\\n", at):  # a line that goes on
        at += 2
        while at < end and text[at] in " \t":
            at += 1
    while wanted not in " \t\n" and at < end and text[at] in " \t\r\n":
        at += 1
    return at


def _after(text: str, at: int, end: int, wanted: str, style: str | None) -> int:
    """The index after the source of one character of a value."""
    at = _before(text, at, end, wanted, style)
    if style == '"' and text.startswith("\\", at):
        return at + 2 + {"x": 2, "u": 4, "U": 8}.get(text[at + 1], 0)
    if wanted in " \n":
        gap = at
        while gap < end and text[gap] in " \t\r\n":
            gap += 1
        # Within a line a blank is itself; at its end one stands for the line's end and the next one's indentation.
        return at + 1 if wanted == " " and "\n" not in text[at:gap] and gap > at else gap
    return at + (2 if style == "'" and wanted == "'" else 1)


def join(key: str, name: str) -> str:
    """The path of a key inside another."""
    return f"{key}.{name}" if key else name


def is_null(node: Node) -> bool:
    """Nothing stands there."""
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _what(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "keys"
    if isinstance(node, SequenceNode):
        return "a list"
    return "nothing" if is_null(node) else f"{str(node.value)[:40]!r}"


def _line_column(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1


class _TooDeep(yaml.MarkedYAMLError):
    pass


class _Loader(yaml.SafeLoader):
    """PyYAML's composer without anchors, aliases and tags, and with a bound on depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.faults: list[tuple[Any, str, str]] = []
        self._depth = 0
        self._parser: Any = self
        """The loader's half that PyYAML's stubs leave without types."""

    def next_event(self) -> Any:
        """Take the next event off the file."""
        return self._parser.get_event()

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self._parser.peek_event()
        if self.check_event(yaml.AliasEvent):
            self.next_event()
            self.faults.append((event.start_mark, "An alias (*) stands here.", "Write the value out."))
            return ScalarNode("tag:yaml.org,2002:null", "", event.start_mark, event.end_mark)
        if event.anchor is not None:
            self.faults.append(
                (event.start_mark, "An anchor (&) stands here.", "Write the value out where it is used.")
            )
            event.anchor = None
        if event.tag is not None:
            self.faults.append((event.start_mark, f"A tag ({event.tag}) stands here.", "Delete it."))
            event.tag, event.implicit = None, (True, True) if isinstance(event, yaml.ScalarEvent) else True
        if isinstance(event, yaml.ScalarEvent) and _NO_SIGN.search(event.value):
            self.faults.append((event.start_mark, "A character that is none stands here.", "Delete its escape (\\)."))
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep(problem="nested too deeply", problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


# ---- writing -------------------------------------------------------------------------------------------------------


def dump(plain: Mapping[str, Any]) -> str:
    """Plain values as YAML text: keys in their order, decimals digit by digit, nothing shared."""
    text: str = yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return text


def in_a_line(plain: Mapping[str, Any]) -> str:
    """Plain values as one line of YAML: ``{spend: 199, off: 30}``."""
    text: str = yaml.dump(
        plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000, default_flow_style=True
    )
    return text.rstrip("\n")


def read_plain(text: str) -> Any:
    """The plain values of a text, scalars as they are written; the text itself where it cannot be read."""
    tree = Tree(text, "")
    return text if tree.root is None or tree.problems else _plain_of(tree.root)


def _plain_of(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return {str(key.value): _plain_of(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [_plain_of(child) for child in node.value]
    return None if is_null(node) else str(node.value)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, data: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


def _decimal(dumper: yaml.SafeDumper, data: Decimal) -> Any:
    whole = data == data.to_integral_value()
    text = f"{data:.0f}" if whole else f"{data.normalize():f}"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'int' if whole else 'float'}", text)


_Dumper.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in kept if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, kept in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
"""A tree keeps ``off``, ``on``, ``no`` and ``yes`` as they are written, so they need no quotes."""
_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _decimal)
