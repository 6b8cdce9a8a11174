"""Outputs, losses, metrics and gradients of masked networks as Keras 3 has them, for test/nn/masks.test.ts.

KERAS_BACKEND=jax python scripts/keras_masks.py
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax

jax.config.update("jax_enable_x64", True)
import keras
import numpy as np

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
keras.utils.set_random_seed(1)
rng = np.random.default_rng(7)
L = keras.layers

B, T, F, V = 4, 5, 3, 6
words = rng.integers(1, V, (B, T)).astype("float64")
words[0, 3:] = 0
words[1, 1] = 0
words[2, :2] = 0
steps = rng.normal(size=(B, T, F))
steps[0, 2:] = 0
steps[1, 0] = 0
steps[3, 1] = 0


def heads(count, size):
    """Without any dropout Keras goes another way, in float32, that lets hidden queries see everything."""
    return L.MultiHeadAttention(count, size, dropout=1e-13)


def ids():
    return keras.Input((T,), name="words")


def emb(x):
    return L.Embedding(V, F, mask_zero=True)(x)


def case(name, inputs, output, data, loss="mse", metrics=()):
    model = keras.Model(inputs, output)
    for w in model.weights:
        w.assign(rng.normal(size=w.shape) * 0.5 + (1.0 if "variance" in w.path or "gamma" in w.path else 0.0))
    x = [data] if not isinstance(data, list) else data
    y = np.asarray(model(x if len(x) > 1 else x[0], training=False))
    shape = y.shape
    if loss == "sparse_categorical_crossentropy":
        t = rng.integers(0, shape[-1], shape[:-1]).astype("float64")
    elif loss == "binary_crossentropy":
        t = rng.integers(0, 2, shape).astype("float64")
    else:
        t = rng.normal(size=shape)
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=loss, metrics=list(metrics))
    weights = [np.asarray(w) for w in model.weights]
    evaluated = model.evaluate(x, t, batch_size=2, verbose=0, return_dict=True)
    model.train_on_batch(x, t)
    return {
        "name": name,
        "x": [{"shape": list(v.shape[1:]), "data": v.ravel().tolist()} for v in x],
        "t": t.ravel().tolist(),
        "y": y.ravel().tolist(),
        "weights": [w.ravel().tolist() for w in weights],
        "after": [np.asarray(w).ravel().tolist() for w in model.weights],
        "evaluated": {k: float(v) for k, v in evaluated.items()},
    }


cases = []


def words_case(name, build, **more):
    x = ids()
    cases.append(case(name, x, build(emb(x)), words, **more))


def steps_case(name, build, **more):
    x = keras.Input((T, F), name="steps")
    cases.append(case(name, x, build(L.Masking()(x)), steps, **more))


accuracies = dict(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
words_case("lstm", lambda e: L.LSTM(4)(e))
words_case("lstm of sequences", lambda e: L.LSTM(4, return_sequences=True)(e))
words_case("lstm backwards", lambda e: L.LSTM(4, go_backwards=True)(e))
words_case("gru", lambda e: L.GRU(4)(e))
words_case("gru of sequences", lambda e: L.GRU(2, return_sequences=True, reset_after=False)(e))
words_case("simpleRnn", lambda e: L.SimpleRNN(4)(e))
words_case("two lstms", lambda e: L.LSTM(3)(L.LSTM(4, return_sequences=True)(e)))
words_case("bidirectional", lambda e: L.Bidirectional(L.LSTM(3))(e))
words_case("bidirectional of sequences", lambda e: L.Bidirectional(L.GRU(2, return_sequences=True))(e))
words_case(
    "tags",
    lambda e: L.TimeDistributed(L.Dense(3, activation="softmax"))(L.LSTM(4, return_sequences=True)(e)),
    **accuracies,
)
words_case(
    "yes and no",
    lambda e: L.TimeDistributed(L.Dense(1, activation="sigmoid"))(L.Dropout(0.0)(e)),
    loss="binary_crossentropy",
    metrics=["accuracy", keras.metrics.Precision(name="precision"), keras.metrics.Recall(name="recall"), "mse"],
)
words_case("mean", lambda e: L.GlobalAveragePooling1D()(e))
words_case("layer normalisation", lambda e: L.GlobalAveragePooling1D()(L.LayerNormalization()(e)))
words_case("batch normalisation", lambda e: L.LSTM(2)(L.BatchNormalization()(e)))
words_case("sum with one unmasked", lambda e: L.LSTM(2)(L.Add()([e, L.Conv1D(F, 1)(e)])))
words_case("activation", lambda e: L.LSTM(2)(L.LeakyReLU(0.2)(e)))
words_case("gru backwards", lambda e: L.GRU(2, return_sequences=True, go_backwards=True)(e))
steps_case("masking", lambda s: L.LSTM(4, return_sequences=True)(s))
steps_case("masking and mean", lambda s: L.GlobalAveragePooling1D()(s))
steps_case("attention", lambda s: L.Attention()([s, s]))
steps_case("causal attention", lambda s: L.Attention(use_scale=True)([s, s], use_causal_mask=True))
steps_case("additive attention", lambda s: L.AdditiveAttention()([s, s]))
steps_case("heads", lambda s: heads(2, 3)(s, s))
steps_case("heads and lstm", lambda s: L.LSTM(2)(heads(1, 2)(s, s)))


def two(name, build):
    a, b = ids(), keras.Input((T, F), name="steps")
    cases.append(case(name, [a, b], build(emb(a), L.Masking()(b)), [words, steps]))


two("add", lambda a, b: L.LSTM(2)(L.Add()([a, b])))
two("concatenate", lambda a, b: L.LSTM(2)(L.Concatenate()([a, b])))
two("concatenate steps", lambda a, b: L.LSTM(2)(L.Concatenate(axis=1)([a, b])))
two("maximum", lambda a, b: L.GlobalAveragePooling1D()(L.Maximum()([a, b])))
two("query and value", lambda a, b: L.Attention()([a, b]))
two("heads of query and value", lambda a, b: heads(2, 2)(a, b))

seen = (rng.random((B, T, T)) > 0.4).astype("float64")
seen[:, :, 4] = 1
a, m = keras.Input((T, F), name="steps"), keras.Input((T, T), name="seen")
cases.append(
    case("heads with a mask of their own", [a, m], heads(2, 2)(a, a, attention_mask=m), [steps, seen])
)

path = os.path.join(os.path.dirname(__file__), "../test/fixtures/keras/masks.json")
with open(path, "w") as file:
    json.dump({"keras": keras.__version__, "cases": cases}, file)
    file.write("\n")
print(len(cases), "cases", os.path.getsize(path), "bytes")
