# Writes the Parquet tables beside it: python3 make-parquet.py (pyarrow 25, polars 1.44, duckdb 1.5, Pillow). The pictures are the same in
# all, six of 4 x 4: pixel i of them all is (7 i + 3) mod 251. They differ in how a writer puts them: versions of pages, encodings, nesting.
import io

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

pixels = [(7 * i + 3) % 251 for i in range(6 * 16)]


def png(i):
    file = io.BytesIO()
    Image.frombytes("L", (4, 4), bytes(pixels[16 * i : 16 * i + 16])).save(file, "PNG")
    return file.getvalue()


pictures = pa.array([png(i) for i in range(6)], pa.binary())
labels = pa.array([i % 3 for i in range(6)], pa.int64())
rows = [[pixels[16 * i + 4 * y : 16 * i + 4 * y + 4] for y in range(4)] for i in range(6)]
plain = pa.table({"image": pictures, "label": labels})
nested = pa.table({"image": pa.array(rows, pa.list_(pa.list_(pa.uint8()))), "label": labels})
structs = pa.table({"image": pa.array([{"bytes": png(i), "path": f"{i}.png"} for i in range(6)]), "label": labels})

pq.write_table(structs, "hugging-face.parquet")
pq.write_table(nested, "nested.parquet", data_page_version="2.0", compression="none")
encodings = {"image": "DELTA_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"}
for version in ("1.0", "2.0"):
    name = f"deltas-v{version[0]}.parquet"
    pq.write_table(plain, name, data_page_version=version, use_dictionary=False, column_encoding=encodings)
polars.from_arrow(nested).write_parquet("polars.parquet", compression="snappy")
duckdb.sql("COPY plain TO 'duckdb.parquet' (FORMAT parquet, CODEC 'snappy', PARQUET_VERSION V2)")
