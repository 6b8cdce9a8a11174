"""Writes test/fixtures/keras/training: models that Keras trained for three steps, and their weights after a fourth.

    KERAS_BACKEND=jax python scripts/keras_training.py
    KERAS_BACKEND=jax python scripts/keras_training.py FOLDER

With a folder, loads what the library wrote there, trains a step, and compares: NAME.keras (and NAME.h5) for each name in
answers.json, { NAME: { x, y, weights } }.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy as np
from keras import layers as L
from keras import optimizers as O

rng = np.random.default_rng(7)
x = rng.normal(0, 1, (6, 4)).astype("float32")
y = np.eye(3)[rng.integers(0, 3, 6)].astype("float32")
decay = O.schedules.ExponentialDecay(0.1, 2, 0.5)
optimizers = {
    "sgd": O.SGD(0.1),
    "momentum": O.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": O.RMSprop(0.01),
    "rmsprop_all": O.RMSprop(0.01, momentum=0.5, centered=True, rho=0.8),
    "adam": O.Adam(0.01),
    "amsgrad": O.Adam(0.01, amsgrad=True),
    "adamw": O.AdamW(0.01, weight_decay=0.1),
    "adamax": O.Adamax(0.01),
    "nadam": O.Nadam(0.01),
    "adagrad": O.Adagrad(0.1),
    "adadelta": O.Adadelta(1.0),
    "ftrl": O.Ftrl(0.1, l1_regularization_strength=0.001),
    "lion": O.Lion(0.01),
    "lamb": O.Lamb(0.01),
    "schedule_free": O.ScheduleFreeAdamW(0.01),
    "schedule": O.SGD(decay, momentum=0.9),
    "average": O.Adam(0.01, use_ema=True, ema_overwrite_frequency=2, ema_momentum=0.7),
    "gathered": O.Adam(0.01, gradient_accumulation_steps=2),
    "clipped": O.SGD(0.5, global_clipnorm=0.1),
}


def flat(model):
    return [float(v) for w in model.weights for v in np.asarray(w).ravel()]


def make():
    out = pathlib.Path("test/fixtures/keras/training")
    out.mkdir(exist_ok=True, parents=True)
    answers = {"x": x.ravel().tolist(), "y": y.ravel().tolist(), "weights": {}, "losses": {}}
    for name, optimizer in optimizers.items():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([L.Input((4,)), L.Dense(5, "tanh"), L.BatchNormalization(momentum=0.5), L.Dense(3, "softmax")])
        model.compile(optimizer, keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy", keras.metrics.AUC(name="auc")])
        for _ in range(3):
            model.train_on_batch(x, y)
        model.save(out / f"{name}.keras")
        if name in ("adam", "rmsprop_all", "schedule"):
            model.save(out / f"{name}.h5")
        answers["losses"][name] = float(model.train_on_batch(x, y)[0])
        answers["weights"][name] = flat(model)
    (out / "answers.json").write_text(json.dumps(answers) + "\n")


def check(folder):
    folder = pathlib.Path(folder)
    for name, answer in json.loads((folder / "answers.json").read_text()).items():
        for suffix in ("keras", "h5"):
            if suffix == "h5":
                # Keras 3 cannot train on from a .h5 file, its own neither: it builds the optimizer for no variables, and
                # does not find Lamb at all.
                keras.saving.load_model(folder / f"{name}.h5", compile=name != "lamb")
                continue
            model = keras.saving.load_model(folder / f"{name}.{suffix}")
            xs, ys = (np.asarray(answer[key], "float32").reshape(6, -1) for key in "xy")
            loss = model.train_on_batch(xs, ys)
            loss = float(loss[0] if isinstance(loss, list) else loss)
            worst = np.abs(np.asarray(flat(model)) - answer["weights"]).max()
            good = worst < 2e-5 and abs(loss - answer["loss"]) < 1e-5
            print("ok  " if good else "FAIL", name, suffix, f"{worst:.1e} loss {loss:.6f} {answer['loss']:.6f}")


if __name__ == "__main__":
    check(sys.argv[1]) if len(sys.argv) > 1 else make()
