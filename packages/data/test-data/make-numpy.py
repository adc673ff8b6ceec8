# Writes the NumPy files beside it: python3 make-numpy.py. The images are the same in all: pixel i is (7 i + 3) mod 251.
import numpy as np

x = ((7 * np.arange(12 * 5 * 4) + 3) % 251).astype(np.uint8).reshape(12, 5, 4)
y = np.arange(12) % 3
x_test, y_test = x[:6, ::-1].copy(), (np.arange(6) + 1) % 3

np.savez("keras.npz", x_train=x, y_train=y.astype(np.uint8), x_test=x_test, y_test=y_test.astype(np.uint8))
np.savez_compressed(
    "packed.npz",
    train_images=x[..., None],
    train_labels=y.astype(np.int64)[:, None],
    val_images=x_test,
    test_images=x_test[..., None],
    test_labels=y_test.astype(">i4")[:, None],
)
np.save("float.npy", (x / 255).astype(np.float32))
np.save("fortran.npy", np.asfortranarray(x))
np.save("objects.npy", np.array([1, "two", None], dtype=object), allow_pickle=True)
np.save("records.npy", np.zeros(3, dtype=[("a", "u1"), ("b", "<i2")]))
np.save("mixed.npy", np.array([-1, 2**40, -(2**52)], dtype=">i8"))
