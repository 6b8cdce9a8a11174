"""Writes test/fixtures/numpy/array.json: what NumPy computes and prints, for the small array API.

    /usr/bin/python3 scripts/numpy_array.py

Each case is a line of Python with the arrays it starts from; its result is kept as numbers, dtype, shape, str and repr.
"""

import json
import pathlib

import numpy as np

root = pathlib.Path(__file__).resolve().parent.parent
random = np.random.RandomState(5)
f4, f8 = np.float32, np.float64


def number(x):
    return float(x) if np.isfinite(x) else str(float(x))


def kept(a):
    return {
        "shape": list(a.shape),
        "dtype": {"int64": "int32"}.get(str(a.dtype), str(a.dtype)),
        "data": [number(v) for v in a.ravel()],
    }


printed = []


def show(values, dtype=f4, **options):
    a = np.asarray(values, dtype)
    with np.printoptions(**options):
        # NumPy leaves int64 unnamed where we have int32
        printed.append({**kept(a), "options": options, "str": str(a), "repr": repr(a)})


for dtype in (f4, f8):
    show([0, 2, 0, 3.3, 0, 1.1, 2.2, 0], dtype)
    show([[0.895282664, 0.02470831, 0.08000903], [0.99981113, 2.23163e-05, 1.66555e-04]], dtype)
    show(np.ones((2, 3)), dtype)
    show([-1.5, 2, -0.25], dtype)
    show([1e-5, 1], dtype)
    show([0.0001, 0.05], dtype)
    show([0.1, 1e-5, -3], dtype)
    show([123456789.0, 1.5], dtype)
    show([1e8], dtype)
    show([99999999.0, 1234], dtype)
    show([1e10, 1e20, -1e-20], dtype)
    show([1.0, np.nan, -2.5], dtype)
    show([np.inf, 1.25], dtype)
    show([-np.inf, np.nan, np.inf], dtype)
    show([1e-10, np.inf], dtype)
    show([np.nan], dtype)
    show([-0.0, 0.0, 1.0], dtype)
    show(0.1 * np.arange(30), dtype)
    show(np.arange(12).reshape(3, 4), dtype)
    show(np.arange(24).reshape(2, 3, 4) / 7, dtype)
    show(np.arange(16).reshape(2, 2, 2, 2) - 8, dtype)
    show(np.arange(2000), dtype)
    show(np.arange(1200).reshape(40, 30) / 3, dtype)
    show(np.arange(1440).reshape(12, 10, 12), dtype)
    show(random.randn(25), dtype)
    show(random.randn(6, 9) * 100, dtype)
    show(random.randn(3, 3) * 1e-6, dtype)
    show(random.randn(4, 2) * [1e12, 1e-3], dtype)
    show(2.0 ** -np.arange(12), dtype)
    show([1 / 512, 3 / 512, 0.5], dtype)
    show([0.123456785, 0.123456775, 1 / 3], dtype)
    show(np.zeros((0,)), dtype)
    show(np.zeros((3, 0)), dtype)
    show(np.zeros((1, 1)), dtype)
    show(18.171, dtype)
    show(1, dtype)
    show(1e-5, dtype)
    show(1e16, dtype)
    show(-1 / 3, dtype)
    show(np.nan, dtype)
    show(random.randn(3, 3), dtype, precision=3)
    show([1e-6, 1], dtype, suppress=True)
    show(np.arange(20), dtype, threshold=10, edgeitems=2)
    show(np.arange(20) / 3, dtype, linewidth=40)
    show(10.0 ** np.arange(-3, 4), dtype)
    show([3.4e38, 1], dtype)
    show([311408.625, 6459.65625, 2097151.75], dtype)
    show(166080.625, dtype)
    show(random.rand(7) * 1e-3, dtype)
show([[True, False], [False, True]], bool)
show(True, bool)
show([0, -1, 100], np.int32)
show(np.arange(30).reshape(5, 6), np.int32)
show(7, np.int32)

arrays = {
    "a": random.randn(3, 4),
    "b": random.randn(3, 1),
    "c": random.randn(4),
    "d": random.rand(2, 3, 4) + 0.5,
    "m": random.randn(4, 5),
    "v": random.randn(1003) * 10,
    "w": random.randn(301, 7),
    "n": np.array([1.0, np.nan, 3.0, -np.inf]),
    "t": np.array([2.0, 5.0, 5.0, -1.0, 5.0]),
    "h": np.array([0.5, 1.5, 2.5, -0.5, -1.5]),
    "s": random.randn(5, 6, 7),
}
# Python on the left, TypeScript on the right
lines = """
a + b | a.add(b)
a - c | a.sub(c)
a * 0.1 | a.mul(0.1)
a / d | a.div(d)
d ** 2 | d.pow(2)
d ** 0.5 | d.pow(0.5)
d ** c | d.pow(c)
-a | a.neg()
np.maximum(a, 0) | a.maximum(0)
np.minimum(a, b) | a.minimum(b)
np.maximum(n, 0) | n.maximum(0)
a > b | a.greater(b)
a >= 0 | a.greaterEqual(0)
a < c | a.less(c)
a <= a | a.lessEqual(a)
t == 5 | t.equal(5)
n != n | n.notEqual(n)
(a > 0) + (b > 0) * 1 | a.greater(0).add(b.greater(0).mul(1))
(a > 0) * a | a.greater(0).mul(a)
(a > 0) * 0.5 | a.greater(0).mul(0.5)
(t == 5).mean() | t.equal(5).mean()
(a > 0).sum() | a.greater(0).sum()
(a > 0).sum(axis=1) | a.greater(0).sum({ axis: 1 })
np.exp(a) | a.exp()
np.expm1(a) | a.expm1()
np.log(d) | d.log()
np.log1p(d) | d.log1p()
np.sqrt(d) | d.sqrt()
np.abs(a) | a.abs()
np.sign(a) | a.sign()
np.square(a) | a.square()
np.sin(a) | a.sin()
np.cos(a) | a.cos()
np.tan(c) | c.tan()
np.tanh(a) | a.tanh()
np.floor(a) | a.floor()
np.ceil(a) | a.ceil()
np.round(h) | h.round()
a @ m | a.matmul(m)
a @ c | a.matmul(c)
c @ m | c.matmul(m)
c @ c | c.matmul(c)
d @ m | d.matmul(m)
d @ d.transpose(0, 2, 1) | d.matmul(d.transpose(0, 2, 1))
s[0, :2, :3] @ d | s.slice(0, [0, 2], [0, 3]).matmul(d)
v.sum() | v.sum()
w.sum() | w.sum()
w.sum(axis=0) | w.sum({ axis: 0 })
w.sum(axis=1) | w.sum({ axis: 1 })
w.mean(axis=0) | w.mean({ axis: 0 })
s.sum(axis=1) | s.sum({ axis: 1 })
s.sum(axis=(0, 1)) | s.sum({ axis: [0, 1] })
s.sum(axis=(1, 2)) | s.sum({ axis: [1, 2] })
s.sum(axis=-1, keepdims=True) | s.sum({ axis: -1, keepdims: true })
s.mean(keepdims=True) | s.mean({ keepdims: true })
b.sum(axis=0) | b.sum({ axis: 0 })
a.max() | a.max()
a.max(axis=1, keepdims=True) | a.max({ axis: 1, keepdims: true })
s.min(axis=(0, 2)) | s.min({ axis: [0, 2] })
n.max() | n.max()
n.argmax() | n.argmax()
a.argmax() | a.argmax()
s.argmax(axis=1) | s.argmax({ axis: 1 })
s.argmin(axis=0) | s.argmin({ axis: 0 })
t.argmax(axis=0) | t.argmax({ axis: 0 })
np.exp(a - a.max(axis=1, keepdims=True)) | a.sub(a.max({ axis: 1, keepdims: true })).exp()
a.reshape(2, -1) | a.reshape(2, -1)
a.T | a.T
s.transpose(2, 0, 1) | s.transpose(2, 0, 1)
s.T | s.T
a[1] | a.slice(1)
a[:2] | a.slice([0, 2])
a[-1, 1:] | a.slice(-1, [1])
a[:, 1] | a.slice(null, 1)
a[::-1, ::2] | a.slice([null, null, -1], [null, null, 2])
v[5:1:-2] | v.slice([5, 1, -2])
v[-3:] | v.slice([-3])
a[2:1] | a.slice([2, 1])
v[1:99999:400] | v.slice([1, 99999, 400])
a[[2, 0, -1]] | a.take([2, 0, -1])
a[:, [3, 1]] | a.take([3, 1], { axis: 1 })
np.concatenate([a, b], axis=1) | concat([a, b], { axis: 1 })
np.concatenate([a, a, a]) | concat([a, a, a])
np.stack([c, c + 1]) | stack([c, c.add(1)])
np.stack([c, c + 1], axis=-1) | stack([c, c.add(1)], { axis: -1 })
np.zeros((2, 3), f) | zeros([2, 3], { dtype: f })
np.ones(4, f) | ones(4, { dtype: f })
np.full((2,), 0.1, f) | full([2], 0.1, { dtype: f })
np.eye(3, dtype=f) | eye(3, { dtype: f })
np.arange(5, dtype=f) | arange(5, undefined, 1, { dtype: f })
np.arange(-1, 1, 0.1, dtype=f) | arange(-1, 1, 0.1, { dtype: f })
np.linspace(-6, 6, 200, dtype=f) | linspace(-6, 6, 200, { dtype: f })
np.where(a > 0, a, 0.3 * a) | a.map('x > 0 ? x : 0.3 * x')
1 / (1 + np.exp(-a)) | a.neg().exp().add(1).pow(-1)
"""

cases = []
for dtype in (f4, f8):
    here = {name: value.astype(dtype) for name, value in arrays.items()}
    for line in lines.strip().splitlines():
        python, code = line.split(" | ")
        result = np.asarray(eval(python, {"np": np, "f": dtype, **here}))
        cases.append({"python": python, "code": code, "type": np.dtype(dtype).name, **kept(result)})

target = root / "test/fixtures/numpy/array.json"
target.parent.mkdir(exist_ok=True)
target.write_text(
    json.dumps(
        {
            "about": f"NumPy {np.__version__}, scripts/numpy_array.py",
            "arrays": {name: kept(value) for name, value in arrays.items()},
            "printed": printed,
            "cases": cases,
        }
    )
)
