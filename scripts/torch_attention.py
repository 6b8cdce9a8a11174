"""Writes test/fixtures/torch/attention.json: attention and its gradients, computed by PyTorch in float64.

    /usr/bin/python3 scripts/torch_attention.py        (Debian's python3-torch)

Dot-product and additive attention are written out in tensors, since PyTorch has no such modules; multi-head attention is
torch.nn.MultiheadAttention with its weights laid out as Keras has them: [features, heads, size].
"""

import json
import math
import pathlib

import torch

root = pathlib.Path(__file__).resolve().parent.parent
torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
cases = []


def drawn(*shape):
    return torch.randn(*shape).requires_grad_()


def keep(layer, config, inputs, parameters, y, leaves):
    """The case with the gradients of Σ t·y; parameters are given as Keras has them."""
    t = torch.randn(y.shape)
    (y * t).sum().backward()
    pack = lambda values: {"shape": list(values.shape), "data": values.detach().reshape(-1).tolist()}
    cases.append(
        {
            "layer": layer,
            "config": config,
            "inputs": [pack(x) for x in inputs],
            "weights": {name: pack(p) for name, (p, _) in parameters.items()},
            "t": pack(t),
            "y": pack(y),
            "dinputs": [pack(x.grad) for x in leaves],
            "dweights": {name: pack(g()) for name, (_, g) in parameters.items()},
        }
    )


def weights(scores, causal):
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    return torch.softmax(scores, -1)


for mode, scaled, causal in [("dot", False, False), ("dot", True, True), ("concat", False, False), ("concat", True, False)]:
    q, v, k = drawn(2, 3, 4), drawn(2, 5, 2), drawn(2, 5, 4)
    parameters = {}
    scale = c = 1.0
    if scaled:
        scale = torch.tensor(0.7).requires_grad_()
        parameters["scale"] = (scale, lambda scale=scale: scale.grad)
    if mode == "concat":
        c = torch.tensor(1.3).requires_grad_()
        parameters["concatWeight"] = (c, lambda c=c: c.grad)
        scores = c * torch.tanh(scale * (q[:, :, None] + k[:, None])).sum(-1)
    else:
        scores = scale * (q @ k.transpose(1, 2))
    y = weights(scores, causal) @ v
    config = {"scoreMode": mode, "useScale": scaled, "useCausalMask": causal}
    keep("attention", config, [q, v, k], parameters, y, [q, v, k])

for scaled in [True, False]:
    q, v = drawn(2, 3, 4), drawn(2, 5, 4)
    a = drawn(4) if scaled else torch.ones(4)
    parameters = {"scale": (a, lambda a=a: a.grad)} if scaled else {}
    y = weights((a * torch.tanh(q[:, :, None] + v[:, None])).sum(-1), False) @ v
    keep("additiveAttention", {"useScale": scaled}, [q, v], parameters, y, [q, v])



def projections(module, heads, prefix=""):
    """The parameters of a MultiheadAttention and their gradients, as Keras lays them out."""
    features = module.embed_dim
    size = features // heads
    found = {}
    for i, name in enumerate("qkv"):
        rows = slice(i * features, (i + 1) * features)
        laid = lambda m, rows=rows: m[rows].T.reshape(features, heads, size)
        flat = lambda m, rows=rows: m[rows].reshape(heads, size)
        found[f"{prefix}W{name}"] = (laid(module.in_proj_weight), lambda laid=laid: laid(module.in_proj_weight.grad))
        found[f"{prefix}b{name}"] = (flat(module.in_proj_bias), lambda flat=flat: flat(module.in_proj_bias.grad))
    out = lambda m: m.T.reshape(heads, size, features)
    found[f"{prefix}Wo"] = (out(module.out_proj.weight), lambda: out(module.out_proj.weight.grad))
    found[f"{prefix}bo"] = (module.out_proj.bias, lambda: module.out_proj.bias.grad)
    return found


for heads, features, same, causal, large in [(2, 6, False, False, 1), (3, 6, True, True, 1), (1, 4, False, False, 4)]:
    module = torch.nn.MultiheadAttention(features, heads, batch_first=True)
    with torch.no_grad():
        module.in_proj_bias.normal_()
        module.out_proj.bias.normal_()
    q = (large * torch.randn(2, 3, features)).requires_grad_()
    k, v = (q, q) if same else (drawn(2, 5, features), drawn(2, 5, features))
    mask = torch.ones(3, 3).triu(1).bool() if causal else None
    y, _ = module(q, k, v, attn_mask=mask)
    leaves = [q] if same else [q, v, k]
    config = {"numHeads": heads, "keyDim": features // heads, "useCausalMask": causal}
    keep("multiHeadAttention", config, leaves, projections(module, heads), y, leaves)

for heads, features, wide, activation, first in [(2, 4, 6, "relu", False), (1, 3, 5, "gelu", True)]:
    module = torch.nn.TransformerEncoderLayer(features, heads, wide, 0.0, activation, 1e-5, True, first)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    x = drawn(2, 5, features)
    y = module(x)
    parameters = projections(module.self_attn, heads, "attention.")
    for name, norm in [("norm1", module.norm1), ("norm2", module.norm2)]:
        parameters[f"{name}.gamma"] = (norm.weight, lambda norm=norm: norm.weight.grad)
        parameters[f"{name}.beta"] = (norm.bias, lambda norm=norm: norm.bias.grad)
    for name, linear in [("dense1", module.linear1), ("dense2", module.linear2)]:
        parameters[f"{name}.W"] = (linear.weight.T, lambda linear=linear: linear.weight.grad.T)
        parameters[f"{name}.b"] = (linear.bias, lambda linear=linear: linear.bias.grad)
    config = {"intermediateDim": wide, "numHeads": heads, "activation": activation, "normalizeFirst": first}
    keep("transformerEncoder", config, [x], parameters, y, [x])

target = root / "test/fixtures/torch/attention.json"
target.write_text(json.dumps(cases) + "\n")
print(target.name, target.stat().st_size)
