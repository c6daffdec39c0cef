"""The key `verify` of app.yaml: how a release is verified.

verify: rollout
verify: {path: /info, field: /model/version, equals: "{version}"}
verify: {open-inference: iris, port: 8443, scheme: https}
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

from bot.config.nodes import Reader, meant, what
from bot.domain.verification import Method, Verify
from bot.rules.release.templates import unknown

PATH: Final = re.compile(r"/[!-~]*")
"""A path as it is sent: printable ASCII, so that no line break or space gets into a request."""
POINTER: Final = re.compile(r"(/([^/~]|~[01])*)*")
"""RFC 6901; empty: the whole answer."""
TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
PORT: Final = re.compile(r"[0-9]{1,5}|(?=[a-z0-9-]{0,14}[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
"""A number, or an IANA service name: https://www.rfc-editor.org/rfc/rfc6335#section-5.1."""
MOST: Final = 65535
WHERE: Final = ("port", "scheme")
"""The keys that say which port of a pod is asked, and how."""
WORDS: Final = tuple(method.value for method in Method if method is not Method.FIELD)


class Scheme(StrEnum):
    """How a pod is asked."""

    HTTP = "http"
    HTTPS = "https"


def verify(read: Reader, node: Node) -> Verify:
    """Return the method that `verify` names, with its settings."""
    if isinstance(node, ScalarNode) and node.value in WORDS:
        method = Method(node.value)
        return Verify(method=method, named=method is not Method.AUTO)
    if not isinstance(node, MappingNode):
        *rest, last = (f"`{word}`" for word in WORDS)
        near = f"; {meant(node.value, WORDS)}" if isinstance(node, ScalarNode) and node.value else ""
        fields = '{path: /info, field: /version, equals: "{version}"}'
        read.mistake(node, f"expected {', '.join(rest)}, {last} or `{fields}`, found {what(node)}{near}")
        return Verify()
    keys = {key.value for key, _ in node.value if isinstance(key, ScalarNode)}
    form = next((each for each in FORMS if each in keys), "path")
    return FORMS[form](read, node)


def _field(read: Reader, node: Node) -> Verify:
    own = read.mapping(node, ("path", "field", "equals", *WHERE))
    for name in ("path", "field", "equals"):
        if name not in own:
            example = '`{path: /info, field: /model/version, equals: "{version}"}`'
            read.mistake(node, f"this `verify` has no `{name}`; expected, for example, {example}")
    pointer = "a JSON pointer such as /model/version"
    return Verify(
        method=Method.FIELD,
        named=True,
        path=_template(read, own.get("path"), PATH, "a path on the server, such as /info"),
        field=read.text(own.get("field"), POINTER, pointer) or "",
        equals=_template(read, own.get("equals"), TEXT, 'a value such as "{version}"'),
        port=_port(read, own),
        https=_https(read, own),
    )


def _image(read: Reader, node: Node) -> Verify:
    own = read.mapping(node, ("image",))
    expected = 'a tag or a digest, such as "{version}"'
    return Verify(method=Method.IMAGE, named=True, equals=_template(read, own["image"], TEXT, expected))


def _open_inference(read: Reader, node: Node) -> Verify:
    own = read.mapping(node, (Method.OPEN_INFERENCE.value, *WHERE))
    expected = 'the name of the model on the server, such as "{model}"'
    model = _template(read, own[Method.OPEN_INFERENCE.value], TEXT, expected)
    port, https = _port(read, own), _https(read, own)
    return Verify(method=Method.OPEN_INFERENCE, named=True, model=model, port=port, https=https)


def _port(read: Reader, own: Mapping[str, Node]) -> str:
    expected, node = "a port such as 8443, or its name in the pod", own.get("port")
    port = read.text(node, PORT, expected) or ""
    if port.isdecimal() and not 0 < int(port) <= MOST:
        read.mistake(node, f"expected {expected}, found {what(node)}")
    return port


def _https(read: Reader, own: Mapping[str, Node]) -> bool:
    return "scheme" in own and read.choice(own["scheme"], Scheme) is Scheme.HTTPS


FORMS: Final[Mapping[str, Callable[[Reader, Node], Verify]]] = {
    "path": _field,
    "image": _image,
    Method.OPEN_INFERENCE.value: _open_inference,
}
"""The methods with settings, by the key that tells them apart."""


def _template(read: Reader, node: Node | None, form: re.Pattern[str], expected: str) -> str:
    text = read.text(node, form, expected) or ""
    for placeholder in unknown(text):
        read.mistake(
            node,
            f"there is no placeholder `{{{placeholder}}}`; expected {{model}}, {{stage}}, {{version}}, {{run_id}}, "
            "{digest} or {tag.NAME}",
        )
    return text
