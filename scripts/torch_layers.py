"""Writes test/fixtures/torch/layers.json: outputs and gradients of layers by PyTorch in float64.

    /usr/bin/python3 scripts/torch_layers.py        (Debian's python3-torch)

Case i draws x (two samples), then each parameter, then dy from numpy.random.RandomState(i), so only results are stored.
Arrays are laid out as in the library: channels last, windows [..., channels, filters], gates as in Keras.
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
conv_transpose = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
max_pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
avg_pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
adaptive_avg = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
adaptive_max = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
first = lambda x: x.movedim(-1, 1)
last = lambda y: y.movedim(1, -1)
cases = []


def case(type, input, params, function, whole=None, **config):
    cases.append((type, config, input, params, function, whole))


def each(value, n):
    return list(value) if isinstance(value, (list, tuple)) else [value] * n


def around(x, n, size, strides, dilation, padding, fill=0.0):
    """Keras's padding, put around x [batch, channels, ...] beforehand."""
    ends = []
    for m, k, s, d in zip(x.shape[2:], size, strides, dilation):
        reach = (k - 1) * d + 1
        total = max((-(-m // s) - 1) * s + reach - m, 0) if padding == "same" else 0
        ends.append((reach - 1, 0) if padding == "causal" else (total // 2, total - total // 2))
    return F.pad(x, [e for pair in reversed(ends) for e in pair], value=fill)


act = {"linear": lambda z: z, "relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


def convolution(n, input, filters, kernelSize, **config):
    size, groups = each(kernelSize, n), config.get("groups", 1)
    strides, dilation = each(config.get("strides", 1), n), each(config.get("dilation", 1), n)
    params = {"W": [*size, input[-1] // groups, filters]}
    if config.get("useBias", True):
        params["b"] = [filters]

    def run(x, W, b=None):
        x = around(first(x), n, size, strides, dilation, config.get("padding", "valid"))
        W = W.permute(n + 1, n, *range(n))
        return act[config.get("activation", "linear")](last(conv[n](x, W, b, strides, 0, dilation, groups)))

    case(f"conv{n}d", input, params, run, filters=filters, kernelSize=kernelSize, **config)


def transposed(n, input, filters, kernelSize, **config):
    """PyTorch's without padding, then cut to Keras's size."""
    size = each(kernelSize, n)
    strides, dilation = each(config.get("strides", 1), n), each(config.get("dilation", 1), n)
    more = each(config["outputPadding"], n) if "outputPadding" in config else [None] * n
    params = {"W": [*size, filters, input[-1]], "b": [filters]}

    def run(x, W, b):
        W = W.permute(n + 1, n, *range(n))
        y = conv_transpose[n](first(x), W, None, strides, 0, 0, 1, dilation)
        for axis, (m, k, s, d, p) in enumerate(zip(x.shape[1:-1], size, strides, dilation, more), 2):
            reach = (k - 1) * d + 1
            if config.get("padding") == "same":
                left = s + reach - 2 if p is None else reach + reach % 2 - 2 + p
                before = reach - 1 - min(left // 2 + left % 2, reach - 1)
                out = m * s if p is None else (m - 1) * s + reach % 2 + p
            else:
                before, out = 0, (m - 1) * s + reach + (max(reach, s) - reach if p is None else p)
            extra = max(before + out - y.shape[axis], 0)
            y = F.pad(y, [0, 0] * (y.dim() - 1 - axis) + [0, extra]).narrow(axis, before, out)
        return act[config.get("activation", "linear")](last(y) + b)

    case(f"conv{n}dTranspose", input, params, run, filters=filters, kernelSize=kernelSize, **config)


def depthwise(n, input, kernelSize, filters=None, **config):
    size, multiplier = each(kernelSize, n), config.get("depthMultiplier", 1)
    strides, dilation = each(config.get("strides", 1), n), each(config.get("dilation", 1), n)
    params = {"D": [*size, input[-1], multiplier]}
    wide = input[-1] * multiplier
    if filters:
        params["W"] = [*[1] * n, wide, filters]
    params["b"] = [filters or wide]

    def run(x, D, b, W=None):
        x = around(first(x), n, size, strides, dilation, config.get("padding", "valid"))
        D = D.reshape(*size, wide).movedim(-1, 0).unsqueeze(1)
        m = last(conv[n](x, D, None, strides, 0, dilation, input[-1]))
        return act[config.get("activation", "linear")]((m if W is None else m @ W.reshape(wide, filters)) + b)

    if filters:
        config["filters"] = filters
    case(f"{'separable' if filters else 'depthwise'}Conv{n}d", input, params, run, kernelSize=kernelSize, **config)


def pooling(n, input, **config):
    size = each(config.get("poolSize", 2), n)
    strides = each(config.get("strides", size), n)

    def largest(x):
        x = around(first(x), n, size, strides, [1] * n, config.get("padding", "valid"), -np.inf)
        return last(max_pool[n](x, size, strides))

    def mean(x):
        ends = [size, strides, [1] * n, config.get("padding", "valid")]
        ones = around(torch.ones_like(first(x)), n, *ends)
        return last(avg_pool[n](around(first(x), n, *ends), size, strides) / avg_pool[n](ones, size, strides))

    case(f"maxPooling{n}d", input, {}, largest, **config)
    case(f"averagePooling{n}d", input, {}, mean, **config)


def recurrent(type, input, units, run, **config):
    gates = {"simpleRnn": 1, "lstm": 4, "gru": 3}[type]
    after = type == "gru" and config.get("resetAfter", True)
    params = {"W": [input[1], gates * units], "U": [units, gates * units]}
    params["b"] = [2, gates * units] if after else [gates * units]
    case(type, input, params, run, units=units, **config)


def torch_rnn(net, units, order, config):
    """Our weights [inputs, gates·units] in PyTorch's order of gates, then PyTorch's own loop."""

    def run(x, W, U, b):
        split = lambda v: torch.cat([v.narrow(-1, g * units, units) for g in order], -1)
        b, inner = b if b.dim() == 2 else (b, torch.zeros_like(b))
        h = torch.zeros(1, x.shape[0], units)
        weights = [split(W).T, split(U).T, split(b), split(inner)]
        x = x.flip(1) if config.get("goBackwards") else x
        y = net(x, (h, h) if net is torch.lstm else h, weights, True, 1, 0.0, True, False, True)[0]
        return y if config.get("returnSequences") else y[:, -1]

    return run


def gru_before(x, W, U, b):
    """Resets before the product, as in Cho et al.; PyTorch has no such layer."""
    units = U.shape[0]
    h = torch.zeros(x.shape[0], units)
    for t in range(x.shape[1]):
        xz = x[:, t] @ W + b
        gates = torch.sigmoid(xz[:, : 2 * units] + h @ U[:, : 2 * units])
        u, r = gates[:, :units], gates[:, units:]
        h = u * h + (1 - u) * torch.tanh(xz[:, 2 * units :] + (r * h) @ U[:, 2 * units :])
    return h


convolution(2, [5, 6, 2], 3, 3)
convolution(2, [5, 4, 2], 3, 3, padding="same", activation="relu")
convolution(2, [6, 5, 2], 2, [2, 3], padding="same", strides=2)
convolution(2, [6, 5, 4], 4, 3, groups=2, dilation=2, padding="same")
convolution(2, [3, 4, 6], 3, 2, groups=3, useBias=False)
convolution(1, [7, 3], 2, 3, strides=2)
convolution(1, [6, 2], 3, 3, padding="causal", dilation=2, activation="tanh")
convolution(1, [6, 4], 4, 2, padding="same", groups=4)
convolution(3, [3, 4, 3, 2], 2, 2)
convolution(3, [3, 4, 4, 1], 2, [3, 2, 3], padding="same", strides=[1, 2, 2])
transposed(1, [4, 3], 2, 3, strides=2)
transposed(1, [3, 2], 2, 2, strides=3, padding="same")
transposed(2, [3, 4, 2], 3, 3, strides=2, padding="same", activation="sigmoid")
transposed(2, [3, 3, 2], 2, [4, 3], strides=[2, 1], padding="same")
transposed(2, [3, 2, 2], 2, 3, strides=2, outputPadding=1)
transposed(2, [3, 3, 2], 1, 3, strides=3, padding="same", outputPadding=2)
transposed(2, [3, 2, 1], 2, 3, dilation=2, padding="same")
transposed(3, [2, 2, 3, 2], 2, 2, strides=[2, 1, 2])
depthwise(1, [5, 3], 3, padding="causal")
depthwise(2, [5, 4, 2], 3, padding="same", strides=2, depthMultiplier=2)
depthwise(2, [5, 5, 3], [2, 3], dilation=2, activation="tanh")
depthwise(1, [5, 3], 3, filters=4)
depthwise(2, [4, 5, 2], 3, filters=3, depthMultiplier=2, padding="same", activation="relu")
pooling(1, [7, 2], poolSize=3, strides=2, padding="same")
pooling(2, [5, 6, 2])
pooling(2, [7, 5, 2], poolSize=[3, 2], strides=[2, 1], padding="same")
pooling(3, [3, 4, 5, 1], poolSize=2, padding="same")
for n, input in [(1, [5, 2]), (2, [3, 4, 2]), (3, [2, 3, 2, 2])]:
    axes = list(range(1, n + 1))
    case(f"globalAveragePooling{n}d", input, {}, lambda x, a=axes: x.mean(a))
    case(f"globalMaxPooling{n}d", input, {}, lambda x, a=axes: x.amax(a), keepdims=False)
for n, input, out in [(1, [7, 2], 3), (2, [5, 6, 2], [3, 2]), (3, [3, 4, 2, 2], [2, 3, 1])]:
    case(f"adaptiveAveragePooling{n}d", input, {}, lambda x, n=n, o=out: last(adaptive_avg[n](first(x), o)), outputSize=out)
    case(f"adaptiveMaxPooling{n}d", input, {}, lambda x, n=n, o=out: last(adaptive_max[n](first(x), o)), outputSize=out)

scale = {"gamma": [4], "beta": [4]}
case("layerNormalization", [3, 4], scale, lambda x, gamma, beta: F.layer_norm(x, [4], gamma, beta, 1e-3))
both = {"gamma": [3, 4], "beta": [3, 4]}
case("layerNormalization", [2, 3, 4], both, lambda x, gamma, beta: F.layer_norm(x, [3, 4], gamma, beta, 1e-5), axis=[2, 3], epsilon=1e-5)
group = lambda x, gamma, beta: last(F.group_norm(first(x), 2, gamma, beta, 1e-3))
case("groupNormalization", [3, 2, 4], scale, group, groups=2)
case("instanceNormalization", [3, 2, 4], scale, lambda x, gamma, beta: last(F.instance_norm(first(x), weight=gamma, bias=beta, eps=1e-3)))
case("batchNormalization", [3, 2, 4], scale, lambda x, gamma, beta: last(F.batch_norm(first(x), None, None, gamma, beta, True, 0, 1e-3)))
case("rmsNormalization", [3, 4], {"gamma": [4]}, lambda x, gamma: gamma * x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt())
case("unitNormalization", [3, 4], {}, lambda x: F.normalize(x, dim=-1))

case("reshape", [4, 6], {}, lambda x: x.reshape(2, 3, 8), shape=[3, -1])
case("permute", [2, 3, 4], {}, lambda x: x.permute(0, 3, 1, 2), dims=[3, 1, 2])
case("repeatVector", [4], {}, lambda x: x.unsqueeze(1).repeat(1, 3, 1), n=3)
case("zeroPadding1d", [3, 2], {}, lambda x: F.pad(x, [0, 0, 2, 0]), padding=[2, 0])
case("zeroPadding2d", [2, 3, 2], {}, lambda x: F.pad(x, [0, 0, 2, 3, 1, 0]), padding=[[1, 0], [2, 3]])
case("zeroPadding3d", [2, 1, 2, 1], {}, lambda x: F.pad(x, [0, 0, 1, 1, 1, 1, 1, 1]))
case("cropping1d", [5, 2], {}, lambda x: x[:, 2:], cropping=[2, 0])
case("cropping2d", [4, 5, 2], {}, lambda x: x[:, 1:-1, 2:-2], cropping=[1, 2])
case("cropping3d", [3, 4, 3, 2], {}, lambda x: x[:, 1:-1, 1:-1, 1:-1])
enlarge = lambda mode, size, **more: lambda x: last(F.interpolate(first(x), scale_factor=size, mode=mode, **more))
case("upSampling1d", [3, 2], {}, enlarge("nearest", 3), size=3)
case("upSampling2d", [2, 3, 2], {}, enlarge("nearest", (2, 3)), size=[2, 3])
case("upSampling2d", [3, 4, 2], {}, enlarge("bilinear", (2, 3), align_corners=False), size=[2, 3], interpolation="bilinear")
case("upSampling3d", [1, 2, 2, 2], {}, enlarge("nearest", (2, 2, 2)))
case("rescaling", [3, 2], {}, lambda x: x / 255 - 0.5, scale=1 / 255, offset=-0.5)
case("embedding", [3, 2], {"W": [5, 3]}, lambda x, W: F.embedding(x.long(), W), whole=5, inputDim=5, outputDim=3)

# PyTorch's gates of a gru stand in the order reset, update, candidate.
kinds = [("simpleRnn", torch.rnn_tanh, [0]), ("lstm", torch.lstm, [0, 1, 2, 3]), ("gru", torch.gru, [1, 0, 2])]
for config in [{}, {"returnSequences": True}, {"returnSequences": True, "goBackwards": True}]:
    for type, net, order in kinds:
        recurrent(type, [4, 2], 3, torch_rnn(net, 3, order, config), **config)
recurrent("gru", [4, 2], 3, gru_before, resetAfter=False)


def both_ways(x, forward_W, forward_U, forward_b, backward_W, backward_U, backward_b):
    run = torch_rnn(torch.lstm, 2, [0, 1, 2, 3], {"returnSequences": True})
    ahead = run(x, forward_W, forward_U, forward_b)
    return torch.cat([ahead, run(x.flip(1), backward_W, backward_U, backward_b).flip(1)], -1)


sides = {f"{side}_{key}": shape for side in ["forward", "backward"] for key, shape in [("W", [3, 8]), ("U", [2, 8]), ("b", [8])]}
inner = {"type": "lstm", "config": {"units": 2, "returnSequences": True}}
case("bidirectional", [4, 3], sides, both_ways, layer=inner)
dense = {"type": "dense", "config": {"units": 2, "activation": "tanh"}}
case("timeDistributed", [3, 4], {"W": [4, 2], "b": [2]}, lambda x, W, b: torch.tanh(x @ W + b), layer=dense)



def divided(x, W, b):
    """One power iteration from ones; the directions are constants, σ is not."""
    v = F.normalize(W.detach() @ torch.ones(W.shape[1]), dim=0)
    u = F.normalize(W.detach().T @ v, dim=0)
    return torch.tanh(x @ (W / (v @ W @ u)) + b)


def grouped(x, Wq, Wk, Wv, Wo):
    q, k, v = (torch.einsum("btf,fhd->bhtd", x, W) for W in [Wq, Wk, Wv])
    k, v = (z.repeat_interleave(2, dim=1) for z in (k, v))
    o = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(2), -1) @ v
    return torch.einsum("bhtd,hdf->btf", o, Wo)


shapes = {"Wq": [5, 4, 2], "Wk": [5, 2, 2], "Wv": [5, 2, 2], "Wo": [4, 2, 5]}
case("groupQueryAttention", [3, 5], shapes, grouped, headDim=2, numQueryHeads=4, numKeyValueHeads=2, useBias=False)
normed = lambda x, W, b, g: torch.tanh(x @ (g * W / W.norm(dim=0)) + b)
case("weightNormalization", [4], {"W": [4, 2], "b": [2], "g": [2]}, normed, layer=dense)
case("pixelShuffle", [2, 3, 8], {}, lambda x: last(F.pixel_shuffle(first(x), 2)), factor=2)
lrn = lambda *more: lambda x: last(F.local_response_norm(first(x), *more))
case("localResponseNormalization", [3, 7], {}, lrn(5, 1e-4, 0.75, 1.0))
case("localResponseNormalization", [2, 3, 6], {}, lrn(3, 0.4, 0.6, 2.0), size=3, alpha=0.4, beta=0.6, k=2)
resized = lambda mode, **more: lambda x: last(F.interpolate(first(x), (3, 7), mode=mode, **more))
case("resizing", [5, 4, 2], {}, resized("bilinear", align_corners=False), height=3, width=7)
case("resizing", [5, 4, 2], {}, resized("nearest-exact"), height=3, width=7, interpolation="nearest")
case("centerCrop", [5, 4, 2], {}, lambda x: x[:, 1:4, 1:3], height=3, width=2)
case("spectralNormalization", [4], {"W": [4, 2], "b": [2]}, divided, layer=dense)

def solve(index, type, config, input, params, function, whole):
    random = np.random.RandomState(index)
    draw = lambda shape, scale=1.0: torch.from_numpy(np.array(scale * random.randn(*shape))).requires_grad_()
    shape = [2, *input]
    x = torch.from_numpy(random.randint(0, whole, shape).astype(float)).requires_grad_() if whole else draw(shape)
    weights = {key: draw(shape, 0.5) for key, shape in params.items()}
    y = function(x, **weights)
    y.backward(draw(y.shape).detach())
    found = {key: w.grad.reshape(-1).tolist() for key, w in weights.items()}
    dx = torch.zeros_like(x) if x.grad is None else x.grad
    about = {"type": type, "config": config, "input": input, "params": params, "output": list(y.shape[1:])}
    more = {"whole": whole} if whole else {}
    return {**about, **more, "y": y.reshape(-1).tolist(), "dx": dx.reshape(-1).tolist(), "gradients": found}


results = [solve(i, *c) for i, c in enumerate(cases)]
path = pathlib.Path(__file__).parent.parent / "test/fixtures/torch/layers.json"
lines = ",\n".join(json.dumps(result, separators=(",", ":")) for result in results)
path.write_text(f'{{"torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n')
print(path, len(results), "cases", path.stat().st_size, "bytes")
