"""Recipes: networks that others have trained and written about, as files of parameters, with what is reached here.

``reading`` makes a ``recipe`` of a file, or a ``mixed`` ensemble of several, with ``changes`` for its trials;
``running`` trains its network once for every seed, or the ``members`` of an ensemble, which are looked for in the
``model_cache``; ``results`` has what came of it and on which ``machine``, as ``documents`` whose ``shapes`` are
checked and whose names of before are ``renamed``; ``table`` makes Markdown of that, and ``comparison`` compares two.
"""
