"""The marker's desk: written answers, question by question over the whole class, on a local web page.

Everything goes into nbgrader's own gradebook. A change here can lose or alter what a person gave, never what the judge did.
"""
