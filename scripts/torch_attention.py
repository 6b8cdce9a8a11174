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

for heads, features, same, causal, large in [(2, 6, False, False, 1), (3, 6, True, True, 1), (1, 4, False, False, 4)]:
    module = torch.nn.MultiheadAttention(features, heads, batch_first=True)
    with torch.no_grad():
        module.in_proj_bias.normal_()
        module.out_proj.bias.normal_()
    size = features // heads
    q = (large * torch.randn(2, 3, features)).requires_grad_()
    k, v = (q, q) if same else (drawn(2, 5, features), drawn(2, 5, features))
    mask = torch.ones(3, 3).triu(1).bool() if causal else None
    y, _ = module(q, k, v, attn_mask=mask)
    parameters = {}
    for i, name in enumerate("qkv"):
        rows = slice(i * features, (i + 1) * features)
        laid = lambda m, rows=rows: m[rows].T.reshape(features, heads, size)
        flat = lambda m, rows=rows: m[rows].reshape(heads, size)
        parameters[f"W{name}"] = (laid(module.in_proj_weight), lambda laid=laid, m=module: laid(m.in_proj_weight.grad))
        parameters[f"b{name}"] = (flat(module.in_proj_bias), lambda flat=flat, m=module: flat(m.in_proj_bias.grad))
    out = lambda m: m.T.reshape(heads, size, features)
    parameters["Wo"] = (out(module.out_proj.weight), lambda m=module, out=out: out(m.out_proj.weight.grad))
    parameters["bo"] = (module.out_proj.bias, lambda m=module: m.out_proj.bias.grad)
    leaves = [q] if same else [q, v, k]
    config = {"numHeads": heads, "keyDim": size, "useCausalMask": causal}
    keep("multiHeadAttention", config, leaves, parameters, y, leaves)

target = root / "test/fixtures/torch/attention.json"
target.write_text(json.dumps(cases) + "\n")
print(target.name, target.stat().st_size)
