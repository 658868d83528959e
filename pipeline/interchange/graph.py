"""A computation as ONNX has it: nodes that are called by what they compute, constants, and values that go in and out.

``Graph`` collects them in the order of the work, and needs no onnx for it; ``to_proto`` makes of them what onnx
defines, checked by its own checker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from onnx import ModelProto

Array = NDArray[Any]

OPSET, IR_VERSION = 17, 8
"""The versions of the operators and of the file: from 2022, so that what serves models knows them."""

MAX_BYTES = 2**31 - 2**20
"""How much the constants may take; a message of protobuf, which the file is, has less than two gibibytes."""


class ExportError(ValueError):
    """A model is nothing that a file of ONNX can hold; the message says what it is, and what can be held."""


class Value(NamedTuple):
    """What goes in or comes out.

    Attributes
    ----------
    name : str
        What it is called.
    dtype : dtype
        Its type; of text, ``str``.
    shape : tuple of int or str
        Its axes; a word stands for any length.
    help : str
        A sentence for a person.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]
    help: str


class Node(NamedTuple):
    """An operation.

    Attributes
    ----------
    kind : str
        Its name in the operators' list of ONNX.
    inputs : tuple of str
        The values that it takes, by name.
    output : str
        The value that it gives, which is the node's name as well.
    attributes : dict
        Its settings.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


@dataclass
class Graph:
    """Nodes one after the other, and the constants that they take.

    Examples
    --------
    >>> graph = Graph()
    >>> graph.add("Mul", "X", graph.constant("two", np.float32(2)), name="doubled")
    'doubled'
    >>> graph.nodes[0].inputs
    ('X', 'two')
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)

    def constant(self, name: str, value: Any, dtype: DTypeLike | None = None) -> str:
        """Put in an array or a number, and return its name."""
        self.constants[name] = np.asarray(value, dtype)
        return name

    def add(self, kind: str, *inputs: str, name: str, **attributes: Any) -> str:
        """Put in an operation, and return the name of what it gives."""
        self.nodes.append(Node(kind, inputs, name, attributes))
        return name

    def to_proto(
        self, inputs: list[Value], outputs: list[Value], *, name: str, version: str, metadata: Mapping[str, str]
    ) -> "ModelProto":
        """Return the graph as onnx has it, checked with the types and shapes that onnx infers.

        Parameters
        ----------
        inputs, outputs : list of Value
            What goes in and comes out.
        name : str
            What the graph is called.
        version : str
            Of the program that has made it.
        metadata : dict of str
            What else there is to know, in words.

        Raises
        ------
        ExportError
            Where the constants are too large for a file.
        """
        import onnx  # noqa: PLC0415 - onnx is an extra
        from onnx import helper  # noqa: PLC0415 - the same

        n_bytes = sum(value.nbytes for value in self.constants.values())
        if n_bytes > MAX_BYTES:
            raise ExportError(f"the weights take {n_bytes:,} bytes; a file of ONNX holds at most {MAX_BYTES:,}")
        graph = helper.make_graph(
            [_node(one) for one in self.nodes],
            name,
            [_value_info(one) for one in inputs],
            [_value_info(one) for one in outputs],
            [onnx.numpy_helper.from_array(_plain(value), called) for called, value in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="digits-pipeline",
            producer_version=version,
        )
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model


def _node(node: Node) -> Any:
    """Return an operation as onnx has it."""
    from onnx import helper  # noqa: PLC0415 - onnx is an extra

    attributes = {
        name: helper.np_dtype_to_tensor_dtype(value) if isinstance(value, np.dtype) else value
        for name, value in node.attributes.items()
    }
    return helper.make_node(node.kind, list(node.inputs), [node.output], name=node.output, **attributes)


def _value_info(value: Value) -> Any:
    """Return what goes in or out as onnx has it."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - onnx is an extra

    is_text = value.dtype.kind in "UO"
    kind = TensorProto.STRING if is_text else helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(value.name, kind, list(value.shape), doc_string=value.help)


def _plain(value: Array) -> Array:
    """Return an array in a form that onnx writes: text as objects, numbers in one piece."""
    return value.astype(object) if value.dtype.kind == "U" else np.ascontiguousarray(value).reshape(value.shape)
