"""Writes test/fixtures/hdf5: files of every layout that h5py writes, old and new.

    python3 scripts/hdf5_files.py

Element i of every array is i * 7 % 23 - 5, or without the 5 where the type has no sign.
"""

import pathlib

import h5py
import numpy as np

out = pathlib.Path("test/fixtures/hdf5")


def values(shape, dtype="<f4"):
    n = np.arange(int(np.prod(shape))) * 7 % 23
    return (n if np.dtype(dtype).kind in "ub" else n - 5).astype(dtype).reshape(shape)


def fill(file):
    plain = file.create_group("plain")
    for dtype in ["<f4", ">f4", "<f8", "<f2", "i1", "<i4", ">i8", "u1", "<u2"]:
        plain[dtype.replace("<", "little ").replace(">", "big ")] = values((3, 4), dtype)
    plain["scalar"] = np.float32(-5)
    plain["empty"] = np.zeros((0, 3), "f4")
    chunks = file.create_group("chunks")
    chunks.create_dataset("packed", data=values((30, 20)), chunks=(7, 6), compression="gzip", shuffle=True, fletcher32=True)
    chunks.create_dataset("loose", data=values((5, 4, 3), "<f8"), chunks=(2, 3, 2))
    chunks.create_dataset("one", data=values((4, 4)), chunks=(4, 4), compression="gzip")
    chunks.create_dataset("many", data=values((900,)), chunks=(2,))
    half = chunks.create_dataset("half", shape=(4, 6), dtype="<f4", chunks=(2, 6))
    half[:2] = values((2, 6))
    big = chunks.create_dataset("packed big", data=values((9, 9), ">i4"), chunks=(4, 4), compression="gzip", shuffle=True)
    big.attrs["note"] = "a text"
    many = file.create_group("many")
    for i in range(40):
        many[f"array number {i}"] = values((2,))
        many.attrs[f"attribute number {i}"] = f"value {i}"
    file.attrs["names"] = np.array([b"first", b"second"])
    file.attrs["texts"] = ["eins", "zwei"]
    file.attrs["long"] = np.array([b"x" * 500] * 100 if file.libver[0] == "latest" else [b"x" * 50] * 100)


if __name__ == "__main__":
    out.mkdir(exist_ok=True)
    for name, options in {
        "earliest": {},
        "latest": {"libver": "latest"},
        "v108": {"libver": ("v108", "v108")},
        "ordered": {"track_order": True},
    }.items():
        with h5py.File(out / f"{name}.h5", "w", **options) as file:
            fill(file)
    # More chunks than a page lists; of the first page none was written.
    with h5py.File(out / "pages.h5", "w", libver="latest") as file:
        cells = file.create_dataset("x", shape=(33, 33), dtype="u1", chunks=(1, 1))
        cells[31:, 5:] = np.arange(56, dtype="u1").reshape(2, 28)
    # Arrays that may grow: their chunks are counted by what they may become.
    with h5py.File(out / "growing.h5", "w", libver="latest") as file:
        for name, shape, most, chunks, options in [
            ("one axis", (300,), (None,), (3,), {}),
            ("rows", (40, 5), (None, 5), (3, 2), {}),
            ("columns", (5, 40), (9, None), (2, 3), {}),
            ("packed columns", (5, 40), (5, None), (2, 3), {"compression": "gzip"}),
            ("the middle", (3, 30, 2), (7, None, 5), (2, 1, 1), {"compression": "gzip", "shuffle": True}),
            ("both axes", (30, 20), (None, None), (3, 4), {}),
            ("both axes, packed", (30, 20), (None, None), (3, 4), {"compression": "gzip", "fletcher32": True}),
            ("up to an end", (5, 7), (9, 30), (2, 2), {}),
            ("packed up to an end", (5, 7), (9, 30), (2, 2), {"compression": "gzip"}),
        ]:
            file.create_dataset(name, data=values(shape, "<i2"), maxshape=most, chunks=chunks, **options)
        # So many chunks that blocks of them lie in pages; most were never written.
        far = file.create_dataset("far", shape=(150_000,), maxshape=(None,), chunks=(1,), dtype="u1")
        for i in [0, 3, 4, 99, 20_000, 140_000, 149_999]:
            far[i] = i % 251
