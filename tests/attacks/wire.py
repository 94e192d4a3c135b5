"""The channel to the judge: forged, replayed, oversized and malformed replies."""

from attacks import attack

F = "forged replies"
FIND = """
import gc, json, os, socket, struct, sys
sockets = [s for s in gc.get_objects() if isinstance(s, socket.socket)]
def frame(header, payload=b""):
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(head), len(payload)) + head + payload
"""

attack(
    F,
    "answers questions before they are asked",
    told="answer",
    code=FIND
    + """
for s in sockets:
    for number in range(1, 60):
        s.sendall(frame({"number": number, "arrays": [["", "float32", [1]]]}, b"\\0\\0\\0\\0"))
""",
)
attack(
    F,
    "answers with the number of the next question",
    told="answer|not written",
    code=FIND
    + """
def softmax(scores, axis=-1):
    f = sys._getframe()
    while f:
        number = f.f_locals.get("number")
        if isinstance(number, int):
            for s in sockets: s.sendall(frame({"number": number, "arrays": [["", "float32", [1]]]}, b"\\0\\0\\0\\0"))
        f = f.f_back
    return scores
""",
)
attack(
    F,
    "sends a reply larger than any",
    told="larger|answer",
    code=FIND
    + """
for s in sockets: s.sendall(struct.pack(">II", 2 ** 31, 2 ** 32 - 1) + b"x" * 1000)
""",
)
attack(
    F,
    "sends a header that is no JSON",
    told="no answer",
    code=FIND
    + """
for s in sockets: s.sendall(frame(b"{" * 1000))
""",
)
attack(
    F,
    "sends JSON nested a hundred thousand deep",
    told="no answer",
    code=FIND
    + """
for s in sockets: s.sendall(frame(b"[" * 100_000))
""",
)
attack(
    F,
    "sends half a reply and falls silent",
    told="waited|no answer|larger",
    code=FIND
    + """
import time
for s in sockets: s.sendall(struct.pack(">II", 100, 0) + b"{")
time.sleep(1000)
""",
)
attack(
    F,
    "sends a pickle where arrays are due",
    told="no answer|not asked",
    code=FIND
    + """
import pickle
class Boom:
    def __reduce__(self): return (os.system, ("touch /tmp/written-by-a-submission",))
for s in sockets: s.sendall(frame({"number": 1, "arrays": [["", "object", [1]]]}, pickle.dumps(Boom())))
""",
)
attack(
    F,
    "sends arrays whose shapes do not add up",
    told="no answer|not asked",
    code=FIND
    + """
for s in sockets: s.sendall(frame({"number": 1, "arrays": [["", "float64", [-1, 2 ** 62]], ["", "int8", [2 ** 70]]]}))
""",
)
attack(
    F,
    "closes every file, the channel included",
    told=".",
    code="""
import os
for n in range(3, 256):
    try: os.close(n)
    except OSError: pass
""",
)
attack(
    F,
    "sends points, marks and a score along",
    told=".",
    code=FIND
    + """
for s in sockets: s.sendall(frame({"number": 2, "points": 20, "score": 20, "marks": {"softmax": 99}, "arrays": []}))
""",
)
