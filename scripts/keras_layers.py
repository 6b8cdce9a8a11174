"""Writes test/fixtures/keras/layers.json: outputs and gradients of layers that only Keras has, in float64.

    pip install keras jax && KERAS_BACKEND=jax JAX_ENABLE_X64=1 python scripts/keras_layers.py

Case i draws x (two samples), then each parameter, then dy from numpy.random.RandomState(i), as scripts/torch_layers.py does.
"""

import json
import pathlib

import jax
import keras
import numpy as np

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
cases = []


def case(type, layer, input, names, draw=None, **config):
    cases.append((type, layer, input, names, draw, config))


def tanh(x):
    """XLA's own is right to 1e-7 only, in float64 too."""
    return 2 * keras.ops.sigmoid(2 * x) - 1


def conv_lstm(n, input, filters, size, **config):
    theirs = {"returnSequences": "return_sequences", "goBackwards": "go_backwards", "dilation": "dilation_rate", "useBias": "use_bias"}
    layer = getattr(keras.layers, f"ConvLSTM{n}D")(filters, size, activation=tanh, **{theirs.get(key, key): value for key, value in config.items()})
    names = ["W", "U", "b"] if config.get("useBias", True) else ["W", "U"]
    case(f"convLstm{n}d", layer, input, names, filters=filters, kernelSize=size, **config)


conv_lstm(1, [3, 5, 2], 2, 3)
conv_lstm(1, [3, 6, 2], 1, 2, padding="same", dilation=2, goBackwards=True, returnSequences=True)
conv_lstm(2, [3, 3, 4, 1], 2, [2, 3], strides=2, padding="same", returnSequences=True)
conv_lstm(2, [2, 4, 3, 2], 1, 2, useBias=False)
conv_lstm(3, [2, 2, 3, 2, 1], 1, [1, 2, 2])


def einsum(equation, output, input, **config):
    theirs = {"biasAxes": "bias_axes"}
    layer = keras.layers.EinsumDense(equation, output_shape=output, **{theirs.get(key, key): value for key, value in config.items()})
    names = ["W", "b"] if "biasAxes" in config else ["W"]
    case("einsumDense", layer, input, names, equation=equation, outputShape=output, **config)


einsum("abc,cd->abd", [None, 3], [2, 4], biasAxes="d", activation="sigmoid")
einsum("ab,bcd->acd", [2, 3], [4], biasAxes="c")
einsum("abcd,bde->aceb", [3, 2, 2], [2, 3, 4], biasAxes="be")
whole = lambda random, shape: random.randint(0, 4, shape).astype(float)
for mode in ["multi_hot", "count", "one_hot"]:
    ours = {"multi_hot": "multiHot", "count": "count", "one_hot": "oneHot"}[mode]
    case("categoryEncoding", keras.layers.CategoryEncoding(4, output_mode=mode), [3], [], whole, numTokens=4, outputMode=ours)
case("discretization", keras.layers.Discretization([-1.0, 0.0, 0.5]), [6], [], binBoundaries=[-1, 0, 0.5])


def solve(index, type, layer, input, names, draw, config):
    random = np.random.RandomState(index)
    x = np.array(draw(random, [2, *input]) if draw else random.randn(2, *input))
    layer.build((2, *input))
    shapes = [list(v.shape) for v in layer.trainable_variables]
    weights = [0.5 * random.randn(*shape) for shape in shapes]
    still = [v.value for v in layer.non_trainable_variables]
    if type in ("categoryEncoding", "discretization"):
        y = np.asarray(layer(x), dtype=float)
        random.randn(*y.shape)
        about = {"type": type, "config": config, "input": input, "params": {}, "output": list(y.shape[1:])}
        more = {"whole": 4} if draw else {}
        return {**about, **more, "y": y.reshape(-1).tolist(), "dx": [0.0] * x.size, "gradients": {}}
    y, back = jax.vjp(lambda x, w: layer.stateless_call(w, still, x)[0], x, weights)
    dx, dw = back(np.array(random.randn(*y.shape)))
    flat = lambda v: np.asarray(v).reshape(-1).tolist()
    params = dict(zip(names, shapes, strict=True))
    about = {"type": type, "config": config, "input": input, "params": params, "output": list(y.shape[1:])}
    return {**about, "y": flat(y), "dx": flat(dx), "gradients": dict(zip(names, map(flat, dw)))}


results = [solve(i, *c) for i, c in enumerate(cases)]
path = pathlib.Path(__file__).parent.parent / "test/fixtures/keras/layers.json"
lines = ",\n".join(json.dumps(result, separators=(",", ":")) for result in results)
path.write_text(f'{{"keras":"{keras.__version__}","cases":[\n{lines}\n]}}\n')
print(path, len(results), "cases", path.stat().st_size, "bytes")
