"""The two files that the package ships, and the proof that they say what PyTorch says.

Owns their format: the graph with weights kept as float16, the heads as plain arrays. It must not train.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from klustr_bridge.sound.aspects import LEARNED_SIZE
from klustr_bridge.sound.ear_input import N_FRAMES
from klustr_bridge.sound.mel import N_BANDS
from klustr_bridge.types import Float32Array
from training.heads import Arrays
from training.network import CHANNELS, LENGTH_SCALE, Weights
from training.sounds import TrainingError

EAR: Final = "ear.onnx"
HEADS: Final = "ear_heads.npz"
TOLERANCE: Final = 1e-4
"""Largest difference between ONNX Runtime and PyTorch in any of the 64 numbers."""
MOST_BYTES: Final = 1_000_000
"""Of both files together."""

_OPSET = 17
_IR_VERSION = 8  # what goes with the opset; newer ones need newer runtimes


def ear_graph(weights: Weights) -> onnx.ModelProto:
    """Write the network as ONNX.

    Parameters
    ----------
    weights : dict of str to ndarray of float32
        From `training.network.folded`.

    Returns
    -------
    onnx.ModelProto
        Inputs ``levels`` float32 (n, 1, N_FRAMES, N_BANDS) and ``log_length`` float32 (n, 1), output
        ``embedding`` float32 (n, LEARNED_SIZE), of unit length.
    """
    nodes: list[Any] = []
    stored = []
    for name, value in weights.items():
        stored.append(numpy_helper.from_array(value.astype(np.float16), f"{name}_16"))
        nodes.append(helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
    stored.append(numpy_helper.from_array(np.array(LENGTH_SCALE, np.float32), "length_scale"))
    stored.append(numpy_helper.from_array(np.array(1e-12, np.float32), "least"))
    x = _convolved(nodes, "levels", "stem", kernel=5, stride=2)
    for at, n in enumerate(CHANNELS[:-1]):
        x = _convolved(nodes, x, f"depth{at}", kernel=3, stride=2, group=n)
        x = _convolved(nodes, x, f"point{at}", kernel=1, stride=1)
    pooled = [("ReduceMean", 2, "by_band"), ("ReduceMax", 2, "peak_by_band"), ("ReduceMean", 3, "by_time")]
    for operation, axis, name in pooled:
        nodes.append(helper.make_node(operation, [x], [f"{name}_2d"], axes=[axis], keepdims=0))
        nodes.append(helper.make_node("Flatten", [f"{name}_2d"], [name], axis=1))
    nodes += [
        helper.make_node("Mul", ["log_length", "length_scale"], ["length"]),
        helper.make_node("Concat", [name for _, _, name in pooled] + ["length"], ["pooled"], axis=1),
        helper.make_node("Gemm", ["pooled", "hidden_w", "hidden_b"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["hidden_out"]),
        helper.make_node("Gemm", ["hidden_out", "out_w", "out_b"], ["point"], transB=1),
        helper.make_node("ReduceL2", ["point"], ["radius"], axes=[1], keepdims=1),
        helper.make_node("Max", ["radius", "least"], ["safe_radius"]),
        helper.make_node("Div", ["point", "safe_radius"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "ear",
        [
            helper.make_tensor_value_info("levels", TensorProto.FLOAT, ["n", 1, N_FRAMES, N_BANDS]),
            helper.make_tensor_value_info("log_length", TensorProto.FLOAT, ["n", 1]),
        ],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", LEARNED_SIZE])],
        stored,
    )
    model = helper.make_model(
        graph, producer_name="klustr-bridge training", opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model)
    return model


def write(weights: Weights, heads: Arrays, folder: Path) -> list[str]:
    """Write ``ear.onnx`` and ``ear_heads.npz``.

    Returns
    -------
    list of str
        A line on each file: name, size and SHA-256.

    Raises
    ------
    TrainingError
        Where they are larger than they may be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / EAR).write_bytes(ear_graph(weights).SerializeToString(deterministic=True))
    np.savez_compressed(folder / HEADS, **heads)  # type: ignore[arg-type]
    sizes = {name: (folder / name).stat().st_size for name in (EAR, HEADS)}
    if sum(sizes.values()) > MOST_BYTES:
        raise TrainingError(
            f"{EAR} and {HEADS} take {sum(sizes.values())} bytes, allowed are {MOST_BYTES}; "
            "keep fewer landmarks (training/heads.py)"
        )
    return [
        f"{name}: {size} bytes, sha256 {hashlib.sha256((folder / name).read_bytes()).hexdigest()}"
        for name, size in sizes.items()
    ]


def heard_by_file(path: Path, levels: Float32Array, log_length: Float32Array) -> Float32Array:
    """Hear sounds with the file itself, as the package does.

    Parameters
    ----------
    path : Path
        Of ``ear.onnx``.
    levels : ndarray of float32, shape (n, N_FRAMES, N_BANDS)
    log_length : ndarray of float32, shape (n,)

    Returns
    -------
    ndarray of float32, shape (n, LEARNED_SIZE)
    """
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shown = {"levels": levels[:, None], "log_length": log_length[:, None]}
    found: Float32Array = session.run(["embedding"], shown)[0]
    return found


def _convolved(nodes: list[Any], x: str, name: str, *, kernel: int, stride: int, group: int = 1) -> str:
    nodes.append(
        helper.make_node(
            "Conv",
            [x, f"{name}_w", f"{name}_b"],
            [f"{name}_sum"],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=group,
        )
    )
    nodes.append(helper.make_node("Relu", [f"{name}_sum"], [f"{name}_out"]))
    return f"{name}_out"
