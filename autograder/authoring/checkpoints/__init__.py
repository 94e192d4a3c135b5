"""How each lab's checkpoints are made, one module a lab; see `autograder.authoring.checkpoints.make`."""
