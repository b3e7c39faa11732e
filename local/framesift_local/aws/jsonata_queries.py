"""JSONata as Step Functions has it: bindings in, plain JSON out.

moto writes every variable into the expression's text (and breaks strings that hold quotes); here they are
bound as values, so that nothing is parsed twice and no string can become code.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils

_HASHES = {"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"}


class QueryEvaluationError(ValueError):
    """The expression failed or gave nothing: States.QueryEvaluationError."""


def _partition(values: list[Any], size: int) -> list[list[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _range(first: int, last: int, step: int) -> list[int]:
    return list(range(first, last + (1 if step > 0 else -1), step))


def _hash(value: str, algorithm: str) -> str:
    if algorithm not in _HASHES:
        raise QueryEvaluationError(f"$hash has no algorithm {algorithm}: use one of {_HASHES}")
    return hashlib.new(algorithm.replace("-", ""), value.encode()).hexdigest()


def _random(seed: int | None = None) -> float:
    return random.Random(seed).random()


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": lambda: str(uuid.uuid4()),
    "parse": json.loads,
}
"""What Step Functions adds to JSONata (developer guide, "Transforming data with JSONata")."""


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """Evaluate an expression.

    Args:
        expression: Without the `{% %}` around it.
        variables: Values by name, without the `$`: `states`, and what Assign set.

    Returns:
        JSON. Null is None.

    Raises:
        QueryEvaluationError: It does not parse, fails, or gives nothing at all.
    """
    try:
        compiled = Jsonata(expression)
        compiled.set_output_convert_nulls(False)
        functions = {name: Jsonata.JLambda(function) for name, function in _FUNCTIONS.items()}
        # To the library a variable that is None is undefined; to Step Functions it is null.
        bound = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
        result = compiled.evaluate(None, {**functions, **bound})
        # Sequences are lists of a class of their own, and may be parts of the variables: copy to plain JSON.
        plain = json.loads(json.dumps(Utils.convert_nulls(result)))
    except Exception as error:
        raise QueryEvaluationError(f"The JSONata expression '{expression}': {error}") from error
    if result is None:
        raise QueryEvaluationError(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return plain
