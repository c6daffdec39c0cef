"""Files that skops opens, in which every node that can name a type names one that must not be built.

Not itself a test.
"""

import json
from functools import cache
from typing import Any, Final

from tests.model_server.canaries import VARIABLE, code, skops

Node = dict[str, Any]
Named = tuple[str, str]
"""A module, and a name in it."""


def node(loader: str, of: Named, **more: Any) -> Node:
    return {"__loader__": loader, "__module__": of[0], "__class__": of[1], **more}


def said(value: str) -> Node:
    return node("JsonNode", ("builtins", "str"), content=json.dumps(value))


def row(*nodes: Node) -> Node:
    return node("TupleNode", ("builtins", "tuple"), content=list(nodes))


def listed(*nodes: Node) -> Node:
    return node("ListNode", ("builtins", "list"), content=list(nodes))


def table(content: dict[str, Node] | None = None) -> Node:
    keys = [node("TypeNode", ("builtins", "str")) for _ in content or {}]
    return node("DictNode", ("builtins", "dict"), content=content or {}, key_types=listed(*keys))


CALL: Final = code("skops")
ARRAY: Final = node("NdArrayNode", ("numpy", "ndarray"), type="numpy", file="canary.npy")
PICKLE: Final = node("BytesNode", ("builtins", "bytes"), file="canary.pkl")
TARGETS: Final[dict[Named, tuple[str, Node]]] = {
    ("builtins", "exec"): (CALL, said(CALL)),
    ("builtins", "eval"): (CALL, said(CALL)),
    ("os", "system"): (f"echo skops >> ${VARIABLE}", said(f"echo skops >> ${VARIABLE}")),
    ("pickle", "loads"): (CALL, PICKLE),
}
"""What must not be called, and what it would be called with: as a key, and as a value."""
DISGUISES: Final[tuple[Named, ...]] = (
    ("builtins", "str"),
    ("builtins", "list"),
    ("sklearn.tree._tree", "Tree"),
    ("functools", "partial"),
)
FUNCTION_TRANSFORMER: Final = ("sklearn.preprocessing._function_transformer", "FunctionTransformer")


def nodes(target: Named, disguise: Named) -> dict[str, Node]:
    """Return a node for each way in which skops could be led to call the target while it loads."""
    word, argument = TARGETS[target]
    function, many = node("FunctionNode", target), row(argument)
    calling = {"func": function, "args": many, "kwds": table(), "namespace": table()}
    partial = node("PartialNode", disguise, content=calling)
    path = {"module_path": target[0], "function": target[1]}
    key = node("DictNode", ("builtins", "dict"), content={word: said("x")})
    loss = {"content": table(), "__reduce__": {"args": many}}
    state = {"bit_generator": table({"bit_generator": said("seed")}), "seed_seq": table()}
    return {
        "a constructor": node("ConstructorFromReduceNode", target, content=many),
        "a loss": node("LossNode", target, **loss),
        "a loss in disguise": node(
            "LossNode", disguise, content=table(), __reduce__={"args": many}, constructor=target
        ),
        "a tree": node("TreeNode", target, **loss),
        "a list": node("ListNode", target, content=[argument]),
        "a set": node("SetNode", target, content=[argument]),
        "a tuple": node("TupleNode", target, content=[argument]),
        "a function": node("FunctionNode", target, content=path),
        "a function of old": node("FunctionNode", disguise, content=path),
        "a partial": partial,
        "a key": key | {"key_types": listed(function)},
        "a key of a partial": node(
            "DictNode", ("builtins", "dict"), content={word: said("x")}, key_types=listed(partial)
        ),
        "a default": node("DefaultDictNode", disguise, content={"main": table(), "default_factory": partial}),
        "a method": node("MethodNode", disguise, content={"func": "__class__", "obj": node("TypeNode", disguise)}),
        "an operator": node("OperatorFuncNode", ("operator", "methodcaller"), attrs=row(said("__class__"))),
        "a random state": node("RandomStateNode", target, content=table()),
        "a generator": node("RandomGeneratorNode", ("numpy.random", "Generator"), content=state),
        "an array": ARRAY,
        "an array of another type": ARRAY | {"__module__": target[0], "__class__": target[1]},
        "a sparse matrix": node("SparseMatrixNode", ("scipy.sparse", "csr_matrix"), type="scipy", file="canary.npy"),
        "an estimator": node("ObjectNode", FUNCTION_TRANSFORMER, content=table({"func": function, "predict": partial})),
        "an object": node("ObjectNode", target, content=table({"a": partial})),
        "bytes": node("BytesNode", target, file="canary.pkl"),
        "a type": node("DTypeNode", target, content=ARRAY),
        "one that is cached": node("CachedNode", target, __id__=1),
    }


@cache
def files() -> dict[str, bytes]:
    """Return a file for each of them and every target, in one of skops' protocols."""
    found: dict[str, bytes] = {}
    for target, disguise in zip(TARGETS, DISGUISES, strict=True):
        for name, top in nodes(target, disguise).items():
            protocol = len(found) % 3
            found[f"skops: {name} of {'.'.join(target)}, protocol {protocol}"] = skops(top, protocol)
    return found
