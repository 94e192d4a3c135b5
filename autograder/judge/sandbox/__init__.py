"""How untrusted code is run: a warm fork server, isolation, limits and the wire between judge and student.

`client` and `student_handle` belong to the judge. `fork_server`, `student_process`, `isolation`, `tripwire` and `wire`
also run on the other side; they are started as plain scripts from this folder and import nothing else of the project but `course`.
A change here can let code out or stop a class: run the attack corpus and the faults.
"""
