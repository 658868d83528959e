"""Recipes: networks that others have trained and written about, as files of parameters, with what is reached here.

``recipe`` reads and checks a file, with ``changes`` for its trials, ``running`` trains its network once for every seed,
``results`` keeps what came of it and on which ``machine``, ``table`` makes Markdown of that.
"""
