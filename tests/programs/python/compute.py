"""Floating point, big integers, hashes, compression, sorting: arithmetic under preemption."""
import array
import hashlib
import json
import math
import os
import random
import re
import zlib

random.seed(1)
numbers = [random.random() for _ in range(20000)]
results = []
for part in range(3):
    r, w = os.pipe()
    if os.fork() == 0:
        os.write(w, b"%.12f %.12f" % (math.fsum(map(math.sin, numbers)), sum(sorted(numbers)[::7])))
        os._exit(0)
    os.close(w)
    results.append(r)
texts = {os.read(r, 200) for r in results}
for _ in results:
    os.wait()
print(texts)
print(3 ** 2000 % 10 ** 40, math.factorial(300) // 10 ** 590, math.comb(100, 50))
data = array.array("d", numbers).tobytes()
print(hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest())
packed = zlib.compress(data[:40000])
print(zlib.decompress(packed) == data[:40000], zlib.crc32(data))
print(json.loads(json.dumps({"a": [1, 2.5, None, "\u00e4"]})), re.findall(r"(\w)\1", "aabbcd"))
print(f"{math.pi:.15f} {1e308 * 10} {math.nan} {0.1 + 0.2!r} {round(2.5)}")
