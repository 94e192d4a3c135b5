"""From lesson and reference to notebooks: build, gates, checkpoints. For authors.

A change here can break a build, or what authors are told of their exercises; it can never break a mark.
"""
