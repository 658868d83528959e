"""A search over parameters of the workflow: what may vary, how candidates are chosen, and what each came to.

A candidate is a mapping from dotted names, ``train.dropout``, to values. Candidates are evaluated by
`pipeline.workers`, on processes or a cluster, and a finished result is never lost.
"""
