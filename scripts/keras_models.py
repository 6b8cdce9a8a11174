"""Writes test/fixtures/keras: models saved by Keras as .keras and .h5, and what they predict.

    pip install keras numpy h5py scipy "jax[cpu]"
    KERAS_BACKEND=numpy python scripts/keras_models.py [NAME...]

Weights are random, moved away from where they begin, so that every array matters.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "numpy")
import keras
import numpy as np
from keras import layers as L

out = pathlib.Path("test/fixtures/keras")
rng = np.random.default_rng(5)


def chain(shape, *layers):
    return keras.Sequential([L.Input(shape), *layers])


def shared():
    a, b = L.Input((6,), name="left"), L.Input((6,), name="right")
    same = L.Dense(4, activation="tanh", name="same")
    head = L.Dense(3, name="head")
    merged = L.Concatenate()([L.Add()([same(a), same(b)]), L.Multiply()([same(a), L.Dense(4)(b)])])
    aside = L.Average()([L.Dense(3)(a), L.Dense(3, use_bias=False)(merged)])
    return keras.Model([a, b], [head(merged), L.Maximum()([head(merged), aside])])


def attention():
    x = L.Input((5, 6))
    y = L.LayerNormalization()(x)
    y = L.MultiHeadAttention(2, 3, value_dim=4)(y, y)
    x1 = L.Add()([x, y])
    y = L.Dense(8, activation="gelu")(x1)
    y = L.Dense(6)(y)
    x2 = L.RMSNormalization()(L.Add()([x1, y]))
    z = L.Attention(use_scale=True)([x2, x1])
    z = L.AdditiveAttention()([z, x2])
    z = L.MultiHeadAttention(1, 2)(z, x2, key=x1, use_causal_mask=True)
    return keras.Model(x, L.GlobalAveragePooling1D()(z))


models = {
    "digits": chain(
        (12, 12, 1),
        L.Conv2D(4, 3, padding="same", activation="relu"),
        L.BatchNormalization(),
        L.MaxPooling2D(),
        L.Conv2D(6, 3, dilation_rate=2, groups=2, kernel_regularizer="l2"),
        L.LeakyReLU(negative_slope=0.2),
        L.Dropout(0.3),
        L.Flatten(),
        L.Dense(7, activation="relu", kernel_initializer="he_normal"),
        L.Dense(4, activation="softmax"),
    ),
    "images": chain(
        (8, 8, 2),
        L.Rescaling(0.5, offset=-0.1),
        L.ZeroPadding2D(((1, 0), (2, 1))),
        L.DepthwiseConv2D(3, depth_multiplier=2, activation="silu"),
        L.SeparableConv2D(5, 3, padding="same"),
        L.PReLU(shared_axes=[1, 2]),
        L.GroupNormalization(groups=-1),
        L.Conv2DTranspose(3, 3, strides=2, padding="same"),
        L.AveragePooling2D(3, strides=2, padding="same"),
        L.UpSampling2D(interpolation="bilinear"),
        L.Cropping2D(2),
        L.SpatialDropout2D(0.2),
        L.ELU(alpha=0.7),
        L.GlobalMaxPooling2D(),
        L.UnitNormalization(),
    ),
    "volumes": chain(
        (4, 4, 4, 2), L.Conv3D(3, 2, activation="softplus"), L.MaxPooling3D(2, strides=1), L.UpSampling3D(),
        L.Conv3DTranspose(2, 2), L.Cropping3D(1), L.ZeroPadding3D(1), L.AveragePooling3D(2), L.GlobalAveragePooling3D(keepdims=True),
        L.Reshape((2,)), L.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.05),
    ),
    "sequences": chain(
        (9, 3), L.Conv1D(4, 3, padding="causal", activation="relu"), L.SeparableConv1D(4, 2), L.DepthwiseConv1D(2),
        L.MaxPooling1D(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.GRU(4, return_sequences=True),
        L.Dense(5, activation="selu"), L.TimeDistributed(L.Dense(4)), L.GRU(3, reset_after=False, return_sequences=True),
        L.SimpleRNN(3, return_sequences=True, go_backwards=True), L.Bidirectional(L.GRU(2), merge_mode="ave"),
        L.Activation("mish"), L.Softmax(),
    ),
    "words": chain(
        (6,), L.Embedding(11, 4), L.SpatialDropout1D(0.1), L.GaussianNoise(0.1), L.Conv1DTranspose(3, 2),
        L.LayerNormalization(epsilon=1e-4), L.Permute((2, 1)), L.Cropping1D(1), L.ZeroPadding1D(1), L.UpSampling1D(2),
        L.AveragePooling1D(2), L.LSTM(5, activation="relu", recurrent_activation="hard_sigmoid"), L.RepeatVector(2),
        L.GaussianDropout(0.1), L.AlphaDropout(0.1), L.GlobalMaxPooling1D(), L.Dense(1, activation="sigmoid", use_bias=False),
    ),
    "shared": shared(),
    "attention": attention(),
}
def nested():
    inner = keras.Sequential([L.Input((4,)), L.Dense(3, activation="tanh", name="first"), L.BatchNormalization()], name="encoder")
    a, b = L.Input((4,)), L.Input((4,))
    left, right = inner(a), inner(b)
    u, v = L.Input((3,), name="u"), L.Input((3,), name="v")
    both = keras.Model([u, v], [L.Add()([u, v]), L.Dense(2, name="first")(L.Concatenate()([u, v]))], name="joined")
    s, t = both([left, right])
    frozen = keras.Sequential([L.Input((3,)), L.Dense(3), L.BatchNormalization(), L.Dense(2)], name="frozen")
    frozen.trainable = False
    return keras.Model([a, b], [L.Concatenate()([frozen(s), t]), L.Dense(2)(right)])


def stepped():
    """A model at every step of a sequence, and one within a chain."""
    image = keras.Sequential([L.Input((5, 5, 1)), L.Conv2D(2, 3), L.BatchNormalization(), L.Flatten(), L.Dense(3)])
    head = keras.Sequential([L.Dense(4, activation="relu"), keras.Sequential([L.Dense(2)])])
    return chain((3, 5, 5, 1), L.TimeDistributed(image), L.LSTM(4), head)


def masked():
    x = L.Input((6,))
    y = L.Embedding(7, 4, mask_zero=True)(x)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(y)
    y = L.GRU(4, return_sequences=True)(y)
    z = L.MultiHeadAttention(2, 3)(y, y)
    return keras.Model(x, [L.GlobalAveragePooling1D()(y), L.LSTM(2)(L.Add()([y, z]))])


def normalized():
    x = L.Input((6,))
    y = L.SpectralNormalization(L.Dense(4, activation="tanh"))(x)
    y = L.BatchNormalization(center=False)(y)
    y = L.BatchNormalization(scale=False)(y)
    return keras.Model(x, L.Dense(2)(y))


def also(*names):
    """Models with random numbers of their own, so that others stay what they are."""
    for name in names:
        global rng
        keras.utils.set_random_seed(4)
        rng = np.random.default_rng(len(name))
        models[name] = {"nested": nested, "stepped": stepped, "masked": masked, "normalized": normalized}[name]()


normal = L.Normalization()
normal.adapt(rng.normal(3, 2, (50, 4)))
models["normal"] = chain((4,), normal, L.Dense(2, activation="exponential"))

if __name__ == "__main__":
    out.mkdir(exist_ok=True)
    file = out / "answers.json"
    answers = json.loads(file.read_text()) if len(sys.argv) > 1 else {}
    wanted = sys.argv[1:] or [*models, "nested", "stepped", "masked", "normalized"]
    for name in wanted:
        if name not in models:
            also(name)
        model = models[name]
        for w in model.weights:
            if w.path.startswith("normalization") or "seed" in w.path or "count" in w.path or "vector_u" in w.path:
                continue
            value = np.asarray(w) + rng.normal(0, 0.3, w.shape)
            w.assign(np.abs(value) + 0.1 if "variance" in w.path else value)
        xs = [rng.normal(0, 1, (2, *i.shape[1:])).astype("float32") for i in model.inputs]
        if name in ("words", "masked"):
            xs = [rng.integers(0, 11 if name == "words" else 7, (2, 6)).astype("float32")]
        if name == "masked":
            xs[0][:, 4:] = 0
        ys = model.predict(xs if len(xs) > 1 else xs[0], verbose=0)
        ys = ys if isinstance(ys, list) else [ys]
        flat = lambda parts: np.concatenate([np.reshape(p, (2, -1)) for p in parts], 1).tolist()
        answers[name] = {"x": flat(xs), "y": flat(ys), "layers": [layer.name for layer in model.layers]}
        model.save(out / f"{name}.keras")
        model.save(out / f"{name}.h5")
        model.save_weights(out / f"{name}.weights.h5") if name == "digits" else None
    file.write_text(json.dumps(answers) + "\n")
