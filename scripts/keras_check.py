"""Loads with Keras what the library wrote, and compares predictions.

    KERAS_BACKEND=numpy python scripts/keras_check.py FOLDER [NAME...]

FOLDER has NAME.keras, NAME.h5, NAME.weights.h5 for each name in answers.json: { NAME: { x, y, ports } }, two samples each.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "numpy")
import keras
import numpy as np

folder = pathlib.Path(sys.argv[1])
def check(name, answer):
    x = np.asarray(answer["x"], "float32").reshape(2, -1)
    cuts = np.cumsum([int(np.prod(port)) for port in answer["ports"]])[:-1]
    xs = [part.reshape(2, *port) for part, port in zip(np.split(x, cuts, 1), answer["ports"])]

    def compare(model, suffix):
        ys = model.predict(xs if len(xs) > 1 else xs[0], verbose=0)
        ys = ys if isinstance(ys, list) else [ys]
        y = np.concatenate([np.reshape(part, (2, -1)) for part in ys], 1)
        worst = np.abs(y - np.reshape(answer["y"], y.shape)).max()
        print("ok  " if worst < 1e-4 else "FAIL", name, suffix, f"{worst:.1e}", flush=True)

    model = keras.saving.load_model(folder / f"{name}.keras")
    compare(model, ".keras")
    compare(keras.saving.load_model(folder / f"{name}.h5"), ".h5")
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape, weight.dtype))
    model.load_weights(folder / f"{name}.weights.h5")
    compare(model, ".weights.h5")


for name, answer in json.loads((folder / "answers.json").read_text()).items():
    if len(sys.argv) > 2 and name not in sys.argv[2:]:
        continue
    try:
        check(name, answer)
    except Exception as error:
        print("FAIL", name, repr(error)[:400], flush=True)
