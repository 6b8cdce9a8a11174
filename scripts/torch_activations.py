"""Writes test/fixtures/torch/activations.json: values and gradients of PyTorch's activations in float64.

    /usr/bin/python3 scripts/torch_activations.py        (Debian's python3-torch and python3-mpmath)

An elementwise entry holds [x, y, dy/dx] by PyTorch, and the exact y and dy/dx (by mpmath, rounded once) where PyTorch's
own are more than 4 units in the last place off. A row-wise entry holds x, dy and PyTorch's y and dx; sparsemax and
entmax15, which PyTorch lacks, are computed here by sorting, as in their papers, and differentiated by PyTorch.
"""

import json
import math
import pathlib

import mpmath as mp
import torch
import torch.nn.functional as F

mp.mp.dps = 60
torch.manual_seed(7)
drawn = torch.cat([torch.randn(24), 4 * torch.randn(16)]).double().tolist()
tails = [s * v for v in (90, 200, 1e4) for s in (-1, 1)]
places = [s * v for v in (1e-8, 1e-3, 0.25, 0.5, 0.75, 1, 2.5, 3, 5.75, 6, 8, 20, 21, 40) for s in (-1, 1)]
points = [*tails, 0.0, *places, *drawn]

sigmoid = lambda x: 1 / (1 + mp.exp(-x))
softplus = lambda x: mp.log1p(mp.exp(x))
below = lambda low, f: lambda x: x if x > low else f(x)
gelu_tanh = lambda x: x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)))
scale, alpha = mp.mpf("1.0507009873554804934193349852946"), mp.mpf("1.6732632423543772848170429916717")

# name, settings, PyTorch's function, the exact one where rounding matters, for which x
elementwise = [
    ("linear", {}, lambda x: x * 1.0, None),
    ("step", {}, lambda x: (x > 0).double() + 0 * x, None),
    ("relu", {}, F.relu, None),
    ("relu6", {}, F.relu6, None),
    ("leakyRelu", {"slope": 0.01}, F.leaky_relu, None),
    ("leakyRelu", {"slope": -0.5}, lambda x: F.leaky_relu(x, -0.5), None),
    ("threshold", {"threshold": 0.25, "defaultValue": -3}, lambda x: F.threshold(x, 0.25, -3), None),
    ("sigmoid", {}, torch.sigmoid, sigmoid),
    ("tanh", {}, torch.tanh, mp.tanh),
    ("softplus", {}, F.softplus, below(20, softplus)),
    ("softplus", {"beta": 2, "threshold": 10}, lambda x: F.softplus(x, 2, 10), below(5, lambda x: softplus(2 * x) / 2)),
    ("exponential", {}, torch.exp, mp.exp),
    ("elu", {}, F.elu, below(0, mp.expm1)),
    ("elu", {"alpha": 0.3}, lambda x: F.elu(x, 0.3), below(0, lambda x: mp.mpf(0.3) * mp.expm1(x))),
    ("celu", {}, F.celu, below(0, mp.expm1)),
    ("celu", {"alpha": 2}, lambda x: F.celu(x, 2), below(0, lambda x: 2 * mp.expm1(x / 2))),
    ("selu", {}, F.selu, lambda x: scale * (x if x > 0 else alpha * mp.expm1(x))),
    ("hardShrink", {}, F.hardshrink, None),
    ("hardShrink", {"threshold": 1}, lambda x: F.hardshrink(x, 1), None),
    ("softShrink", {}, F.softshrink, None),
    ("softShrink", {"threshold": 0.25}, lambda x: F.softshrink(x, 0.25), None),
    ("tanhShrink", {}, F.tanhshrink, lambda x: x - mp.tanh(x)),
    ("hardTanh", {}, F.hardtanh, None),
    ("hardTanh", {"minValue": -0.25, "maxValue": 3}, lambda x: F.hardtanh(x, -0.25, 3), None),
    ("hardSigmoid", {}, F.hardsigmoid, lambda x: min(max(x + 3, mp.mpf(0)), mp.mpf(6)) / 6),
    ("hardSilu", {}, F.hardswish, lambda x: x * min(max(x + 3, mp.mpf(0)), mp.mpf(6)) / 6),
    ("silu", {}, F.silu, lambda x: x * sigmoid(x)),
    ("mish", {}, F.mish, lambda x: x * mp.tanh(softplus(x))),
    ("gelu", {}, F.gelu, lambda x: x * mp.ncdf(x)),
    ("gelu", {"approximate": True}, lambda x: F.gelu(x, approximate="tanh"), gelu_tanh),
    ("softsign", {}, F.softsign, lambda x: x / (1 + abs(x))),
    ("logSigmoid", {}, F.logsigmoid, lambda x: -softplus(-x)),
    ("logit", {"epsilon": 1e-3}, lambda x: torch.logit(x, 1e-3), None),
    ("logit", {}, lambda x: torch.logit(x, 1e-7), None),
    ("isru", {"alpha": 0.3}, lambda x: x / torch.sqrt(1 + 0.3 * x * x), lambda x: x / mp.sqrt(1 + mp.mpf(0.3) * x * x)),
    ("arctan", {}, torch.atan, mp.atan),
    ("sinusoid", {}, torch.sin, mp.sin),
]


def exact(f, x):
    """y and dy/dx, rounded once; the slope at a kink is the one below it."""
    y = f(mp.mpf(x))
    if not math.isfinite(float(y)):
        return [float(y), float(y)]
    h = mp.mpf(10) ** -20 * max(1, abs(x))
    slope = (f(mp.mpf(x)) - f(mp.mpf(x) - h)) / h if abs(x) in (0, 3, 5, 20) else mp.diff(f, mp.mpf(x))
    return [float(y), float(slope)]


def off(a, b):
    return 0 if a == b else math.inf if not math.isfinite(a - b) else abs(a - b) / math.ulp(b)


def number(v):
    return v if math.isfinite(v) else str(v).replace("inf", "Infinity")


entries = []
for name, params, f, truth in elementwise:
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    y = f(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    rows = []
    for a, b, c in zip(points, y.tolist(), slope.tolist()):
        row = [a, number(b), number(c)]
        if truth:
            better = exact(truth, a)
            if off(b, better[0]) > 4 or off(c, better[1]) > 4:
                row += [number(v) for v in better]
        rows.append(row)
    entries.append({"name": name, "params": params, "points": rows})


def by_sorting(x, power):
    """sparsemax (power 1) and entmax of 1.5 (power 2, of x / 2)."""
    z = (x - x.amax(-1, keepdim=True)) / power
    ordered = z.sort(-1, descending=True).values
    k = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    mean = ordered.cumsum(-1) / k
    if power == 1:
        tau = mean - 1 / k
    else:
        spread = k * ((ordered**2).cumsum(-1) / k - mean**2)
        tau = mean - ((1 - spread) / k).clamp(min=0).sqrt()
    size = (tau < ordered).sum(-1, keepdim=True)
    return (z - tau.gather(-1, size - 1)).clamp(min=0) ** power


def halves(g):
    return lambda x: x.chunk(2, -1)[0] * g(x.chunk(2, -1)[1])


rowwise = [
    ("softmax", {}, lambda x: F.softmax(x, -1)),
    ("softmax", {"axis": 1}, lambda x: F.softmax(x, 1)),
    ("softmin", {}, lambda x: F.softmin(x, -1)),
    ("logSoftmax", {}, lambda x: F.log_softmax(x, -1)),
    ("logSoftmax", {"axis": 2}, lambda x: F.log_softmax(x, 2)),
    ("sparsemax", {}, lambda x: by_sorting(x, 1)),
    ("entmax15", {}, lambda x: by_sorting(x, 2)),
    ("glu", {}, lambda x: F.glu(x, -1)),
    ("glu", {"axis": 1}, lambda x: F.glu(x, 1)),
    ("geglu", {}, halves(F.gelu)),
    ("swiglu", {}, halves(F.silu)),
    ("reglu", {}, halves(F.relu)),
    ("crelu", {}, lambda x: torch.cat([F.relu(x), F.relu(-x)], -1)),
]
rows = []
for name, params, f in rowwise:
    for size, factor in (([2, 4, 6], 1.0), ([3, 2, 2, 8], 4.0), ([2, 2, 4], 1e3)):
        x = (factor * torch.randn(size)).double().requires_grad_()
        y = f(x)
        dy = torch.randn(y.shape).double()
        (dx,) = torch.autograd.grad(y, x, dy)
        flat = lambda t: t.detach().reshape(-1).tolist()
        rows.append({"name": name, "params": params, "shape": size, "x": flat(x), "dy": flat(dy), "y": flat(y), "dx": flat(dx)})

fixture = {
    "about": "activations in float64 by PyTorch; made by scripts/torch_activations.py",
    "torch": torch.__version__,
    "elementwise": entries,
    "rowwise": rows,
}
path = pathlib.Path(__file__).resolve().parent.parent / "test/fixtures/torch/activations.json"
path.write_text(json.dumps(fixture).replace('{"name"', '\n{"name"') + "\n")
print(path, path.stat().st_size)
