"""How untrusted code is run: a warm fork server, isolation, limits and the wire between judge and student.

`client` belongs to the judge. `server`, `student`, `isolate` and `wire` also run on the other side; they are
started as plain scripts from this folder and import nothing else of the project but `course`.
"""
