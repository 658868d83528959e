"""The network's arithmetic as compiled loops, by numba: the same formulas as beside it in NumPy, in fewer passes.

Nothing here is needed: without numba, which the extra ``fast`` installs, the plain form runs. Each loop has one that
it must equal, and a test goes over all pairs. To read it, begin with ``optimizers`` and ``activations``; ``loops`` puts
them together.
"""
