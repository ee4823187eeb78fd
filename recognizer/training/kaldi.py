"""Writer and reader of Kaldi's binary `final.mdl`: a transition model and a network of plain components.

Layout: hmm/transition-model.cc, hmm/hmm-topology.cc, nnet3/am-nnet-simple.cc, nnet3/nnet-simple-component.cc,
matrix/kaldi-matrix.cc. Must not know: torch, words, what the network was trained on.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recognizer.training.layers import Layer

_HALF: Final = math.log(0.5)


def write_acoustic_model(path: Path, layers: Sequence[Layer], *, phones: int) -> None:
    """Write `layers` for a number of `phones`; phone n has the outputs 2n (enter) and 2n+1 (stay).

    The first phone is silence; the others have four variants by position in the word, which share outputs.
    """
    first = layers[0]
    nodes = [f"input-node name=input dim={first.weights.shape[1] // len(first.offsets)}"]
    context = sum(max(layer.offsets) for layer in layers)
    components = []
    before = "input"
    for number, layer in enumerate(layers):
        spliced = ", ".join(f"Offset({before}, {offset})" if offset else before for offset in layer.offsets)
        descriptor = f"Append({spliced})" if len(layer.offsets) > 1 else spliced
        nodes.append(f"component-node name=a{number} component=a{number} input={descriptor}")
        components.append((f"a{number}", _affine(layer)))
        before = f"a{number}"
        if layer.rectified:
            nodes.append(f"component-node name=r{number} component=r{number} input={before}")
            components.append((f"r{number}", _rectifier(len(layer.bias))))
            before = f"r{number}"
    nodes.append(f"output-node name=output input={before} objective=linear")
    path.write_bytes(
        b"".join(
            [
                b"\0B",
                _transition_model(phones),
                b"<Nnet3> \n" + "\n".join(nodes).encode() + b"\n\n",
                b"<NumComponents> " + _int(len(components)),
                *(b"<ComponentName> " + name.encode() + b" " + component for name, component in components),
                b"</Nnet3> <LeftContext> " + _int(context) + b"<RightContext> " + _int(context),
                b"<Priors> " + _vector([]),
            ]
        )
    )


def read_layers(path: Path) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield weights (out, in) and bias of each affine layer of a file written by `write_acoustic_model`."""
    data = path.read_bytes()
    place = 0
    while (place := data.find(b"<LinearParams> FM ", place)) >= 0:
        place += len(b"<LinearParams> FM ")
        rows, columns = (struct.unpack_from("<i", data, place + skip)[0] for skip in (1, 6))
        weights = np.frombuffer(data, "<f4", rows * columns, place + 10).reshape(rows, columns)
        place += 10 + weights.nbytes + len(b"<BiasParams> FV ") + 5
        bias = np.frombuffer(data, "<f4", rows, place)
        yield weights.astype(np.float64), bias.astype(np.float64)


def _transition_model(phones: int) -> bytes:
    numbers = range(1, 2 + 4 * (phones - 1))
    topology = [
        *(_integers(numbers), _integers([-1] + [0] * len(numbers))),
        *(_int(-1), _int(1), _int(2)),
        *(_int(0), _int(1), _int(2), _int(0), _float(0.5), _int(1), _float(0.5)),
        *(_int(-1), _int(-1), _int(0)),
    ]
    tuples = []
    for number in numbers:
        phone = 0 if number == 1 else 1 + (number - 2) // 4
        tuples += [_int(number), _int(0), _int(2 * phone), _int(2 * phone + 1)]
    return b"".join(
        [
            *(b"<TransitionModel> <Topology> ", *topology, b"</Topology> "),
            *(b"<Tuples> ", _int(len(numbers)), *tuples, b"</Tuples> "),
            *(b"<LogProbs> ", _vector([0.0, *[_HALF] * (2 * len(numbers))]), b"</LogProbs> </TransitionModel> "),
        ]
    )


def _affine(layer: Layer) -> bytes:
    rows, columns = layer.weights.shape
    matrix = b"FM " + _int(rows) + _int(columns) + layer.weights.astype("<f4").tobytes()
    return (
        b"<FixedAffineComponent> <LinearParams> "
        + matrix
        + b"<BiasParams> "
        + _vector(layer.bias)
        + (b"</FixedAffineComponent> ")
    )


def _rectifier(width: int) -> bytes:
    nothing, zero = _vector([]), b"\x08" + struct.pack("<d", 0.0)
    return b"".join(
        [
            *(b"<RectifiedLinearComponent> <Dim> ", _int(width)),
            *(b"<ValueAvg> ", nothing, b"<DerivAvg> ", nothing, b"<Count> ", zero),
            *(b"<OderivRms> ", nothing, b"<OderivCount> ", zero),
            *(b"<NumDimsSelfRepaired> ", zero, b"<NumDimsProcessed> ", zero),
            b"</RectifiedLinearComponent> ",
        ]
    )


def _int(value: int) -> bytes:
    return b"\x04" + struct.pack("<i", value)


def _float(value: float) -> bytes:
    return b"\x04" + struct.pack("<f", value)


def _vector(values: ArrayLike) -> bytes:
    array = np.asarray(values, "<f4")
    return b"FV " + _int(len(array)) + array.tobytes()


def _integers(values: Sequence[int]) -> bytes:
    return b"\x04" + struct.pack("<i", len(values)) + np.asarray(values, "<i4").tobytes()
