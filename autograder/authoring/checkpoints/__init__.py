"""How each lab's small trained weights are made, one module a lab; `make` runs them.

A change here changes nothing until `make checkpoints` is run.
"""
