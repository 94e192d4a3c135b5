"""Small wrong versions of each reference, made by themselves, to measure what judge and visible checks do not see.

`operators` makes them, `workers` tries them, `equivalent` lists those that are as right as the reference, `survey` puts
it together for `autograder gates --mutants`. Nothing here decides a mark; a change can only make the measure better or
worse.

A general mutation tester (mutmut, cosmic-ray) runs a test suite anew for each mutant. Here a mutant is one function or
layer among checks and probes that are loaded already, and the mistakes that matter are those of models: an axis, a mask
that is not passed on, a gradient that is stopped. So the operators are ours.
"""
