"""Files that say so when anything runs them: pickles of every kind, Python modules, and what only looks like skops.

Not itself a test.  A canary that runs appends its name to the file that the variable CANARIES names.
"""

import io
import json
import pickle
import zipfile
from functools import cache
from typing import Any, Final

import numpy as np
from typing_extensions import override

VARIABLE: Final = "CANARIES"
MODULE: Final = "canary_loader"
"""A module that a model could name as its loader."""


def code(name: str) -> str:
    """Return an expression that says that it ran."""
    return f"open(__import__('os').environ[{VARIABLE!r}], 'a').write({name + chr(10)!r})"


class Canary:
    """Whose pickle is a call."""

    def __init__(self, name: str) -> None:
        self._name = name

    @override
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, (code(self._name),)


def module(name: str) -> bytes:
    """Return a module that is also a loader of MLflow's kind."""
    return f"{code(name)}\n\ndef _load_pyfunc(path, *more):\n    {code(name + ' as a loader')}\n".encode()


def _array() -> bytes:
    written = io.BytesIO()
    np.save(written, np.array([Canary("npy")], dtype=object), allow_pickle=True)
    return written.getvalue()


@cache
def kinds() -> dict[str, bytes]:
    """Return a canary of each kind that needs no library."""
    pickles = {f"pickle {protocol}": pickle.dumps(Canary("pickle"), protocol) for protocol in (0, 2, 5)}
    return pickles | {"npy": _array(), "module": module("module")}


LIBRARIES: Final = f"""
import cloudpickle, joblib
from pathlib import Path

class Canary:
    def __init__(self, call):
        self.call = call
    def __reduce__(self):
        return self.call, ()

def say():
    {code("cloudpickle")}

class Said:
    def __reduce__(self):
        return eval, ({code("joblib")!r},)

Path("cloudpickle").write_bytes(cloudpickle.dumps(Canary(say)))
joblib.dump({{"model": Said()}}, "joblib")
joblib.dump({{"model": Said()}}, "joblib, compressed", compress=3)
"""
"""A script that writes those that need one: the function of the first comes with its pickle."""
KINDS: Final = (*sorted(kinds()), "cloudpickle", "joblib", "joblib, compressed")


def skops(node: dict[str, Any], protocol: int = 2) -> bytes:
    """Return what skops takes for a file of its own, with this at the top and a pickled array to point at."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr("canary.npy", _array())
        file.writestr("canary.pkl", kinds()["pickle 5"])
        file.writestr("schema.json", json.dumps(node | {"protocol": protocol, "_skops_version": "0.16.0"}))
    return written.getvalue()
