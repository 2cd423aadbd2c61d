"""The transparency log: RFC 9162 trees in the text and file formats of C2SP.

``tree`` hashes and proves, ``tiles`` lays the tree out as files, ``note`` signs text, ``checkpoint`` is
the head of a log, ``cosignature`` what a witness says about it, ``policy`` whose word counts, ``opening``
puts them together, ``proof`` carries one inclusion.
"""
