"""Writes test/fixtures/numpy/files.json: .npy and .npz files by NumPy, in base64.

    python3 scripts/numpy_files.py

Each array holds arange(size), cast; the shape and the order are in the name.
"""

import base64
import io
import json
import pathlib

import numpy as np
from numpy.lib import format as npy

out = {}


def save(name, array, version=None):
    file = io.BytesIO()
    npy.write_array(file, array, version=version)
    out[name] = base64.b64encode(file.getvalue()).decode()


for dtype in ["<f2", "<f4", "<f8", ">f4", ">f8", "|i1", "<i2", "<i4", "<i8", ">i8", "|u1", "<u2", "<u4", "<u8", ">u2", "|b1"]:
    for shape in [(2, 3, 4), (5,), (), (0, 3)]:
        values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        save(f"{dtype} {list(shape)} C", values)
        if len(shape) > 1:
            save(f"{dtype} {list(shape)} F", np.asfortranarray(values))
for version in [(1, 0), (2, 0), (3, 0)]:
    save(f"<f4 [2, 3] version {version[0]}", np.arange(6, dtype="f4").reshape(2, 3), version)
for name, write in {"npz": np.savez, "npz packed": np.savez_compressed}.items():
    file = io.BytesIO()
    write(file, x=np.arange(6, dtype="f4").reshape(2, 3), y=np.arange(3), flag=np.array(True))
    out[name] = base64.b64encode(file.getvalue()).decode()
save("refused <U3", np.array(["abc"]))
save("refused c8", np.array([1j], dtype="c8"))
save("refused record", np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))
pathlib.Path("test/fixtures/numpy/files.json").write_text(json.dumps(out, indent=0) + "\n")
